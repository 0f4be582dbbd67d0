"""Which job is due when: one next occurrence per job, earliest first.

No step takes longer the more jobs there are, whether an apply moves one of them or all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from jeeves_runner.core.schedule.in_order import InOrder
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
    looked_at: datetime | None = None
    """When they were found, if that was before now: what was not too late then has waited since, and is not
    too late now."""


class _Entry(NamedTuple):
    """A job's next occurrence."""

    schedule: Schedule
    next: datetime | None


class Timetable:
    """The next occurrence of every scheduled job. All times are aware UTC."""

    __slots__ = ("_coming", "_entries", "moves")

    def __init__(self) -> None:
        self.moves = 0
        """A number that changes with each change of what ``next_of`` says."""
        self._entries: dict[str, _Entry] = {}
        self._coming = InOrder()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, job_id: str, schedule: Schedule, after: datetime) -> None:
        """Add or replace a job; occurrences at or before ``after`` do not count."""
        following = schedule.next_after(after)
        self._leave_place(job_id)
        self._place(job_id, schedule, following)

    def remove(self, job_id: str) -> None:
        """Forget a job; unknown ids are ignored."""
        self._leave_place(job_id)
        if self._entries.pop(job_id, None) is not None:
            self.moves += 1

    def next_of(self, job_id: str) -> datetime | None:
        """A job's next occurrence; None for an unknown job too."""
        entry = self._entries.get(job_id)
        return None if entry is None else entry.next

    def next_wake(self) -> datetime | None:
        """The earliest occurrence of all jobs."""
        first = self._coming.first
        return None if first is None else first[0]

    def due(self, now: datetime, limit: int | None = None) -> list[Due]:
        """The jobs that occurred up to ``now``, by first occurrence, then id; each moves past ``now``.

        At most ``limit`` of them; an empty list means that no more are due.
        """
        found: list[Due] = []
        while len(found) != limit and (place := self._coming.first) is not None and place[0] <= now:
            found.append(self._advance(place[1], place[0], now))
        return found

    def _advance(self, job_id: str, first: datetime, now: datetime) -> Due:
        schedule = self._entries[job_id].schedule
        latest, count = first, 1
        following = schedule.next_after(first)
        if following is not None and following <= now:
            latest = schedule.latest(first, now) or first
            count = schedule.count(first - _INSTANT, now)
            following = schedule.next_after(latest)
        self._coming.remove((first, job_id))
        self._place(job_id, schedule, following)
        return Due(job_id=job_id, schedule=schedule, first=first, latest=latest, count=count)

    def _leave_place(self, job_id: str) -> None:
        entry = self._entries.get(job_id)
        if entry is not None and entry.next is not None:
            self._coming.remove((entry.next, job_id))

    def _place(self, job_id: str, schedule: Schedule, following: datetime | None) -> None:
        self._entries[job_id] = _Entry(schedule, following)
        self.moves += 1
        if following is not None:
            self._coming.add((following, job_id))
