"""Skips: single occurrences that people do not want to run. They stand in ``overrides``, beside pauses.

The row of a skip stays as it is for a day when its occurrence has been decided about: after a clock that was
ahead that may be yet to come. Before, only a person ends it, by ``db.skipping``.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import OverrideKind
from jeeves_runner.core.run import SkippedTime
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.db import overrides
from jeeves_runner.db.timetable_rows import TimetableRow, schedule_of, timetable_rows
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none

_INSTANT: Final = timedelta(microseconds=1)


class Skips(NamedTuple):
    """What people skip of some time of a job."""

    times: tuple[SkippedTime, ...] = ()
    """The occurrences, ascending."""
    newest: int = 0
    """The id of the skip that was made last; 0 if there is none."""


class ComingSkip(NamedTuple):
    """A skip whose occurrence is yet to be decided about."""

    when: datetime
    """The occurrence; aware, UTC."""
    reason: str | None
    """Why, in the words of who has made it."""
    is_occurrence: bool
    """Whether the job still occurs then; its schedule may have changed, and the skip says nothing then."""


def skipped(conn: apsw.Connection, job_id: str, first: datetime, last: datetime) -> Skips:
    """What is skipped of a job in [first, last]."""
    bounds = {"job": job_id, "first": to_text(first), "last": to_text(last)}
    rows: list[Any] = conn.execute(_SKIPPED, bounds).fetchall()
    if not rows:
        return Skips()
    return Skips(tuple(_times((text, reason) for _, text, reason in rows)), max(row[0] for row in rows))


_SKIPPED: Final = """
SELECT id, scheduled_for, reason FROM overrides
WHERE kind = 'skip' AND job_id = :job AND ended_at IS NULL AND scheduled_for BETWEEN :first AND :last
ORDER BY scheduled_for
"""


def is_skipped(conn: apsw.Connection, job_id: str, when: datetime) -> bool:
    """Whether an occurrence is skipped."""
    return bool(skipped(conn, job_id, when, when).newest)


def coming(
    conn: apsw.Connection, now: datetime, ids: Sequence[str] | None = None
) -> dict[str, tuple[ComingSkip, ...]]:
    """The skips that are yet to come, of these jobs or of all live ones; by job id, then ascending.

    One whose time passes while it is no occurrence is over.
    """
    if conn.execute(_ANY).get is None:  # as most often: to look for those of each job takes a while
        return {}
    found: dict[str, list[tuple[str, str | None]]] = {}
    bindings = {"at": to_text(now), "ids": None if ids is None else json.dumps(list(ids))}
    for job_id, text, reason in conn.execute(_COMING, bindings):
        found.setdefault(job_id, []).append((text, reason))
    if not found:
        return {}
    rows = timetable_rows(conn, list(found))
    return {row.id: those for row in rows if (those := _coming_of(row, _times(found[row.id]), now))}


def _coming_of(row: TimetableRow, times: Iterable[SkippedTime], now: datetime) -> tuple[ComingSkip, ...]:
    since, schedule = row.undecided_since(now), schedule_in_force(row)
    all_of_it = (
        ComingSkip(each.when, each.reason, schedule is not None and occurs(schedule, each.when))
        for each in times
        if each.when > since
    )
    return tuple(each for each in all_of_it if each.is_occurrence or each.when > now)


def coming_times(
    conn: apsw.Connection, now: datetime, ids: Sequence[str] | None = None
) -> dict[str, frozenset[datetime]]:
    """The same without what is said of them."""
    return {
        job_id: frozenset(each.when for each in those) for job_id, those in coming(conn, now, ids).items()
    }


_ANY: Final = "SELECT 1 FROM overrides WHERE kind = 'skip' AND ended_at IS NULL LIMIT 1"
# Roughly: the watermark may be far ahead. By jobs, because skips that are long over are many more than jobs.
_COMING: Final = """
SELECT jobs.id, overrides.scheduled_for, overrides.reason FROM jobs CROSS JOIN overrides
WHERE jobs.deleted_at IS NULL AND (:ids IS NULL OR jobs.id IN (SELECT value FROM json_each(:ids)))
  AND overrides.kind = 'skip' AND overrides.job_id = jobs.id AND overrides.ended_at IS NULL
  AND overrides.scheduled_for > min(:at, coalesce(jobs.decided_until, jobs.schedule_since))
