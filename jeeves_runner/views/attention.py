"""What asks for attention: an entry for each thing that is wrong, kept back or does not start.

The status has them as documents, which tell times as they are; people see how long ago they were.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypedDict

import apsw

from jeeves_runner.access import TooOpen
from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.words import SUBJECTS, Cause
from jeeves_runner.core.reasons import short_reason
from jeeves_runner.core.withheld import WithheldBy
from jeeves_runner.core.wording import counted, named, shortened
from jeeves_runner.db.failing_jobs import FailingJob, failing_jobs
from jeeves_runner.db.incident_list import IncidentRow, Untold, incident_rows
from jeeves_runner.db.message_list import troubles
from jeeves_runner.db.outputs_in_part import outputs_in_part
from jeeves_runner.db.queue_contents import queue_counts
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.db.runner import RunnerRow, process_exists
from jeeves_runner.views.sync import (
    ConfigChangeDocument,
    HeldDocument,
    ProblemDocument,
    SyncDocument,
    unborn_errors,
)

_INCIDENTS: Final = 200
"""Of more that are open at once, the newest are told."""

_OF_ENDS: Final = (Cause.FAILURE, Cause.INTERRUPTED)
_OF_SYNC: Final = (Cause.HELD, Cause.BLOCKED)

_PATIENCE: Final = timedelta(minutes=5)
"""A channel that takes no message for so long is something wrong, and no passing fault."""

_AS_BEFORE: Final = {"job": "runs on as before", "queue": "works on as before", "node": "stays as before"}
"""What a broken manifest changes of what it has declared."""

_FEW: Final = 3
"""How many things an entry names that is about several."""

_CHANNELS: Final = 5

SYNC_ALARMS: Final = frozenset({"blocked", "error", "pending"})

Tone = Literal["bad", "warn"]
"""How bad it is: ``warn`` is a hindrance."""


class At(NamedTuple):
    """A time in a sentence."""

    text: str | None
    """In the database's form; None: it is not known."""


Why = tuple[str | At, ...]
"""A sentence in pieces."""


class Attention(NamedTuple):
    """Something that asks for attention."""

    what: str
    """What it is, in a word: ``held``, ``failing``."""
    tone: Tone
    """How bad it is."""
    which: str
    """Which it is: a job, a file, a channel."""
    why: Why
    """Why, and what to do."""
    of_sync: bool = False
    """Whether it is an incident of which the manifests tell by themselves."""


class AttentionDocument(TypedDict):
    """Something that asks for attention."""

    what: str
    """What it is, in a word, such as ``held``, ``failing``, ``unsent``, ``dead letters`` or the cause of an
    incident."""
    which: str
    """Which it is: a job, a file, a queue, a channel, a run."""
    why: str
    """Why, since when and what to do, in a sentence."""


def attention_view(found: Iterable[Attention]) -> list[AttentionDocument]:
    """``[{what, which, why}]``."""
    return [
        {"what": each.what, "which": each.which, "why": said(each.why, lambda text: text or "never")}
        for each in found
    ]


def said(why: Why, time: Callable[[str | None], str]) -> str:
    """The sentence; ``time`` words a time of it."""
    return "".join(part if isinstance(part, str) else time(part.text) for part in why)


def of_sync(sync: SyncDocument) -> Iterator[Attention]:
    """Manifests that are not applied as they stand. A broken file is one entry, with the jobs it holds."""
    if sync["state"] == "error" or (
        sync["state"] in SYNC_ALARMS and not sync["withheld"] and sync["config"] is None
    ):
        why = sync["reason"] or waiting_text(len(sync["plan"]))
        yield Attention(sync["state"], "bad", "manifests", (why, *_since(sync["since"])))
    for withheld in sync["withheld"]:
        rows = [(row["kind"], row["id"]) for row in withheld["rows"]]
        confirm = f"; confirm with `{withheld['command']}`" if withheld["command"] else ""
        sentence: Why = (withheld["reason"], *_since(withheld["since"]), confirm)
        yield Attention(_withheld_word(withheld["by"]), "bad", named(rows) or "manifests", sentence)
    if sync["config"] is not None:
        yield _of_config(sync["config"])
    held: dict[str, list[HeldDocument]] = {}
    for entry in sync["held"]:
        held.setdefault(entry["file"], []).append(entry)
    errors = [problem for problem in sync["problems"] if problem["severity"] == "error"]
    for file, entries in held.items():
        names = first_of([entry["id"] for entry in entries])
        first = next((_problem_text(error) for error in errors if error["file"] == file), None)
        fault = first or f"{file}: {entries[0]['message']}"
        why = shortened(f"{_AS_BEFORE[entries[0]['kind']]}; {fault}")
        since = min((entry["since"] for entry in entries if entry["since"]), default=None)
        yield Attention("held", "warn", shortened(names), (why, *_since(since)))
    for error in unborn_errors(sync):
        yield Attention("invalid", "bad", error["file"], (shortened(_problem_text(error)),))


