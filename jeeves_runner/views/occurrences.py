"""What comes, and what came, computed from the jobs' rows as a server's timetable would."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge, nsmallest
from itertools import dropwhile, islice, takewhile
from types import MappingProxyType
from typing import Final, NamedTuple, NotRequired, TypedDict

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.wording import brief
from jeeves_runner.db import overrides, skips
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.jobs import live_ids
from jeeves_runner.db.occurrence_runs import run_of
from jeeves_runner.db.pages import page
from jeeves_runner.db.timetable_rows import TimetableRow, schedule_of, timetable_rows
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.job_lookup import live_job

_INSTANT = timedelta(microseconds=1)
_BETWEEN = "~"
_BEGIN = datetime(1, 1, 2, tzinfo=UTC)
"""The earliest time that another one may be before."""

NextRun = Callable[[str], datetime | None]
"""A job's next occurrence by its id; None when none comes or the job is not scheduled."""

Moments = Mapping[str, datetime]
"""When jobs that are late catch up, by id, the first ones first."""

NO_MOMENTS: Final[Moments] = MappingProxyType({})
"""No job is late, or no server says."""


class OccurrenceDocument(TypedDict):
    """One occurrence, by the schedule that its job has now."""

    job_id: str
    """The job that it is of."""
    scheduled_for: str
    """When it comes, or came."""
    run_id: int | None
    """Its run, or the row that says why it did not run; null: there is none yet, or none any more."""
    status: str | None
    """The status of that; after retries, of the last attempt."""
    reason: str | None
    """The reason of that."""


class OccurrencesDocument(TypedDict):
    """What comes, and what came."""

    occurrences: list[OccurrenceDocument]
    """By time, then by id."""
    next_cursor: NotRequired[str]
    """What asks for the next page; absent if no more follow."""


def next_runs(
    conn: apsw.Connection, now: datetime, ids: Sequence[str] | None = None, *, after: datetime | None = None
) -> NextRun:
    """The next occurrences of these jobs, or of all: the rows read now, the times computed when asked for.

    Those later than ``after``, if that is said, and that are not skipped.

    Jobs that share their expressions and zone share the computation.
    """
    coming = Coming(conn, now, ids)
    return lambda job_id: coming.after(job_id, after or now)


class Coming:
    """The occurrences to come of some jobs, or of all, without those that are skipped: the rows are read at
    once, the times computed when asked for."""

    def __init__(self, conn: apsw.Connection, now: datetime, ids: Sequence[str] | None = None) -> None:
        self._now = now
        self._rows = {row.id: row for row in timetable_rows(conn, ids) if _is_scheduled(row)}
        self._skipped = skips.coming_times(conn, now, ids)
        self._known: dict[tuple[Schedule, datetime, frozenset[datetime]], datetime | None] = {}

    def after(self, job_id: str, time: datetime) -> datetime | None:
        """The first one later than ``time``; None if none comes or the job is not scheduled."""
        row = self._rows.get(job_id)
        schedule = schedule_of(row)
        if row is None or schedule is None:
            return None
        its = self._skipped.get(job_id, frozenset())
        key = (schedule, max(time, row.undecided_since(self._now)), its)
        if key not in self._known:
            self._known[key] = skips.next_wanted(*key)
        return self._known[key]

    def next(self, job_id: str) -> datetime | None:
        """The first one later than now."""
        return self.after(job_id, self._now)

    def once_over(self, job_id: str, until: datetime) -> datetime | None:
        """The first one once a pause has ended, also one at the moment of that end."""
        return self.after(job_id, until - _INSTANT)


class Span(NamedTuple):
    """A time of which all occurrences count."""

    since: datetime
    """When it begins; aware."""
    until: datetime
    """When it has ended: an occurrence at that moment does not count."""


class Timing(NamedTuple):
    """When a job occurs."""

    row: TimetableRow
    """What is declared of it."""
    schedule: Schedule
    """The same, read."""
    spans: tuple[Span, ...]
    """Its occurrences in these have come, or will run; ascending."""


class Place(NamedTuple):
    """An occurrence in the order of lists."""

    scheduled_for: datetime
    """When it comes."""
    job_id: str
    """The job that it is of."""

    @classmethod
    def of(cls, cursor: str) -> "Place":
        """That of a ``next_cursor``; InvalidValue for what is none."""
        time, _, job_id = cursor.partition(_BETWEEN)
        try:
            return cls(from_text(time), job_id)
        except ValueError:
            raise InvalidValue(
                f"cursor is none of this list: {brief(cursor)}",
                hint="take the next_cursor of the page before",
            ) from None

    @property
    def cursor(self) -> str:
        """What asks for those after it."""
        return f"{to_text(self.scheduled_for)}{_BETWEEN}{self.job_id}"


def next_view(
    conn: apsw.Connection,
    now: datetime,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    job_id: str | None = None,
    count: int,
    once: bool = False,
) -> OccurrencesDocument:
    """``{occurrences: [{job_id, scheduled_for, run_id, status, reason}]}``: the first ``count``.

    By time, then by id. Those in [``begin``, ``end``]; without a begin, those later than now. With ``once``
    each job stands there with its first occurrence only.

    What comes is left out where a pause covers it or a person skips it: it will be skipped. What came is
    that of the jobs and schedules of now, with what became of it.
    """
    begin = begin or now + _INSTANT
    with snapshot(conn):
        places = _places(conn, now, begin, end, _only(job_id), once=once)
        return {"occurrences": [_document(conn, now, place) for place in islice(places, count)]}


