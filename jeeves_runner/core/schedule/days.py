"""Sets of days, searched month by month, and the rule by which a cron expression picks them.

The day rule is that of Vixie's cron: where the day and the weekday field are both restricted, a
day matches when either does; where one of them begins with ``*``, both must match.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from itertools import pairwise

from jeeves_runner.core.schedule.cron_fields import LAST_OF_MONTH, Field

HORIZON_YEARS = 8
"""A schedule must occur within so many years; two 29 February are at most so far apart."""

CALENDAR_CYCLE = range(2001, 2037)
"""28 years hold every pairing of date and weekday; 8 more close the last gap."""

YearMonthDay = tuple[int, int, int]

_WEEKLY = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28


SELDOM = f"there are times when it does not occur within {HORIZON_YEARS} years"
"""What is said of a schedule that is refused for it."""


class Days(ABC):
    """A set of days that depends on nothing but the calendar."""

    __slots__ = ()

    @abstractmethod
    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        """The days of the set in one month, ascending."""

    def contains(self, day: date) -> bool:
        return day.day in self.days_of(day.year, day.month)

    def next_day(self, day: date) -> YearMonthDay | None:
        """The first day of the set later than ``day``; None if there is none for HORIZON_YEARS."""
        year, month = day.year, day.month
        days = self.days_of(year, month)
        place = bisect_right(days, day.day)
        if place < len(days):
            return year, month, days[place]
        for _ in range(12 * HORIZON_YEARS + 1):
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if days := self.days_of(year, month):
                return year, month, days[0]
        return None

    def previous_day(self, day: date) -> YearMonthDay | None:
        """The last day of the set earlier than ``day``; None if there is none for HORIZON_YEARS."""
        year, month = day.year, day.month
        days = self.days_of(year, month)
        place = bisect_left(days, day.day)
        if place:
            return year, month, days[place - 1]
        for _ in range(12 * HORIZON_YEARS + 1):
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            if year < 2:
                return None
            if days := self.days_of(year, month):
                return year, month, days[-1]
        return None


class DayRule(Days):
    """The days of a cron expression. A month has one of 28 shapes, each worked out once."""

    __slots__ = ("_dates", "_day", "_months", "_shapes", "_weekday")

    def __init__(self, day: Field, month: Field, weekday: Field) -> None:
        self._day = day
        self._weekday = weekday
        self._dates = sum(1 << value for value in day.values)
        self._months = frozenset(month.values)
        self._shapes: dict[tuple[int, int], tuple[int, ...]] = {}

    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        if month not in self._months:
            return ()
        shape = month_shape(year, month)
        days = self._shapes.get(shape)
        if days is None:
            matching = self._matching(*shape)
            days = tuple([day for day in range(1, shape[1] + 1) if matching >> day & 1])
            self._shapes[shape] = days
        return days

    def longest_gap(self) -> int | None:
        """The most years that can lie between two matching days, at least 1; None if none match."""
        return 1 if self.matches_each_month else longest_gap([self])

    @property
    def matches_each_month(self) -> bool:
        """True for the usual rules, at once; False means that the calendar must be searched."""
        day, weekday = self._day, self._weekday
        some_date = day.last_day or (bool(day.values) and day.values[0] <= 28)
        some_weekday = bool(weekday.values) or any(which < 5 for _, which in weekday.nth)
        if day.starred or weekday.starred:
            return (some_date and len(weekday.values) == 7) or (some_weekday and len(day.values) == 31)
        return some_date or some_weekday

    def _matching(self, first_weekday: int, length: int) -> int:
        """The days of a month: bit n stands for day n, and bits beyond its length mean nothing."""
        by_date = self._dates | (1 << length if self._day.last_day else 0)
        by_weekday = 0
        for weekday in self._weekday.values:
            by_weekday |= _WEEKLY << _first_day(weekday, first_weekday)
        for weekday, which in self._weekday.nth:
            first = _first_day(weekday, first_weekday)
            weeks = (length - first) // 7 if which == LAST_OF_MONTH else which - 1
            by_weekday |= 1 << (first + 7 * weeks)
        if self._day.starred or self._weekday.starred:
            return by_date & by_weekday
        return by_date | by_weekday


def _first_day(weekday: int, first_weekday: int) -> int:
    """The first day of a month, from 1, that is ``weekday`` (Sunday is 0); day 1 is ``first_weekday`` (Monday
    is 0)."""
    return (weekday - first_weekday - 1) % 7 + 1


def longest_gap(sets: Iterable[Days]) -> int | None:
    """The most years that can lie between two days of any of ``sets``, at least 1; None if all are empty."""
    several = tuple(sets)
    alike: dict[tuple[int, int], bool] = {}  # years that begin on the same weekday and are as long
    years = []
    for year in CALENDAR_CYCLE:
        shape = month_shape(year, 1)[0], month_shape(year, 2)[1]
        if shape not in alike:
            alike[shape] = any(days.days_of(year, month) for month in range(1, 13) for days in several)
        if alike[shape]:
            years.append(year)
    bounds = [CALENDAR_CYCLE[0], *years, CALENDAR_CYCLE[-1]]
    return max(1, *(later - earlier for earlier, later in pairwise(bounds))) if years else None


month_shape = lru_cache(maxsize=4096)(monthrange)
"""The weekday of a month's first day (Monday is 0) and its length."""
