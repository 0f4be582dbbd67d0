"""The acts on skips: people skip an occurrence, or take that back; and what is said where they cannot."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.model import OverrideKind, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.why.times import asked, occurrence_in
from jeeves_runner.core.wording import brief
from jeeves_runner.db import audit, overrides
from jeeves_runner.db.jobs import damaged_job, job_row, unknown_job
from jeeves_runner.db.occurrence_runs import run_of
from jeeves_runner.db.skips import coming, coming_times, length_of, next_wanted, schedule_in_force
from jeeves_runner.db.timetable_rows import TimetableRow, timetable_rows
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, NothingToSkip, NotSkipped

_INSTANT: Final = timedelta(microseconds=1)


def skip(tx: Tx, job_id: str, given: str | None, *, reason: str | None, by: Actor) -> datetime:
    """Let a job not run at a time, ``given`` by the job's clocks, or at the next at which it would; which.

    A skip of the same occurrence is replaced. NotFound for an unknown job, Conflict for what has been decided
    about, NothingToSkip, InvalidValue.
    """
    row = _row(tx.conn, job_id)
    schedule = _required_schedule(tx.conn, row)
    when = _next(tx, row, schedule) if given is None else _named(tx, row, schedule, given)
    _end(tx, row.id, [when])
    text, length = to_text(when), length_of(when - tx.now) if given is None else None
    tx.conn.execute(
        "INSERT INTO overrides"
        " (job_id, kind, scheduled_for, until, length_ms, reason, created_by, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (row.id, OverrideKind.SKIP, text, text, length, reason, by.name, tx.at),
    )
    _record(tx, OverrideKind.SKIP, row.id, when, by, reason)
    return when


def unskip(tx: Tx, job_id: str, given: str | None, *, by: Actor) -> list[datetime]:
    """Take back the skip of an occurrence that is yet to come, or all of a job; which they were of.

    NotFound for an unknown job, NotSkipped, InvalidValue.
    """
    row = _row(tx.conn, job_id)
    times = [each.when for each in coming(tx.conn, tx.now, [row.id]).get(row.id, ())]
    if given is not None:
        wanted = asked(given, tx.now, row.timezone, "the time")
        its = [when for when in times if wanted.at <= when < wanted.until][:1]
        if not its:
            listed = ", ".join(_shown(when, row) for when in times)
            raise NotSkipped(
                f"{row.id} does not skip {brief(given)}", hint=f"it skips {listed or 'no occurrence'}"
            )
        times = its
    _end(tx, row.id, times)
    for when in times:
        _record(tx, "unskip", row.id, when, by, None)
    return times


def _next(tx: Tx, row: TimetableRow, schedule: Schedule) -> datetime:
    """The next occurrence that would run."""
    pause_ends = overrides.pauses(tx.conn, tx.now).end_of(row.id)
    if pause_ends == overrides.UNTIL_RESUMED:
        raise NothingToSkip(
            f"{row.id} is paused until resumed",
            hint="name the time, to skip an occurrence although it may be resumed before",
        )
    after = max(tx.now, row.undecided_since(tx.now))
    if pause_ends is not None:
        after = max(after, pause_ends - _INSTANT)
    skipped = coming_times(tx.conn, tx.now, [row.id]).get(row.id, ())
    found = next_wanted(schedule, after, skipped)
    if found is None and pause_ends is not None:
        raise NothingToSkip(
            f"{row.id} is paused until {_shown(pause_ends, row)}, and no occurrence comes after that",
            hint="name the time, to skip an occurrence although it may be resumed before",
        )
    if found is None:
        raise NothingToSkip(
            f"{row.id} has no occurrence any more", hint=f"`jeeves-runner job {row.id}` shows it"
        )
    return found


def _named(tx: Tx, row: TimetableRow, schedule: Schedule, given: str) -> datetime:
    """The occurrence at a time that a person has named."""
    time = asked(given, tx.now, row.timezone, "the time")
    when = occurrence_in(schedule, time.at, time.until)
    _refuse_what_has_a_row(tx.conn, row, when or time.at)
    since = row.undecided_since(tx.now)
    if when is not None and when > since:
        return when
    hint = _nearest(row, schedule, since, time.at)
    if when is not None:
        raise Conflict(f"the occurrence of {row.id} at {_shown(when, row)} is over", hint=hint)
    raise NothingToSkip(f"{row.id} has no occurrence at {_shown(time.at, row)}", hint=hint)


def _refuse_what_has_a_row(conn: apsw.Connection, row: TimetableRow, when: datetime) -> None:
    """Conflict if it has been decided what becomes of an occurrence."""
    run = run_of(conn, row.id, when)
    if run is None:
        return
    what = f"the occurrence of {row.id} at {_shown(when, row)} has its run {run.run_id}, which"
    if RunStatus(run.status).is_final:
        ended = _ENDED.get(run.status, f"ended {run.status}")
        raise Conflict(f"{what} {ended}", hint="only what is to come is skipped")
    verb = "runs" if run.status == RunStatus.RUNNING else "waits"
    raise Conflict(f"{what} {verb}", hint=f"end it with `jeeves-runner cancel {run.run_id}`")


_ENDED: Final = {"skipped": "was skipped", "missed": "was missed", "cancelled": "was cancelled"}


def _nearest(row: TimetableRow, schedule: Schedule, since: datetime, when: datetime) -> str:
    """A hint: the occurrences before and after a time of which none has been decided about."""
    both = (schedule.latest(since, when), schedule.next_after(max(since, when)))
    near = [_shown(each, row) for each in both if each is not None]
    if not near:
        return f"nothing of it comes; `jeeves-runner job {row.id}` shows it"
    return f"the nearest {'is' if len(near) == 1 else 'are'} {' and '.join(near)}"


def _row(conn: apsw.Connection, job_id: str) -> TimetableRow:
    job = job_row(conn, job_id)
    if job is None or job.deleted_at is not None:
        raise unknown_job(conn, job_id)
    row = next(timetable_rows(conn, [job_id]), None)
    if row is None:
        raise damaged_job(job_id)
    return row


def _required_schedule(conn: apsw.Connection, row: TimetableRow) -> Schedule:
    schedule = schedule_in_force(row)
    if schedule is not None:
        return schedule
    job = job_row(conn, row.id)
    if not row.enabled and job is not None:
        raise NothingToSkip(f"{row.id} does not occur: {job.file}:{job.line} says `enabled: false`")
    if not row.schedule:
        raise NothingToSkip(f"{row.id} does not occur: it has no schedule")
    raise damaged_job(row.id)


def _end(tx: Tx, job_id: str, times: Sequence[datetime]) -> None:
    tx.conn.executemany(
        "UPDATE overrides SET ended_at = ? WHERE job_id = ? AND kind = 'skip' AND scheduled_for = ?"
        " AND ended_at IS NULL",
        [(tx.at, job_id, to_text(when)) for when in times],
    )


def _record(tx: Tx, action: str, job_id: str, when: datetime, by: Actor, reason: str | None) -> None:
    detail = to_text(when) if reason is None else f"{to_text(when)}: {reason}"
    audit.record(tx, actor=by, action=action, target=f"job {job_id}", detail=detail)


def _shown(when: datetime, row: TimetableRow) -> str:
    """A time on the job's clocks, as a person can type it: ``2026-03-01T14:00:00+01:00``."""
    text = on_clocks(when, ZoneInfo(row.timezone)).isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