def first_of(names: Sequence[str]) -> str:
    """The first few of them."""
    return ", ".join(names[:_FEW]) + (", …" if len(names) > _FEW else "")


def _since(text: str | None) -> Why:
    return (", since ", At(text)) if text else ()


def _withheld_word(by: WithheldBy) -> str:
    # A match, not a table: the type checker finds the cause that is missing here.
    match by:
        case "source" | "guard":
            return "blocked"
        case "manual" | "settling" | "waiting":
            return "pending"
        case "incomplete":
            return "waits"


def _of_config(change: ConfigChangeDocument) -> Attention:
    name, since = Path(change["path"]).name, At(change["since"])
    if change["problem"] is not None:
        return Attention("invalid", "bad", name, (f"{change['problem']}; since ", since))
    what = f": {', '.join(change['settings'])}; restart the server, which goes by what it read"
    return Attention("pending", "bad", name, ("changed since ", since, what))


def _problem_text(problem: ProblemDocument) -> str:
    hint = f" ({problem['hint']})" if problem["hint"] else ""
    return f"{problem['file']}:{problem['line']}: {problem['message']}{hint}"


def lost(active: Iterable[RunRow], elsewhere: Container[int]) -> Iterator[Attention]:
    """Runs recorded as running although no server is there to run them. ``elsewhere``: the ids of those whose
    work is not on this machine, and goes on."""
    for run in active:
        which = f"run {run['id']} of {run['job_id']}"
        if run["status"] == "running" and run["id"] in elsewhere:
            why = (
                "no server follows it, and it may go on; the next one follows it,"
                f" or `jeeves-runner cancel {run['id']}` ends it"
            )
            yield Attention("left", "warn", which, (why,))
        elif run["status"] == "running":
            why = f"its server died; the next one settles it, or `jeeves-runner cancel {run['id']}` does"
            yield Attention("lost", "bad", which, (why,))


def dead(server: RunnerRow | None) -> Iterator[Attention]:
    """A server that has died; ``server``: the latest one, of which it is known that it does not run."""
    if server is not None and server.stopped_at is None and not process_exists(server.pid):
        began = At(to_text(server.started_at))
        end = ", ended without a word; `jeeves-runner serve` starts another"
        why: Why = (f"pid {server.pid}, started ", began, end)
        yield Attention("dead", "bad", "the server", why)


def starved(active: Iterable[RunRow]) -> Iterator[Attention]:
    """Runs that a server does not start because of its disk."""
    waiting = [run for run in active if run["status"] == "scheduled" and run["reason"] == "disk_full"]
    if waiting:
        first = waiting[0]
        reason = short_reason(first["status"], "disk_full", first["reason_ref"])
        since = At(min(run["created_at"] for run in waiting))
        why: Why = (f"{reason}, since ", since, "; make room, or lower min_free")
        yield Attention("waits", "bad", counted(len(waiting), "run"), why)


def wrong(
    conn: apsw.Connection,
    now: datetime,
    *,
    told_alone: bool = False,
    which_fail: Callable[[apsw.Connection], Sequence[FailingJob]] = failing_jobs,
) -> Iterator[Attention]:
    """Channels on which people cannot be told, jobs whose last run ended badly, dead letters, and all else
    that is wrong by what the database says.

    ``told_alone``: of what is wrong besides, only what people know of or should know of by now, and no
    channel that has just begun to fail. ``which_fail``: what tells of the jobs that do.
    """
    yield from _of_messages(conn, now, patience=_PATIENCE if told_alone else timedelta())
    found = incident_rows(conn, now, limit=_INCIDENTS)
    ends = {each["job_id"]: each for each in found.rows if each["cause"] in _OF_ENDS and each["job_id"]}
    failing = which_fail(conn)
    for job in failing:
        yield _of_failing(job, ends.get(job.job_id))
    told = {job.job_id for job in failing}
    for incident in found.rows:
        is_shown = incident["cause"] in _OF_ENDS and incident["job_id"] in told
        if not is_shown and not (told_alone and incident["untold"] == "too_few"):
            yield _of_incident(incident)
    yield from _of_queues(conn, now)
    if not told_alone:
        yield from _in_part(conn, now)
    if found.more:
        yield Attention("wrong", "bad", "more", ("there are others; see `jeeves-runner alerts --all`",))


def without_what_sync_tells(found: Iterable[Attention], sync: SyncDocument) -> Iterator[Attention]:
    """Leave out incidents of the manifests where ``of_sync`` tells of them."""
    tells = bool(sync["held"] or sync["withheld"] or sync["problems"]) or sync["state"] in SYNC_ALARMS
    return (each for each in found if not (each.of_sync and tells))


