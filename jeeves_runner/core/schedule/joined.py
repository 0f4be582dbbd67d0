"""Expressions joined into one set of local times, without those that exclusions cover."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import MAXYEAR, date, datetime, time
from typing import Final

from jeeves_runner.core.schedule.cron import END_OF_TIME, Cron, joined_times
from jeeves_runner.core.schedule.day_times import (
    SECONDS_OF_DAY,
    first_from,
    last_until,
    second_of,
)
from jeeves_runner.core.schedule.days import HORIZON_YEARS, DayRule, Days, longest_gap, month_shape
from jeeves_runner.core.schedule.exclusions import Active, Exclusions, covered

_COVER_EFFORT: Final = 50
"""What it takes to cover the times of a day, in units of effort: about a fifth of a microsecond each."""
_DATES_EFFORT: Final = 100
"""What it takes to look around a range of dates."""


class Joined:
    """Expressions of one kind (``elapsed`` or not) on the days of one rule."""

    __slots__ = ("_crons", "_exclusions", "days", "elapsed")

    def __init__(self, crons: tuple[Cron, ...], exclusions: Exclusions) -> None:
        self._crons = crons
        self._exclusions = exclusions
        self.elapsed = crons[0].elapsed
        self.days: Days = _RemainingDays(crons, exclusions) if exclusions.by_time else crons[0].days

    @property
    def effort(self) -> int:
        """How much it took so far to learn on which days it occurs."""
        by_time = self.days.effort if isinstance(self.days, _RemainingDays) else 0
        return by_time + _DATES_EFFORT * len(self._exclusions.ranges)

    def at_or_after(self, local: datetime) -> datetime | None:
        if local >= END_OF_TIME:
            return None
        today = local.date()
        second = first_from(self.times_on(today), second_of(local))
        if second is not None:
            return _at(today, second)
        day = self.next_day(today)
        return None if day is None else _at(day, first_from(self.times_on(day), 0))

    def at_or_before(self, local: datetime) -> datetime | None:
        today = local.date()
        second = last_until(self.times_on(today), second_of(local))
        if second is not None:
            return _at(today, second)
        day = self.previous_day(today)
        return None if day is None else _at(day, last_until(self.times_on(day), SECONDS_OF_DAY))

    def next_day(self, day: date) -> date | None:
        """The first day later than ``day`` that has times; None if there is none for HORIZON_YEARS."""
        limit = min(day.year + HORIZON_YEARS, MAXYEAR)
        found = self.days.next_day(day)
        while found is not None and found[0] <= limit:
            day = date(*found)
            excluded = self._exclusions.range_at(day)
            if excluded is None:
                return day
            found = self.days.next_day(excluded[1])
        return None

    def previous_day(self, day: date) -> date | None:
        """The last day earlier than ``day`` that has times; None if there is none for HORIZON_YEARS."""
        limit = day.year - HORIZON_YEARS
        found = self.days.previous_day(day)
        while found is not None and found[0] >= limit:
            day = date(*found)
            excluded = self._exclusions.range_at(day)
            if excluded is None:
                return day
            found = self.days.previous_day(excluded[0])
        return None

    def pattern_on(self, day: date) -> Hashable:
        if not self.days.contains(day) or self._exclusions.range_at(day) is not None:
            return None
        return self._exclusions.active_on(day)

    def times_on(self, day: date) -> int:
        if not self.days.contains(day) or self._exclusions.range_at(day) is not None:
            return 0
        return _remaining(self._crons, self._exclusions, self._exclusions.active_on(day))


class _RemainingDays(Days):
    """The days on which excluded times leave something, whatever excluded dates do.

    ``effort``: how much looking for them has taken so far, a unit for each day and each rule looked at.
    """

    __slots__ = ("_crons", "_exclusions", "_left", "_months", "effort")

    def __init__(self, crons: tuple[Cron, ...], exclusions: Exclusions) -> None:
        self._crons = crons
        self._exclusions = exclusions
        self._left: dict[Active, bool] = {}
        self._months: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self.effort = 0

    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        shape = month_shape(year, month)
        days = self._months.get((month, *shape))
        if days is None:
            active = self._exclusions.active_in(year, month)
            matching = self._crons[0].days.days_of(year, month)
            days = tuple(day for day in matching if self._leaves_some(active[day - 1]))
            self._months[month, *shape] = days
            self.effort += len(active) + self._exclusions.rules
        return days

    def _leaves_some(self, active: Active) -> bool:
        left = self._left.get(active)
        if left is None:
            left = self._left[active] = bool(_remaining(self._crons, self._exclusions, active))
            self.effort += _COVER_EFFORT + 10 * self._exclusions.rules
        return left


def join(crons: Iterable[Cron], exclusions: Exclusions) -> tuple[Joined, ...]:
    """The union of ``crons``, those that differ only in their times of day in one."""
    alike: dict[tuple[bool, DayRule], dict[Cron, None]] = {}
    for cron in crons:
        alike.setdefault((cron.elapsed, cron.days), {})[cron] = None
    return tuple(Joined(tuple(several), exclusions) for several in alike.values())


def leave_a_gap(exclusions: Exclusions, sets: Sequence[Joined]) -> bool:
    """Whether there is a time from which nothing of ``sets`` occurs for HORIZON_YEARS."""
    if exclusions.by_time:
        years = longest_gap(each.days for each in sets)
        if years is None or years > HORIZON_YEARS:
            return True
    return bool(exclusions.ranges) and _dates_leave_a_gap(exclusions, sets)


def _dates_leave_a_gap(exclusions: Exclusions, sets: Sequence[Joined]) -> bool:
    """Looks around each range of dates: every gap that they make contains one of them."""
    looked_until = date.min
    for first, last in exclusions.ranges:
        if first < looked_until:
            continue
        later = [found for each in sets if (found := each.next_day(last)) is not None]
        if not later:
            return True
        earlier = [found for each in sets if (found := each.previous_day(first)) is not None]
        begin, end = max(earlier, default=first), min(later)
        if (end.year - begin.year, end.month, end.day) > (HORIZON_YEARS, begin.month, begin.day):
            return True
        looked_until = end
    return False


def _remaining(crons: tuple[Cron, ...], exclusions: Exclusions, active: Active) -> int:
    times = joined_times(crons)
    return times & ~covered(exclusions, active) if active else times


def _at(day: date, second: int | None) -> datetime | None:
    if second is None:
        return None
    return datetime.combine(day, time(second // 3600, second // 60 % 60, second % 60))
