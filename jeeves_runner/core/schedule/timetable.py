"""Which job is due when: one next occurrence per job, earliest first.

A heap ordered by time holds what is coming. Changing or removing an entry leaves its old place in
the heap, recognised as stale when it surfaces because the entry no longer has that object.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import islice

from jeeves_runner.core.schedule.schedule import Schedule

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A job whose time has come: normally one occurrence; more if nothing looked for a while, a gap."""

    job_id: str
    """The job."""
    schedule: Schedule
    """When it is due, and was within the gap."""
    first: datetime
    """The oldest occurrence; aware, UTC, as all times here."""
    latest: datetime
    """The newest one."""
    count: int
    """How many there are from ``first`` to ``latest``."""
    is_part: bool = False
    """They are a part of a longer gap, which is decided about bit by bit."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A job's next occurrence; replaced rather than moved when the job changes."""

    job_id: str
    schedule: Schedule
    next: datetime | None


class Timetable:
    """The next occurrence of every scheduled job. All times are aware UTC."""

    __slots__ = ("_entries", "_heap")

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[datetime, str, int, _Entry]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, job_id: str, schedule: Schedule, after: datetime) -> None:
        """Add or replace a job; occurrences at or before ``after`` do not count."""
        self._place(_Entry(job_id, schedule, schedule.next_after(after)))

    def remove(self, job_id: str) -> None:
        """Forget a job; unknown ids are ignored."""
        if self._entries.pop(job_id, None) is not None:
            self._drop_excess()

    def next_of(self, job_id: str) -> datetime | None:
        """A job's next occurrence; None for an unknown job too."""
        entry = self._entries.get(job_id)
        return None if entry is None else entry.next

    def next_wake(self) -> datetime | None:
        """The earliest occurrence of all jobs."""
        while self._heap:
            when, _, _, entry = self._heap[0]
            if self._is_current(entry):
                return when
            heappop(self._heap)
        return None

    def due(self, now: datetime, limit: int | None = None) -> list[Due]:
        """The jobs that occurred up to ``now``, by first occurrence, then id; each moves past ``now``.

        At most ``limit`` of them; an empty list means that no more are due.
        """
        first_ones = list(islice(self._pop_until(now), limit))
        return [self._advance(entry, first, now) for entry, first in first_ones]

    def _pop_until(self, now: datetime) -> Iterator[tuple[_Entry, datetime]]:
        while self._heap and self._heap[0][0] <= now:
            first, _, _, entry = heappop(self._heap)
            if self._is_current(entry):
                yield entry, first

    def _advance(self, entry: _Entry, first: datetime, now: datetime) -> Due:
        schedule = entry.schedule
        latest, count = first, 1
        following = schedule.next_after(first)
        if following is not None and following <= now:
            latest = schedule.latest(first, now) or first
            count = schedule.count(first - _INSTANT, now)
            following = schedule.next_after(latest)
        self._place(_Entry(entry.job_id, schedule, following))
        return Due(job_id=entry.job_id, schedule=schedule, first=first, latest=latest, count=count)

    def _place(self, entry: _Entry) -> None:
        self._entries[entry.job_id] = entry
        if entry.next is not None:
            heappush(self._heap, (entry.next, entry.job_id, id(entry), entry))
        self._drop_excess()

    def _is_current(self, entry: _Entry) -> bool:
        return self._entries.get(entry.job_id) is entry

    def _drop_excess(self) -> None:
        """Rebuild the heap once most of it is stale, so that many changes do not pile up."""
        if len(self._heap) > 2 * len(self._entries) + 64:
            self._heap = [place for place in self._heap if self._is_current(place[3])]
            heapify(self._heap)