def first_view(
    conn: apsw.Connection, now: datetime, next_run: NextRun, *, count: int, once: bool = False
) -> list[OccurrenceDocument]:
    """What ``next_view`` has first, where a server knows what is next of each job: only the schedules of few
    jobs are read."""
    with snapshot(conn):
        set_aside = len(skips.coming_times(conn, now))
        pauses = overrides.pauses(conn, now)
        if pauses.of_all is not None:
            return next_view(conn, now, count=count, once=once)["occurrences"]
        due = ((when, job_id) for job_id in live_ids(conn) if (when := next_run(job_id)) is not None)
        # So many of them are neither paused nor skipped, and none of the others comes before all of those.
        first = nsmallest(count + set_aside + len(pauses.of_jobs), due)
        places = _places(conn, now, now + _INSTANT, None, [job_id for _, job_id in first], once=once)
        return [_document(conn, now, place) for place in islice(places, count)]


def schedule_view(
    conn: apsw.Connection,
    now: datetime,
    *,
    begin: datetime,
    end: datetime | None,
    cursor: str | None,
    job_id: str | None,
    limit: int,
) -> OccurrencesDocument:
    """A page of the same, with ``next_cursor`` if others follow; ``cursor`` is that of the page before.

    NotFound for an unknown job.
    """
    last = None if cursor is None else Place.of(cursor)
    with snapshot(conn):
        if job_id is not None:
            live_job(conn, job_id)
        places = _places(
            conn, now, begin if last is None else max(begin, last.scheduled_for), end, _only(job_id)
        )
        if last is not None:
            places = dropwhile(lambda place: place <= last, places)
        found = page(places, size=lambda _: 1, limit=limit, room=None)
        document: OccurrencesDocument = {"occurrences": [_document(conn, now, place) for place in found.rows]}
    if found.more:
        document["next_cursor"] = found.rows[-1].cursor
    return document


def last_until(conn: apsw.Connection, job_id: str, until: datetime) -> datetime | None:
    """The last occurrence of a job at or before then, by its schedule of now; None: there is none."""
    schedule = schedule_of(next(timetable_rows(conn, [job_id]), None))
    return None if schedule is None else schedule.latest(_BEGIN, until)


def text_of(instant: datetime | None) -> str | None:
    """A time in the database's form."""
    return None if instant is None else to_text(instant)


def _places(
    conn: apsw.Connection,
    now: datetime,
    begin: datetime,
    end: datetime | None,
    ids: Sequence[str] | None,
    *,
    once: bool = False,
) -> Iterator[Place]:
    """The occurrences in [``begin``, ``end``] of some jobs or of all, in order."""
    each = map(_occurrences, timings(conn, now, begin, ids))
    places = merge(*(islice(times, 1) for times in each) if once else each)
    return places if end is None else takewhile(lambda place: place.scheduled_for <= end, places)


def timings(
    conn: apsw.Connection, now: datetime, begin: datetime, ids: Sequence[str] | None
) -> Iterator[Timing]:
    """When each of some jobs, or of all, occurs from ``begin`` on: this decides what is shown as coming."""
    begin = max(begin, _BEGIN)
    pauses = overrides.pauses(conn, max(begin, now))
    skipped = skips.coming_times(conn, now, ids)
    for row in timetable_rows(conn, ids):
        schedule = schedule_of(row) if _is_scheduled(row) else None
        if schedule is not None:
            spans = _spans(row, pauses.end_of(row.id), skipped.get(row.id, ()), begin, now)
            yield Timing(row, schedule, tuple(spans))


def _spans(
    row: TimetableRow,
    pause_ends: datetime | None,
    skipped: Collection[datetime],
    begin: datetime,
    now: datetime,
) -> Iterator[Span]:
    """All that has passed, and what is to come once its pause has ended, but for what is skipped."""
    passed = now + _INSTANT
    since = max(begin, passed, row.undecided_since(now) + _INSTANT, pause_ends or begin)
    if begin < passed and since == passed:
        since = begin
    elif begin < passed:
        yield Span(begin, passed)
    for when in sorted(skipped):
        if max(since, passed) <= when:
            yield Span(since, when)
            since = when + _INSTANT
    if since < overrides.UNTIL_RESUMED:
        yield Span(since, overrides.UNTIL_RESUMED)


def _occurrences(timing: Timing) -> Iterator[Place]:
    for since, until in timing.spans:
        for when in timing.schedule.between(since - _INSTANT, until - _INSTANT):
            yield Place(when, timing.row.id)


def _document(conn: apsw.Connection, now: datetime, place: Place) -> OccurrenceDocument:
    run = run_of(conn, place.job_id, place.scheduled_for) if place.scheduled_for <= now else None
    return {
        "job_id": place.job_id,
        "scheduled_for": to_text(place.scheduled_for),
        "run_id": run and run.run_id,
        "status": run and run.status,
        "reason": run and run.reason,
    }


def _only(job_id: str | None) -> Sequence[str] | None:
    return None if job_id is None else [job_id]


def _is_scheduled(row: TimetableRow) -> bool:
    return row.enabled and not row.deleted and bool(row.schedule)