def _of_failing(job: FailingJob, incident: IncidentRow | None) -> Attention:
    times = f" {job.times} times in a row" if job.times > 1 else ""
    message = f": {job.message}" if job.message else ""
    told: Why = ("; ", *told_parts(incident)) if incident is not None else ()
    begin, end = f"{job.status}{times}, last ", shortened(f" in run {job.run_id}{message}")
    return Attention("failing", "bad", job.job_id, (begin, At(job.finished_at), end, *told))


def _of_incident(incident: IncidentRow) -> Attention:
    times = f", {incident['count']} times" if incident["count"] > 1 else ""
    what = f": {shortened(incident['what'])}" if incident["what"] else ""
    why: Why = ("since ", At(incident["opened_at"]), f"{times}{what}; ", *told_parts(incident))
    is_of_sync = incident["cause"] in _OF_SYNC
    return Attention(incident["cause"], "bad", incident_of(incident), why, of_sync=is_of_sync)


def incident_of(incident: IncidentRow) -> str:
    """What it is about: a job, a manifest and the like."""
    names = " ".join(part for part in (incident["job_id"], incident["subject"]) if part)
    return names or next((words for cause, words in SUBJECTS.items() if cause == incident["cause"]), "-")


def told_parts(incident: IncidentRow) -> Why:
    """Whether people know of it, where and since when; or why they do not."""
    untold, unsent = incident["untold"], incident["unsent"]
    muted = ", now muted" if incident["muted"] else ""
    not_there = f"has not arrived in {', '.join(unsent[:_CHANNELS])}{muted}"
    if untold is not None:
        return (not_there if unsent else _untold_text(untold),)
    where = ", ".join([each for each in incident["channels"] if each not in unsent][:_CHANNELS])
    last = At(incident["said_at"] or incident["told_at"])
    if not unsent:
        return ("told ", last, f" in {where}{muted}" if where else muted)
    if where:
        return ("told ", last, f" in {where}, {not_there}")
    return ("said ", last, f", but it {not_there}")


def _untold_text(untold: Untold) -> str:
    # A match, not a table: the type checker finds the reason that is missing here.
    match untold:
        case "too_few":
            return "no alert yet: `alert.after` asks for more failures"
        case "muted":
            return "no alert: muted"
        case "no_channel":
            return "no alert: no channel is set"
        case "next_time":
            return "no alert yet"


def _of_messages(conn: apsw.Connection, now: datetime, patience: timedelta) -> Iterator[Attention]:
    """Channels on which people are not told: it was given up, or fails, for ``patience`` at least."""
    latest = to_text(now - patience)
    for trouble in troubles(conn, now):
        if not trouble.failed and (trouble.since is None or trouble.since > latest):
            continue
        channel = trouble.channel
        if trouble.failed:
            messages = counted(trouble.failed, "message")
            proof = f"`jeeves-runner alerts test {channel}` shows whether it is fixed"
            end = f": {trouble.error}; {proof}"
            why: Why = (f"{messages} could not be sent, last ", At(trouble.failed_at), end)
            yield Attention("unsent", "bad", channel, why)
        else:
            again = "at once" if trouble.next_try is None else At(trouble.next_try)
            messages = counted(trouble.waiting, "message waits", "messages wait")
            why = (f"{messages} since ", At(trouble.since), ", next try ", again, f": {trouble.error}")
            yield Attention("unsent", "warn", channel, why)


def _in_part(conn: apsw.Connection, now: datetime) -> Iterator[Attention]:
    """Channels that have not got all of an output."""
    for each in outputs_in_part(conn, now):
        why: Why = (f"{counted(each.outputs, 'output')}, last ", At(each.at), f": {each.lacks}")
        yield Attention("in part", "warn", each.channel, why)


class DeadLetters(NamedTuple):
    """The dead letters of a queue."""

    queue_id: str
    """Its id."""
    items: int
    """How many."""


def dead_letters(conn: apsw.Connection, now: datetime) -> list[DeadLetters]:
    """Queues with dead letters; claims that have ended without an answer at the last attempt are some."""
    return [DeadLetters(name, each.failed) for name, each in queue_counts(conn, now).items() if each.failed]


def _of_queues(conn: apsw.Connection, now: datetime) -> Iterator[Attention]:
    for queue_id, number in dead_letters(conn, now):
        items = counted(number, "item has", "items have")
        look = f"`jeeves-runner queue peek {queue_id} --failed` shows them"
        do = f"`jeeves-runner queue retry --all-of {queue_id}` or `queue purge {queue_id} --failed` ends it"
        yield Attention("dead letters", "warn", queue_id, (f"{items} failed for good; {look}, {do}",))


def of_access(found: Iterable[TooOpen]) -> Iterator[Attention]:
    """Files and folders that more people may use than the config says."""
    for path, mode in found:
        why = f"its mode {mode:04o} lets more people in than data_mode"
        yield Attention("too open", "warn", path.name, (why,))


def waiting_text(changes: int) -> str:
    """How many changes wait."""
    return counted(changes, "change waits", "changes wait")