ORDER BY jobs.id, overrides.scheduled_for
"""


def put_right(tx: Tx) -> int:
    """Let what was skipped as the next one by a clock that was ahead be the next one now; how many.

    A time that a person named stays what it is, and so does what has been decided about for good.
    """
    moved = 0
    found: list[Any] = tx.conn.execute(_SKIPPED_AHEAD, (tx.at,)).fetchall()
    for number, job_id, skipped_for in found:
        row = next(timetable_rows(tx.conn, [job_id]), None)
        schedule = None if row is None or row.deleted else schedule_in_force(row)
        if row is None or schedule is None:
            continue
        since = row.undecided_since(tx.now)
        if skipped_for <= to_text(since):
            continue
        others = coming_times(tx.conn, tx.now, [job_id]).get(job_id, frozenset())
        others -= {each.when for each in _times([(skipped_for, None)])}
        when = next_wanted(schedule, max(tx.now, since), others)
        if when is not None:
            tx.conn.execute(_MOVE, (to_text(when), to_text(when), length_of(when - tx.now), number))
            moved += 1
    return moved


# A length says that it was the next one.
_SKIPPED_AHEAD: Final = """
SELECT id, job_id, scheduled_for FROM overrides
WHERE kind = 'skip' AND ended_at IS NULL AND length_ms IS NOT NULL AND created_at > ? ORDER BY scheduled_for
"""
_MOVE: Final = "UPDATE overrides SET scheduled_for = ?, until = ?, length_ms = ? WHERE id = ?"


def length_of(ahead: timedelta) -> int:
    """A length of time in the form of the table."""
    return ahead // timedelta(milliseconds=1)


def close(tx: Tx, before: datetime, limit: int) -> int:
    """End skips of occurrences before then that have been decided about, ``limit`` at most; how many.

    What is in force is read at each decision, so that it may not grow with the history.
    """
    tx.conn.execute(_CLOSE, {"before": to_text(before), "limit": limit})
    return tx.conn.changes()


_CLOSE: Final = f"""
UPDATE overrides SET ended_at = until WHERE id IN (
  SELECT id FROM (SELECT id, job_id AS its_job, until FROM overrides WHERE kind = 'skip' AND ended_at IS NULL)
  WHERE until < :before AND until <= coalesce(({overrides.DECIDED} AND id = its_job), until) LIMIT :limit)
"""


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete skips of occurrences before then, ``limit`` at most. Returns how many.

    One stays while its occurrence may still have to be decided about.
    """
    return overrides.prune_of_jobs(tx, OverrideKind.SKIP, before, limit)


def next_wanted(schedule: Schedule, after: datetime, skipped: Collection[datetime]) -> datetime | None:
    """The first occurrence later than ``after`` that is not skipped."""
    found = schedule.next_after(after)
    while found is not None and found in skipped:
        found = schedule.next_after(found)
    return found


def schedule_in_force(row: TimetableRow) -> Schedule | None:
    """The schedule of a job to which occurrences come."""
    return schedule_of(row) if row.enabled and row.schedule else None


def occurs(schedule: Schedule, when: datetime) -> bool:
    """Whether a time is one of its occurrences."""
    return schedule.next_after(when - _INSTANT) == when


def _times(rows: Iterable[tuple[str, str | None]]) -> Iterable[SkippedTime]:
    """What can be read of them."""
    for text, reason in rows:
        when = time_or_none(text, "a skip", "scheduled_for")
        if when is not None:
            yield SkippedTime(when, reason)
