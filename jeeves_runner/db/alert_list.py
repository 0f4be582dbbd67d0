"""What is wrong and what is to be said of it, as people look at it: open incidents, messages, counts."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, TypedDict, cast

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.machine import COUNTED
from jeeves_runner.core.alerts.policy import addresses_of, policy_of
from jeeves_runner.core.alerts.words import Cause, ClosedBy, Said
from jeeves_runner.core.wording import one_line
from jeeves_runner.db.outbox import LEFT_TO_ANOTHER
from jeeves_runner.db.overrides import mutes
from jeeves_runner.db.pages import ROOM, Page, page

FRESH: Final = timedelta(days=1)
"""For so long a message that was given up counts as something wrong."""

Untold = Literal["too_few", "muted", "no_channel", "next_time"]
"""Why people have not been told of an incident: it has not happened ``alert.after`` times, it is muted, there
is no channel for it, or the reason is gone, and it is told when it is next looked at or happens again."""

MessageStatus = Literal["pending", "sent", "failed"]


class IncidentRow(TypedDict):
    """Something that is wrong, or was."""

    id: int
    """Its number."""
    cause: Annotated[str, Cause]
    """What is wrong."""
    job_id: str | None
    """With which job; null: with none."""
    subject: str
    """With what besides, such as a manifest; empty: nothing."""
    what: str | None
    """What happened last, in words; null: nothing is known of it but the cause."""
    count: int
    """How often it has happened since it opened."""
    run_id: int | None
    """The newest run of it, which may be deleted by now."""
    opened_at: str
    """When the first of it happened."""
    told_at: str | None
    """When people were first told; null: not yet."""
    said_at: str | None
    """When they were last told."""
    remind_at: str | None
    """From when on there is something to say again; null: never."""
    channels: list[str]
    """Where it was told, or is to be told."""
    unsent: list[str]
    """Those of them that have not taken the newest message about it: it was given up, or tried in vain."""
    muted: bool
    """Whether nothing is said of it now."""
    untold: Untold | None
    """Why people have not been told; null: they have, or it is over."""
    closed_at: str | None
    """When it was over; null: it is not."""
    closed_by: Annotated[str, ClosedBy] | None
    """How it ended."""


class MessageRow(TypedDict):
    """Something that is said on a channel."""

    id: int
    """Its number."""
    channel: str
    """Where: a Slack channel's id, ``webhook:NAME`` or ``email:ADDRESS``."""
    said: Annotated[str, Said]
    """What of it."""
    cause: str | None
    """What it is about; null for outputs and tests."""
    job_id: str | None
    """The job; null: of none."""
    subject: str
    """What it is about besides, or without a job; empty: nothing."""
    run_id: int | None
    """The run it tells of; null: of none."""
    incident_id: int | None
    """The incident; null: of none."""
    created_at: str
    """When it happened."""
    status: Annotated[str, MessageStatus]
    """``pending``: it waits. ``failed``: it was given up."""
    tries: int
    """How often it was tried."""
    not_before: str | None
    """When it is tried next; null: at once, or no more."""
    error: str | None
    """Why the last try failed, or what of it has not arrived, with what to do; null: nothing is wrong."""
    finished_at: str | None
    """When it was sent or given up; null while it waits."""


class Trouble(NamedTuple):
    """A channel on which people are not told what they should be. Times are text."""

    channel: str
    """An address."""
    waiting: int
    """Messages that wait for another try."""
    since: str | None
    """When the oldest of them happened."""
    next_try: str | None
    """When that is tried next; None: at once."""
    failed: int
    """Messages that were given up of late, and none was sent since."""
    failed_at: str | None
    """When the last of them was."""
    error: str
    """Why, with what to do."""


class AlertCounts(NamedTuple):
    """How much is wrong, and how much is to be said."""

    incidents_open: int
    """Incidents that are not over."""
    messages_waiting: int
    """Messages that wait."""
    messages_failed: int
    """Messages that were given up in the last day, on channels on which none was sent since."""


# Forced: the planner may take the few that are open for many, and walk through all that there ever were.
_OPEN: Final = "incidents INDEXED BY incidents_open"
_INCIDENTS: Final = """
SELECT each.id, each.cause, each.job_id, each.subject, each.facts, each."count", each.run_id, each.opened_at,
  each.told_at, each.said_at, each.remind_at, each.channels, each.closed_at, each.closed_by,
  runs.message, jobs.spec -> '$.alert', jobs.spec -> '$.on_failure'
FROM (SELECT * FROM {rows} WHERE {condition} ORDER BY id DESC LIMIT :limit) AS each
LEFT JOIN runs ON runs.id = each.run_id LEFT JOIN jobs ON jobs.id = each.job_id
ORDER BY each.id DESC
"""
# Of the newest message about each of these, where it has not been taken.
_NOT_TAKEN: Final = """
SELECT incident_id, channel FROM (
  SELECT incident_id, channel, status, error, max(id) AS id FROM outbox
  WHERE incident_id IN (SELECT value FROM json_each(?)) GROUP BY incident_id, channel)
WHERE status <> 'sent' AND error IS NOT NULL ORDER BY id
"""


