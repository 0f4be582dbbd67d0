"""What asks for attention: a row for each thing that is wrong, kept back or does not start."""

from collections.abc import Callable, Container, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Final, Literal

import apsw

from jeeves_runner.cli.alert_rows import incident_of, told_text
from jeeves_runner.cli.formats import ago, counted, shortened
from jeeves_runner.cli.plan_text import named
from jeeves_runner.cli.reasons import reason_text
from jeeves_runner.cli.rows import RUN_OUT, may_run_out, mute_text, pause_text, skips_text
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.clock import to_text
from jeeves_runner.config import Config
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import BAD
from jeeves_runner.core.withheld import WithheldBy
from jeeves_runner.db.incident_list import IncidentRow, incident_rows
from jeeves_runner.db.message_list import troubles
from jeeves_runner.db.outputs_in_part import outputs_in_part
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.views.jobs import ListedJobDocument, OverrideDocument, jobs_view
from jeeves_runner.views.occurrences import next_runs
from jeeves_runner.views.runner import StatusDocument
from jeeves_runner.views.runs import failing
from jeeves_runner.views.sync import (
    ConfigChangeDocument,
    HeldDocument,
    ProblemDocument,
    SyncDocument,
    unborn_errors,
)

Row = tuple[Cell, Cell, Cell]
"""What it is, which it is, and why with what to do."""

_INCIDENTS: Final = 200
"""Of more that are open at once, the newest are shown."""

_OF_ENDS: Final = (Cause.FAILURE, Cause.INTERRUPTED)
_OF_SYNC: Final = (Cause.HELD, Cause.BLOCKED)

_PATIENCE: Final = timedelta(minutes=5)
"""A channel that takes no message for so long is something wrong, and no passing fault."""

_AS_BEFORE: Final = {"job": "runs on as before", "queue": "works on as before", "node": "stays as before"}
"""What a broken manifest changes of what it has declared."""

_NAMED: Final = 3
"""How many jobs a row names that is about several."""

SYNC_ALARMS: Final = frozenset({"blocked", "error", "pending"})


def sync_rows(sync: SyncDocument, now: datetime) -> Iterator[Row]:
    """Manifests that are not applied as they stand. A broken file is one row, with the jobs it holds."""
    if sync["state"] == "error" or (
        sync["state"] in SYNC_ALARMS and not sync["withheld"] and sync["config"] is None
    ):
        lasting = f", since {ago(sync['since'], now)}" if sync["since"] else ""
        why = sync["reason"] or waiting_text(len(sync["plan"]))
        yield Styled(sync["state"], "red"), "manifests", why + lasting
    for withheld in sync["withheld"]:
        rows = [(row["kind"], row["id"]) for row in withheld["rows"]]
        why = f"{withheld['reason']}, since {ago(withheld['since'], now)}"
        if withheld["command"]:
            why += f"; confirm with `{withheld['command']}`"
        yield Styled(_withheld_word(withheld["by"]), "red"), named(rows) or "manifests", why
    if sync["config"] is not None:
        yield _config_row(sync["config"], now)
    held: dict[str, list[HeldDocument]] = {}
    for entry in sync["held"]:
        held.setdefault(entry["file"], []).append(entry)
    errors = [problem for problem in sync["problems"] if problem["severity"] == "error"]
    for file, entries in held.items():
        names = _first_of([entry["id"] for entry in entries])
        first = next((_problem_text(error) for error in errors if error["file"] == file), None)
        fault = first or f"{file}: {entries[0]['message']}"
        why = shortened(f"{_AS_BEFORE[entries[0]['kind']]}; {fault}")
        since = min((entry["since"] for entry in entries if entry["since"]), default=None)
        held_since = f", since {ago(since, now)}" if since else ""
        yield Styled("held", "yellow"), shortened(names), why + held_since
    for error in unborn_errors(sync):
        yield Styled("invalid", "red"), error["file"], shortened(_problem_text(error))


