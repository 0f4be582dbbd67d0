"""The project and the promises of the chaos with alerts: what people were told, held against what happened.

What Slack has got is the double's list; what happened is in the rows of the runs.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from support.chaos_server import Broken, check_output
from support.slack import TOKEN, Slack

from jeeves_runner.db.connection import connect

CHANNELS: Final = ("C0000001", "C0000002")
SECRET: Final = "s3cret-of-the-chaos-that-must-not-be-read"
SHUTDOWN_GRACE: Final = 0.0
KILL_GRACE: Final = 0.5

_CONFIG: Final = """
port: 0
data_dir: disk
min_free: 1MiB
shutdown_grace: 0s
max_concurrency: 8
log: {{file: runner.log}}
sync: {{interval: 1s}}
notifications:
  default_on_failure: [{channels}]
  slack: {{token_path: token, base_url: '{url}'}}
"""
_DEFAULTS: Final = "defaults:\n  timeout: 20s\n  kill_grace: 500ms\n  overlap_policy: skip\n"
_FAILS: Final = (
    'env: {WORD: {file: secret}}\nrun: |\n  echo "the word is $WORD" >&2\n  echo "$WORD"\n'
    "  [ -e ok/$JR_JOB_ID ] || exit 3\n"
)

MANY: Final = tuple(f"many-{number}" for number in range(24))
"""They fail at once, and are well again at once."""

PLAIN: Final = ("plain", "retried", "one-channel", "long", *MANY)
"""Jobs that are not muted, disabled or deleted: all that is to be told of them follows from their runs."""

JOBS: Final = {
    "plain": _FAILS,
    "retried": "retries: {limit: 1, delay: 200ms}\n" + _FAILS,
    "one-channel": "on_failure: C0000002\n" + _FAILS,
    "long": "run: sleep 1; [ -e ok/long ] || exit 3\n",
    "tick": "schedule: '* * * * * *'\n" + _FAILS,
    "few": "alert: {after: 2}\n" + _FAILS,
    "muted": _FAILS,
    "switched": _FAILS,
}

Row = dict[str, Any]


def lay_out(root: Path, slack: Slack) -> None:
    """A project whose jobs fail until there is a file of their name in ``ok``."""
    for folder in ("jobs.d", "ok"):
        (root / folder).mkdir()
    for name, text in {"token": TOKEN, "secret": SECRET}.items():
        (root / name).write_text(text)
        (root / name).chmod(0o600)
    config = _CONFIG.format(channels=", ".join(CHANNELS), url=slack.url.rstrip("/"))
    (root / "jeeves-runner.yaml").write_text(config)
    (root / "jobs.d" / "_defaults.yaml").write_text(_DEFAULTS)
    for name, text in (JOBS | dict.fromkeys(MANY, _FAILS)).items():
        (root / "jobs.d" / f"{name}.yaml").write_text(text)


def rows_of(database: Path, sql: str) -> list[Row]:
    with closing(connect(database)) as conn:
        cursor = conn.execute(sql)
        return [dict(zip((name for name, _ in cursor.getdescription()), row, strict=True)) for row in cursor]


_OUTBOX: Final = (
    "SELECT id, channel, said, cause, incident_id, job_id, created_at, bundle, status, ref, error"
    " FROM outbox ORDER BY id"
)


def outbox_of(database: Path) -> list[Row]:
    return rows_of(database, _OUTBOX)


def database_id_of(database: Path) -> str:
    """What the ids of its messages begin with."""
    return str(rows_of(database, "SELECT database_id FROM outbox_owner")[0]["database_id"])


def pending(database: Path) -> list[Row]:
    """What is still to be said."""
    return [row for row in outbox_of(database) if row["status"] == "pending"]


def kept(database: Path, slack: Slack, logs: Iterable[Path]) -> Counter[str]:
    """Broken if a promise was not kept; figures for people. Nothing runs any more, and all has been said."""
    outbox, own = outbox_of(database), database_id_of(database)
    if unsaid := [row for row in outbox if row["status"] != "sent"]:
        raise Broken(f"not said: {unsaid[:5]}, {len(unsaid)} in all")
    messages = {each["ts"]: each for each in slack.messages if alert_of(each).startswith(f"{own}/")}
    _once(outbox, messages)
    _named(outbox, messages, slack.files)
    _in_order(outbox, messages)
    _few(outbox)
    _all_that_happened(database, outbox)
    _no_secret(slack, logs)
    return Counter({"messages": len(messages), "rows of the outbox": len(outbox)})


def _once(outbox: list[Row], messages: dict[str, Row]) -> None:
    """Each row is in one message of its channel, and each message is of rows."""
    alerts = Counter((each["channel"], alert_of(each)) for each in messages.values())
    if twice := [alert for alert, count in alerts.items() if count > 1]:
        raise Broken(f"said twice: {twice}")
    for row in outbox:
        message = messages.get(row["ref"])
        if message is None or message["channel"] != row["channel"]:
            raise Broken(f"recorded as said, and it has not arrived: {row}")
    if orphans := messages.keys() - {row["ref"] for row in outbox}:
        raise Broken(f"messages of which nothing is known: {[messages[ts]['text'] for ts in orphans]}")


def _named(outbox: list[Row], messages: dict[str, Row], files: list[Row]) -> None:
    """A message names the jobs that it is about, itself or in a file below it."""
    shown: dict[str, str] = {}
    for ts, message in messages.items():
        below = [each["content"] for each in files if each["thread_ts"] in (ts, message["thread_ts"])]
        shown[ts] = json.dumps([message, *below])
    for row in outbox:
        if row["job_id"] is not None and row["job_id"] not in shown[row["ref"]]:
            raise Broken(f"a message does not name its job: {row}, {messages[row['ref']]}")


def alert_of(message: Row) -> str:
    """The id of its alert; empty for a file."""
    found = message.get("metadata") or {}
    found = json.loads(found) if isinstance(found, str) else found
    return str((found.get("event_payload") or {}).get("alert_id", ""))


def _in_order(outbox: list[Row], messages: dict[str, Row]) -> None:
    """Of each incident on each channel: opened once, then reminders, then over once, below the first."""
    by_incident: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in outbox:
        if row["incident_id"] is not None:
            by_incident[row["incident_id"], row["channel"]].append(row)
    for rows in by_incident.values():
        words = " ".join(row["said"] for row in rows)
        if not re.fullmatch(r"opened( reminder)*( recovered)?", words):
            raise Broken(f"an incident was told as {words}: {rows}")
        times = [row["ref"] for row in rows]
        if times != sorted(times):
            raise Broken(f"an incident was told in another order: {rows}")
        for row in rows[1:]:
            thread = messages[row["ref"]]["thread_ts"]
            if row["bundle"] is None and row["ref"] != times[0] and thread != times[0]:
                raise Broken(f"a reply is not below its first message: {row}, {messages[row['ref']]}")


def _few(outbox: list[Row]) -> None:
    """A minute's news on a channel are 11 messages at most, and what a stop has interrupted is one more."""
    news = [row for row in outbox if row["said"] in ("opened", "event")]
    counted = [row for row in news if not (row["bundle"] or "").startswith("stop ")]
    by_minute: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in counted:
        by_minute[row["channel"], row["created_at"][:16]].add(row["ref"])
    if floods := {minute: len(refs) for minute, refs in by_minute.items() if len(refs) > 11}:
        raise Broken(f"a flood: {floods}")


