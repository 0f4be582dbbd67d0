"""What a schedule is made of: instants that can be searched both ways and counted.

All instants here are naive UTC on whole seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from jeeves_runner.core.schedule.counting import LocalCount, count_in_zone, seconds_in_zone
from jeeves_runner.core.schedule.cron import END_OF_TIME, LocalTimes
from jeeves_runner.core.schedule.day_times import (
    SECONDS_OF_DAY,
    count_between,
    cut,
    progression,
    second_of,
)
from jeeves_runner.core.schedule.local_time import Zone
from jeeves_runner.core.schedule.nights import Night, nights_of

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


class Series(Protocol):
    """A set of instants. Cron expressions of one job are one series, ``every`` and ``at`` one each."""

    def first_after(self, after: datetime) -> datetime | None:
        """The first one later than ``after``; None if there is none within HORIZON_YEARS."""

    def last_until(self, until: datetime) -> datetime | None:
        """The last one at or before ``until``; likewise."""

    def count(self, begin: datetime, end: datetime) -> int:
        """How many lie in [begin, end)."""

    def seconds_on(self, day: date) -> int:
        """Those of a day of UTC, as ``day_times`` writes them."""


def first_of(found: Sequence[datetime | None]) -> datetime | None:
    """The earliest; None if there is none. Most schedules have one part alone."""
    return found[0] if len(found) == 1 else min((each for each in found if each is not None), default=None)


class ClockTimes:
    """Times on the clocks of a zone, by the rules of ``local_time``; without a zone, those of UTC."""

    __slots__ = ("_sets", "_zone")

    def __init__(self, sets: tuple[LocalTimes, ...], zone: Zone | None) -> None:
        self._sets = sets
        self._zone = zone

    def first_after(self, after: datetime) -> datetime | None:
        if after >= END_OF_TIME:
            return None
        if self._zone is None:
            start = after.replace(microsecond=0) + _SECOND
            found = [times.at_or_after(start) for times in self._sets]
        else:
            found = [self._zone.first_after(times, after) for times in self._sets]
        return first_of(found)

    def last_until(self, until: datetime) -> datetime | None:
        if self._zone is None:
            start = until.replace(microsecond=0)
            found = [times.at_or_before(start) for times in self._sets]
        else:
            found = [self._zone.last_until(times, until) for times in self._sets]
        return max((each for each in found if each is not None), default=None)

    def count(self, begin: datetime, end: datetime) -> int:
        if self._zone is None:
            return LocalCount(self._sets).between(begin, end)
        return count_in_zone(self._sets, self._zone, begin, end)

    def seconds_on(self, day: date) -> int:
        if self._zone is None:
            begin = datetime.combine(day, time())
            return LocalCount(self._sets).seconds(begin, begin + _DAY, begin)
        return seconds_in_zone(self._sets, self._zone, day)

    def nights(self, begin: datetime, end: datetime) -> Iterator[Night]:
        """The shifts of its clocks in [begin, end) that touch it."""
        return iter(()) if self._zone is None else nights_of(self._sets, self._zone, begin, end)


class BoundedTimes(ClockTimes):
    """Times on the clocks of a zone, from one instant to another; both may be among them.

    For a bound in an hour that clocks repeat: its local time alone would not say which of the two it is.
    """

    __slots__ = ("_first", "_last")

    def __init__(
        self, sets: tuple[LocalTimes, ...], zone: Zone | None, first: datetime, last: datetime
    ) -> None:
        super().__init__(sets, zone)
        self._first = first
        self._last = last

    def first_after(self, after: datetime) -> datetime | None:
        found = super().first_after(max(after, self._first - _SECOND))
        return found if found is not None and found <= self._last else None

    def last_until(self, until: datetime) -> datetime | None:
        found = super().last_until(min(until, self._last))
        return found if found is not None and found >= self._first else None

    def count(self, begin: datetime, end: datetime) -> int:
        begin, end = max(begin, self._first), min(end, self._last + _SECOND)
        return super().count(begin, end) if begin < end else 0

    def seconds_on(self, day: date) -> int:
        if not self._first.date() <= day <= self._last.date():
            return 0
        begin = second_of(self._first) if day == self._first.date() else 0
        end = second_of(self._last) + 1 if day == self._last.date() else SECONDS_OF_DAY
        return cut(super().seconds_on(day), begin, end)

    def nights(self, begin: datetime, end: datetime) -> Iterator[Night]:
        return super().nights(max(begin, self._first), min(end, self._last + _SECOND))


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Instants that lie the same length of time apart, whatever clocks are set to."""

    first: datetime
    """The first of all."""
    step: int
    """Seconds between two, 1 at least."""

    def first_after(self, after: datetime) -> datetime | None:
        if after >= END_OF_TIME:
            return None
        if after < self.first:
            return self.first
        passed = (after - self.first) // _SECOND
        return self.first + timedelta(seconds=passed - passed % self.step + self.step)

    def last_until(self, until: datetime) -> datetime | None:
        if until < self.first:
            return None
        passed = (until - self.first) // _SECOND
        return self.first + timedelta(seconds=passed - passed % self.step)

    def count(self, begin: datetime, end: datetime) -> int:
        return max(0, self._before(end) - self._before(begin))

    def seconds_on(self, day: date) -> int:
        begin = datetime.combine(day, time())
        following = self.first_after(begin - _SECOND)
        if following is None or following - begin >= _DAY:
            return 0
        return progression(second_of(following), self.step)

    def _before(self, end: datetime) -> int:
        """How many come before ``end``."""
        ahead = -((self.first - end) // _SECOND)  # whole seconds, rounded up
        return max(0, -(-ahead // self.step))


@dataclass(frozen=True, kw_only=True, slots=True)
class Once:
    """A single instant."""

    at: datetime
    """When it is."""

    def first_after(self, after: datetime) -> datetime | None:
        return self.at if after < self.at else None

    def last_until(self, until: datetime) -> datetime | None:
        return self.at if self.at <= until else None

    def count(self, begin: datetime, end: datetime) -> int:
        return int(begin <= self.at < end)

    def seconds_on(self, day: date) -> int:
        return 1 << second_of(self.at) if self.at.date() == day else 0


def count_together(several: Sequence[Series], begin: datetime, end: datetime) -> int:
    """How many instants of any of ``several`` lie in [begin, end); one that is in two counts once."""
    total = 0
    day = begin.date()
    while (midnight := datetime.combine(day, time())) < end:
        found = 0
        for each in several:
            found |= each.seconds_on(day)
        first = max(0, (begin - midnight) // _SECOND)
        total += count_between(found, first, min(SECONDS_OF_DAY, (end - midnight) // _SECOND))
        day += _DAY
    return total