def incident_rows(
    conn: apsw.Connection, now: datetime, *, all_of_them: bool = False, before: int | None = None, limit: int
) -> Page[IncidentRow]:
    """Up to ``limit`` incidents, newest first: those that are open, or all; with smaller ids."""
    conditions = [] if all_of_them else ["closed_at IS NULL"]
    conditions += [] if before is None else ["id < :before"]
    query = _INCIDENTS.format(
        rows="incidents" if all_of_them else _OPEN, condition=" AND ".join(conditions) or "true"
    )
    muted = mutes(conn, now)
    with closing(conn.execute(query, {"before": before, "limit": limit + 1})) as rows:
        found = page(rows, lambda row: len(row[3]) + len(row[4]) + len(row[14] or ""), limit=limit, room=ROOM)
    unsent: dict[int, list[str]] = {}
    for number, channel in conn.execute(_NOT_TAKEN, (json.dumps([row[0] for row in found.rows]),)):
        unsent.setdefault(number, []).append(channel)
    return Page(
        [_incident(row, unsent.get(row[0], []), muted.end_of(row[2]) is not None) for row in found.rows],
        found.more,
    )


def _incident(row: Sequence[Any], unsent: list[str], is_muted: bool) -> IncidentRow:
    number, cause, job_id, subject, facts, count, run_id, *rest = row
    opened_at, told_at, said_at, remind_at, channels, closed_at, closed_by, *rest = rest
    message, alert, on_failure = rest
    return {
        "id": number,
        "cause": cause,
        "job_id": job_id,
        "subject": subject,
        "what": _what(json.loads(facts), message),
        "count": count,
        "run_id": run_id,
        "opened_at": opened_at,
        "told_at": told_at,
        "said_at": said_at,
        "remind_at": remind_at,
        "channels": list(addresses_of(channels)),
        "unsent": unsent,
        "muted": is_muted and closed_at is None,
        "untold": None
        if told_at is not None or closed_at is not None
        else _untold(
            is_muted,
            cause in COUNTED and count < policy_of(alert).after,
            bool(addresses_of(channels) or addresses_of(on_failure)),
        ),
        "closed_at": closed_at,
        "closed_by": closed_by,
    }


def _untold(is_muted: bool, are_too_few: bool, has_channel: bool) -> Untold:
    if are_too_few:
        return "too_few"
    if not has_channel:
        return "no_channel"
    return "muted" if is_muted else "next_time"


def _what(facts: dict[str, Any], message: str | None) -> str | None:
    if facts.get("words"):
        return one_line(str(facts["words"]))
    if message:
        return one_line(message)
    if facts.get("signal"):
        return f"ended by {one_line(str(facts['signal']))}"
    return f"exit code {facts['exit_code']}" if "exit_code" in facts else None


_MESSAGE: Final = (
    "id, channel, said, cause, job_id, coalesce(facts ->> '$.subject', '') AS subject, run_id, incident_id,"
    " created_at, status, tries, not_before, error, finished_at"
)
_ALL_MESSAGES: Final = f"SELECT {_MESSAGE} FROM outbox WHERE {{before}} ORDER BY id DESC LIMIT :limit"
_RECENT: Final = "status = 'failed' AND finished_at > :since AND error <> :left"
_UNSENT: Final = f"""
SELECT * FROM (SELECT {_MESSAGE} FROM outbox INDEXED BY outbox_pending WHERE status = 'pending' AND {{before}}
  ORDER BY id DESC LIMIT :limit)
UNION ALL
SELECT * FROM (SELECT {_MESSAGE} FROM outbox INDEXED BY outbox_failed WHERE {_RECENT} AND {{before}}
  AND channel IN (SELECT value FROM json_each(:channels)) ORDER BY id DESC LIMIT :limit)
ORDER BY id DESC LIMIT :limit
"""