def _first_of(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _withheld_word(by: WithheldBy) -> str:
    # A match, not a table: the type checker finds the cause that is missing here.
    match by:
        case "source" | "guard":
            return "blocked"
        case "manual" | "settling" | "waiting":
            return "pending"
        case "incomplete":
            return "waits"


def _config_row(change: ConfigChangeDocument, now: datetime) -> Row:
    since = f"since {ago(change['since'], now)}"
    name = Path(change["path"]).name
    if change["problem"] is not None:
        return Styled("invalid", "red"), name, f"{change['problem']}; {since}"
    why = f"changed {since}: {', '.join(change['settings'])}; restart the server, which goes by what it read"
    return Styled("pending", "red"), name, why


def _problem_text(problem: ProblemDocument) -> str:
    hint = f" ({problem['hint']})" if problem["hint"] else ""
    return f"{problem['file']}:{problem['line']}: {problem['message']}{hint}"


def lost_rows(active: list[RunRow], elsewhere: Container[int]) -> Iterator[Row]:
    """Runs recorded as running although no server is there to run them. ``elsewhere``: the ids of those whose
    work is not on this machine, and goes on."""
    for run in active:
        if run["status"] == "running" and run["id"] in elsewhere:
            why = (
                "no server follows it, and it may go on; the next one follows it,"
                f" or `jeeves-runner cancel {run['id']}` ends it"
            )
            yield Styled("left", "yellow"), f"run {run['id']} of {run['job_id']}", why
        elif run["status"] == "running":
            why = f"its server died; the next one settles it, or `jeeves-runner cancel {run['id']}` does"
            yield Styled("lost", "red"), f"run {run['id']} of {run['job_id']}", why


def job_rows(conn: apsw.Connection, now: datetime, sync: SyncDocument) -> Iterator[Row]:
    """What is wrong with jobs and besides, and what people have set for jobs."""
    jobs = jobs_view(conn, now, lambda _: None)["jobs"]
    yield from wrong_rows(conn, jobs, now, sync)
    yield from _set_rows(jobs, "paused", "resume", pause_text, now)
    yield from _set_rows(jobs, "muted", "unmute", mute_text, now)
    for job in jobs:
        if job["skips"]:
            why = f"{shortened(skips_text(job, now))}; `jeeves-runner unskip {job['id']}` ends it"
            yield Styled("skips", "magenta"), job["id"], why
    yield from _run_out_rows(conn, jobs, now)


def wrong_rows(
    conn: apsw.Connection,
    jobs: list[ListedJobDocument],
    now: datetime,
    sync: SyncDocument,
    *,
    told_alone: bool = False,
) -> Iterator[Row]:
    """Channels on which people cannot be told, jobs whose last run ended badly, and all else that is wrong.

    ``told_alone``: of what is wrong besides, only what people know of or should know of by now, and no
    channel that has just begun to fail.
    """
    yield from _message_rows(conn, now, patience=_PATIENCE if told_alone else timedelta())
    found = incident_rows(conn, now, limit=_INCIDENTS)
    ends = {each["job_id"]: each for each in found.rows if each["cause"] in _OF_ENDS and each["job_id"]}
    failing_jobs = [job for job in jobs if job["last_status"] in BAD and job["status"] != "disabled"]
    for job in failing_jobs:
        yield _failing_row(conn, job, ends.get(job["id"]), now)
    shown = {job["id"] for job in failing_jobs}
    for incident in found.rows:
        is_shown = incident["cause"] in _OF_ENDS and incident["job_id"] in shown
        is_shown = is_shown or (incident["cause"] in _OF_SYNC and _asks_for_attention(sync))
        if not is_shown and not (told_alone and incident["untold"] == "too_few"):
            yield _incident_row(incident, now)
    if not told_alone:
        yield from _in_part_rows(conn, now)
    if found.more:
        yield Styled("wrong", "red"), "more", "there are others; see `jeeves-runner alerts --all`"


def _failing_row(
    conn: apsw.Connection, job: ListedJobDocument, incident: IncidentRow | None, now: datetime
) -> Row:
    count, run = failing(conn, job["id"])
    times = f" {count} times in a row" if count > 1 else ""
    message = f": {run['message']}" if run["message"] else ""
    when = f"last {ago(run['finished_at'], now)} in run {run['id']}"
    told = f"; {told_text(incident, now)}" if incident is not None else ""
    return (
        Styled("failing", "red"),
        job["id"],
        shortened(f"{job['last_status']}{times}, {when}{message}") + told,
    )


def _incident_row(incident: IncidentRow, now: datetime) -> Row:
    times = f", {incident['count']} times" if incident["count"] > 1 else ""
    what = f": {shortened(incident['what'])}" if incident["what"] else ""
    why = f"since {ago(incident['opened_at'], now)}{times}{what}; {told_text(incident, now)}"
    return Styled(incident["cause"], "red"), incident_of(incident), why


def _asks_for_attention(sync: SyncDocument) -> bool:
    """Whether the rows of the manifests tell of them."""
    return bool(sync["held"] or sync["withheld"] or sync["problems"]) or sync["state"] in SYNC_ALARMS


def _message_rows(conn: apsw.Connection, now: datetime, patience: timedelta) -> Iterator[Row]:
    """Channels on which people are not told: it was given up, or fails, for ``patience`` at least."""
    latest = to_text(now - patience)
    for trouble in troubles(conn, now):
        if not trouble.failed and (trouble.since is None or trouble.since > latest):
            continue
        if trouble.failed:
            messages = counted(trouble.failed, "message")
            why = f"{messages} could not be sent, last {ago(trouble.failed_at, now)}: {trouble.error}"
            proof = f"`jeeves-runner alerts test {trouble.channel}` shows whether it is fixed"
            yield Styled("unsent", "red"), trouble.channel, f"{why}; {proof}"
        else:
            again = "at once" if trouble.next_try is None else ago(trouble.next_try, now)
            messages = counted(trouble.waiting, "message waits", "messages wait")
            why = f"{messages} since {ago(trouble.since, now)}, next try {again}: {trouble.error}"
            yield Styled("unsent", "yellow"), trouble.channel, why


def _in_part_rows(conn: apsw.Connection, now: datetime) -> Iterator[Row]:
    """Channels that have not got all of an output."""
    for each in outputs_in_part(conn, now):
        why = f"{counted(each.outputs, 'output')}, last {ago(each.at, now)}: {each.lacks}"
        yield Styled("in part", "yellow"), each.channel, why


def _set_rows(
    jobs: list[ListedJobDocument],
    key: Literal["paused", "muted"],
    command: str,
    text: Callable[[OverrideDocument, datetime], str],
    now: datetime,
) -> Iterator[Row]:
    """What people have set for jobs, and what ends it."""
    found = [(job["id"], override) for job in jobs if (override := job[key])]
    everything = "all jobs" if key == "paused" else "everything"
    of_all = [(everything, override, "--all") for _, override in found if override["all"]][:1]
    of_one = [(job_id, override, job_id) for job_id, override in found if not override["all"]]
    for which, override, word in (*of_all, *of_one):
        why = f"{shortened(text(override, now))}; `jeeves-runner {command} {word}` ends it"
        yield Styled(key, "magenta"), which, why


def _run_out_rows(conn: apsw.Connection, jobs: list[ListedJobDocument], now: datetime) -> Iterator[Row]:
    """One row for all jobs whose schedules have run out: nothing is wrong with them, and there may be many.

    Only schedules that can run out are searched; that of many cron expressions would take long.
    """
    ids = [job["id"] for job in jobs if may_run_out(job)]
    coming = next_runs(conn, now, ids) if ids else None
    over = [job_id for job_id in ids if coming is not None and coming(job_id) is None]
    if over:
        why = f"{RUN_OUT}; `jeeves-runner job {over[0]}` has its schedule"
        yield Styled("run out", "dim"), shortened(_first_of(over)), why


def starved_rows(active: list[RunRow], now: datetime) -> Iterator[Row]:
    """Runs that a server does not start because of its disk."""
    waiting = [run for run in active if run["status"] == "scheduled" and run["reason"] == "disk_full"]
    if waiting:
        since = ago(min(run["created_at"] for run in waiting), now)
        why = f"{reason_text(waiting[0], served=True)}, since {since}; make room, or lower min_free"
        yield Styled("waits", "red"), counted(len(waiting), "run"), why


def access_rows(config: Config, status: StatusDocument) -> Iterator[Row]:
    """Files and folders that more people may use than the config says."""
    removed = "go-rwx" if config.data_mode == "0700" else "o-rwx"
    for path, mode in ((each["path"], each["mode"]) for each in status["health"]["too_open"]):
        why = f"its mode {mode} lets more people in than data_mode {config.data_mode}"
        yield Styled("too open", "yellow"), Path(path).name, f"{why}: `chmod {removed} {quote(path)}`"


def waiting_text(changes: int) -> str:
    return counted(changes, "change waits", "changes wait")