_ENDS: Final = """
SELECT job_id, status, cause, id FROM (
  SELECT job_id, status, id, finished_at, attempt,
    CASE status WHEN 'ok' THEN 'ok' WHEN 'interrupted' THEN 'interrupted' WHEN 'error' THEN 'failure'
      WHEN 'timeout' THEN 'failure' END AS cause,
    row_number() OVER (PARTITION BY coalesce(chain_id, id) ORDER BY attempt DESC) AS newest
  FROM runs WHERE status NOT IN ('scheduled', 'running'))
WHERE newest = 1 AND cause IS NOT NULL ORDER BY job_id, finished_at, id
"""


def _all_that_happened(database: Path, outbox: list[Row]) -> None:
    """What follows from the ends of runs was told, and nothing else."""
    said = {
        (job, channel): [(row["said"], row["cause"]) for row in rows]
        for (job, channel), rows in _grouped(outbox).items()
    }
    for job, ends in groupby(rows_of(database, _ENDS), key=lambda row: row["job_id"]):
        if job in PLAIN:
            channels = CHANNELS[1:] if job == "one-channel" else CHANNELS
            wanted = _follows([end["cause"] for end in ends])
            for channel in channels:
                if said.get((job, channel), []) != wanted:
                    raise Broken(f"{job} on {channel}: {said.get((job, channel))}, and it was {wanted}")


def _grouped(outbox: list[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in outbox:
        if row["job_id"] in PLAIN and row["incident_id"] is not None:
            found[row["job_id"], row["channel"]].append(row)
    return found


def _follows(causes: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    is_open: list[str] = []
    for cause in causes:
        if cause == "ok":
            found += [("recovered", each) for each in is_open]
            is_open = []
        elif cause not in is_open:
            is_open.append(cause)
            found.append(("opened", cause))
    return found


def _no_secret(slack: Slack, logs: Iterable[Path]) -> None:
    for each in (*slack.messages, *slack.files):
        if SECRET in json.dumps(each) or TOKEN in json.dumps(each):
            raise Broken(f"a message holds a secret: {each}")
    for log in logs:
        text = log.read_text()
        check_output(log.name, text)
        if SECRET in text or TOKEN in text:
            raise Broken(f"{log} holds a secret")