def message_rows(
    conn: apsw.Connection, now: datetime, *, all_of_them: bool = False, before: int | None = None, limit: int
) -> Page[MessageRow]:
    """Up to ``limit`` messages, newest first: those that wait, and those that were given up of late on a
    channel that has taken none since; or all, those that were sent too."""
    bindings = {"before": before, "limit": limit + 1, **_since(now)}
    if not all_of_them:
        bindings["channels"] = json.dumps([each.channel for each in _failing(conn, now)])
    query = (_ALL_MESSAGES if all_of_them else _UNSENT).format(
        before="true" if before is None else "id < :before"
    )
    with closing(conn.execute(query, bindings)) as rows:
        found = page(rows, lambda row: len(row[5]) + len(row[12] or ""), limit=limit, room=ROOM)
    return Page([_message(row) for row in found.rows], found.more)


def message_row(conn: apsw.Connection, message_id: int) -> MessageRow | None:
    """One message; None if it has been deleted."""
    row = conn.execute(f"SELECT {_MESSAGE} FROM outbox WHERE id = ?", (message_id,)).fetchone()
    return None if row is None else _message(row)


def _message(row: Sequence[Any]) -> MessageRow:
    return cast(MessageRow, dict(zip(MessageRow.__annotations__, row, strict=True)))


_FAILING: Final = f"""
SELECT channel, count(*), max(finished_at), created_at, error FROM outbox INDEXED BY outbox_failed
WHERE {_RECENT} GROUP BY channel
"""
# Of a bundle the rows are not looked at: before one, messages went alone.
_SENT_SINCE: Final = (
    "SELECT 1 FROM outbox INDEXED BY outbox_alone WHERE channel = ? AND said IN"
    f" ({', '.join(repr(str(said)) for said in Said)}) AND created_at > ? AND bundle IS NULL"
    " AND status = 'sent' AND finished_at > ? LIMIT 1"
)
_WAITING: Final = """
SELECT count(*), created_at, not_before, error, min(id) FROM outbox
WHERE status = 'pending' AND channel = ? AND tries > 0
"""


def _since(now: datetime) -> dict[str, Any]:
    return {"since": to_text(now - FRESH), "left": LEFT_TO_ANOTHER}


class _Failing(NamedTuple):
    """A channel that has taken nothing since a message to it was given up."""

    channel: str
    messages: int
    at: str
    error: str


def _failing(conn: apsw.Connection, now: datetime) -> list[_Failing]:
    found: list[tuple[Any, ...]] = conn.execute(_FAILING, _since(now)).fetchall()
    return [
        _Failing(channel, count, at, error)
        for channel, count, at, created_at, error in found
        if conn.execute(_SENT_SINCE, (channel, created_at, at)).fetchone() is None
    ]


def troubles(conn: apsw.Connection, now: datetime) -> list[Trouble]:
    """The channels on which something fails, by address."""
    failing = {each.channel: each for each in _failing(conn, now)}
    tried = conn.execute("SELECT DISTINCT channel FROM outbox WHERE status = 'pending' AND tries > 0")
    found = []
    for channel in sorted({*failing, *(str(name) for (name,) in tried.fetchall())}):
        count, since, next_try, error, _ = conn.execute(_WAITING, (channel,)).get
        bad = failing.get(channel)
        found.append(
            Trouble(
                channel=channel,
                waiting=count,
                since=since,
                next_try=next_try,
                failed=0 if bad is None else bad.messages,
                failed_at=None if bad is None else bad.at,
                error=(error or "unknown") if bad is None else bad.error,
            )
        )
    return found


def alert_counts(conn: apsw.Connection, now: datetime) -> AlertCounts:
    """The counts of now."""
    incidents, waiting = conn.execute(
        "SELECT (SELECT count(*) FROM incidents WHERE closed_at IS NULL),"
        " (SELECT count(*) FROM outbox WHERE status = 'pending')"
    ).get
    return AlertCounts(incidents, waiting, sum(each.messages for each in _failing(conn, now)))


class ToldChannels(NamedTuple):
    """What live jobs name, by address, each with the ids of these jobs."""

    on_failure: dict[str, list[str]]
    """Where they tell what goes wrong."""
    on_success: dict[str, list[str]]
    """Where they tell what goes well."""
    outputs: dict[str, list[str]]
    """Where they send their output."""


def told_channels(conn: apsw.Connection) -> ToldChannels:
    """The channels that live jobs name."""
    found = ToldChannels({}, {}, {})
    for job_id, *lists in conn.execute(_TOLD):
        for channels, text in zip(found, lists, strict=True):
            for channel in addresses_of(text):
                channels.setdefault(channel, []).append(job_id)
    return found


_TOLD: Final = (
    "SELECT id, spec -> '$.on_failure', spec -> '$.on_success', spec -> '$.output_channel' FROM jobs"
    " WHERE deleted_at IS NULL ORDER BY id"
)
