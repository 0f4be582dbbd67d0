"""What comes next, computed from the jobs' rows as a server's timetable would."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.db import overrides, skips
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.timetable_rows import TimetableRow, schedule_of, timetable_rows

_INSTANT = timedelta(microseconds=1)

NextRun = Callable[[str], datetime | None]
"""A job's next occurrence by its id; None when none comes or the job is not scheduled."""


class OccurrenceDocument(TypedDict):
    """One occurrence that comes."""

    job_id: str
    """The job that it is of."""
    scheduled_for: str
    """When it comes."""


class OccurrencesDocument(TypedDict):
    """What comes."""

    occurrences: list[OccurrenceDocument]
    """By time, then by id."""


def next_runs(
    conn: apsw.Connection, now: datetime, ids: Sequence[str] | None = None, *, after: datetime | None = None
) -> NextRun:
    """The next occurrences of these jobs, or of all: the rows read now, the times computed when asked for.

    Those later than ``after``, if that is said, and that are not skipped.

    Jobs that share their expressions and zone share the computation.
    """
    rows = {row.id: row for row in timetable_rows(conn, ids) if _is_scheduled(row)}
    skipped = skips.coming_times(conn, now, ids)
    known: dict[tuple[Schedule, datetime, frozenset[datetime]], datetime | None] = {}

    def next_run(job_id: str) -> datetime | None:
        row = rows.get(job_id)
        if row is None:
            return None
        schedule = schedule_of(row)
        if schedule is None:
            return None
        its = skipped.get(job_id, frozenset())
        key = (schedule, max(after or now, row.undecided_since(now)), its)
        if key not in known:
            known[key] = skips.next_wanted(*key)
        return known[key]

    return next_run


def next_after_pause(conn: apsw.Connection, now: datetime, job_id: str, until: datetime) -> datetime | None:
    """The first occurrence of a job once its pause has ended, also one at the moment of that end."""
    return next_runs(conn, now, [job_id], after=until - _INSTANT)(job_id)


def next_view(
    conn: apsw.Connection,
    now: datetime,
    *,
    after: datetime | None = None,
    job_id: str | None = None,
    count: int,
    once: bool = False,
) -> OccurrencesDocument:
    """``{occurrences: [{job_id, scheduled_for}]}``: the first ``count`` after a time (now), by time, then id.

    Times that fall into a pause are left out, and so are those that a person skips: they will be skipped.
    With ``once`` each job stands there with its first occurrence only.
    """
    after = after or now
    with snapshot(conn):
        pauses = overrides.pauses(conn, after)
        ids = None if job_id is None else [job_id]
        rows = list(timetable_rows(conn, ids))
        skipped = skips.coming_times(conn, now, ids)
    starts = {row: max(after, row.undecided_since(now)) for row in rows if _is_scheduled(row)}
    coming = _merged(starts, pauses, skipped, once)
    found: list[OccurrenceDocument] = [
        {"job_id": name, "scheduled_for": to_text(when)}
        for (when, name), _ in zip(coming, range(count), strict=False)
    ]
    return {"occurrences": found}


def text_of(instant: datetime | None) -> str | None:
    """A time in the database's form."""
    return None if instant is None else to_text(instant)


def _merged(
    starts: Mapping[TimetableRow, datetime],
    pauses: overrides.Pauses,
    skipped: Mapping[str, Collection[datetime]],
    once: bool,
) -> Iterator[tuple[datetime, str]]:
    """``starts``: after which time the occurrences of each job count."""
    heap: list[tuple[datetime, str, Schedule]] = []
    for row, start in starts.items():
        pause_ends = pauses.end_of(row.id)
        if pause_ends == overrides.UNTIL_RESUMED:
            continue
        if pause_ends is not None:
            start = max(start, pause_ends - _INSTANT)  # noqa: PLW2901 - what the pause leaves of it
        schedule = schedule_of(row)
        if (
            schedule is not None
            and (first := skips.next_wanted(schedule, start, skipped.get(row.id, ()))) is not None
        ):
            heap.append((first, row.id, schedule))
    heapify(heap)
    while heap:
        when, name, schedule = heap[0]
        yield when, name
        following = None if once else skips.next_wanted(schedule, when, skipped.get(name, ()))
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (following, name, schedule))


def _is_scheduled(row: TimetableRow) -> bool:
    return row.enabled and not row.deleted and bool(row.schedule)
