"""A cron expression as sets, and the search over them on local times without a zone.

The day rule is that of Vixie's cron: where the day and the weekday field are both restricted, a
day matches when either does; where one of them begins with ``*``, both must match.
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from datetime import date, datetime, time
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

from jeeves_runner.core.cron_fields import (
    DAY,
    HOUR,
    LAST_OF_MONTH,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    Field,
    ScheduleError,
    parse_field,
)

HORIZON_YEARS = 8
"""A schedule must occur at least this often: the longest way from one 29 February to the next."""

BEGIN_OF_TIME = datetime.combine(date(10, 1, 1), time())
END_OF_TIME = datetime.combine(date(9990, 1, 1), time())
"""Searches begin between these, so that no result leaves what ``datetime`` can hold."""

_CALENDAR_CYCLE = range(2001, 2037)
"""28 years hold every pairing of date and weekday; 8 more close the last gap."""


class LocalTimes(Protocol):
    """A set of local times, whole seconds, that can be searched both ways.

    Both searches end after HORIZON_YEARS. ``elapsed``: the times follow elapsed time where clocks
    are shifted, rather than standing for one event at a named hour.
    """

    @property
    def elapsed(self) -> bool: ...

    def at_or_after(self, local: datetime) -> datetime | None: ...

    def at_or_before(self, local: datetime) -> datetime | None: ...


class DayRule:
    """Which days match. A month is one of 28 shapes (first weekday, length), each worked out once."""

    __slots__ = ("_day", "_months", "_shapes", "_weekday")

    def __init__(self, day: Field, month: Field, weekday: Field) -> None:
        self._day = day
        self._weekday = weekday
        self._months = frozenset(month.values)
        self._shapes: dict[tuple[int, int], tuple[int, ...]] = {}

    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        """The matching days of one month, ascending."""
        if month not in self._months:
            return ()
        shape = _month_shape(year, month)
        days = self._shapes.get(shape)
        if days is None:
            days = tuple(day for day in range(1, shape[1] + 1) if self._matches(day, *shape))
            self._shapes[shape] = days
        return days

    def contains(self, day: datetime) -> bool:
        return day.day in self.days_of(day.year, day.month)

    def next_day(self, day: datetime) -> tuple[int, int, int] | None:
        """The first matching (year, month, day) later than ``day``."""
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

    def previous_day(self, day: datetime) -> tuple[int, int, int] | None:
        """The last matching (year, month, day) earlier than ``day``."""
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

    def longest_gap(self) -> int | None:
        """The most years that can lie between two matching days, at least 1; None if none match."""
        if self._matches_each_month():
            return 1
        years = [year for year in _CALENDAR_CYCLE if any(self.days_of(year, month) for month in self._months)]
        bounds = [_CALENDAR_CYCLE[0], *years, _CALENDAR_CYCLE[-1]]
        return max(later - earlier for earlier, later in pairwise(bounds)) if years else None

    def _matches_each_month(self) -> bool:
        """A cheap yes for the usual rules; False only means that the calendar must be asked."""
        day, weekday = self._day, self._weekday
        some_date = day.last_day or (bool(day.values) and day.values[0] <= 28)
        some_weekday = bool(weekday.values) or any(which < 5 for _, which in weekday.nth)
        if day.starred or weekday.starred:
            return (some_date and len(weekday.values) == 7) or (some_weekday and len(day.values) == 31)
        return some_date or some_weekday

    def _matches(self, day: int, first_weekday: int, length: int) -> bool:
        by_date = day in self._day.values or (self._day.last_day and day == length)
        weekday = (first_weekday + day) % 7  # the calendar's Monday is 0, cron's Sunday is
        nth = self._weekday.nth
        by_weekday = (
            weekday in self._weekday.values
            or (weekday, (day + 6) // 7) in nth
            or ((weekday, LAST_OF_MONTH) in nth and day + 7 > length)
        )
        if self._day.starred or self._weekday.starred:
            return by_date and by_weekday
        return by_date or by_weekday


class Cron:
    """One expression: the times of day (hours x minutes x seconds) on the days of a rule."""

    __slots__ = ("days", "elapsed", "hours", "minutes", "seconds")

    def __init__(self, second: Field, minute: Field, hour: Field, days: DayRule) -> None:
        self.seconds = second.values
        self.minutes = minute.values
        self.hours = hour.values
        self.days = days
        self.elapsed = minute.starred or hour.starred

    @property
    def per_day(self) -> int:
        return len(self.hours) * len(self.minutes) * len(self.seconds)

    def at_or_after(self, local: datetime) -> datetime | None:
        if local >= END_OF_TIME:
            return None
        if self.days.contains(local):
            found = self._later_today(local)
            if found is not None:
                return found
        day = self.days.next_day(local)
        return day and _local(*day, self.hours[0], self.minutes[0], self.seconds[0])

    def at_or_before(self, local: datetime) -> datetime | None:
        if self.days.contains(local):
            found = self._earlier_today(local)
            if found is not None:
                return found
        day = self.days.previous_day(local)
        return day and _local(*day, self.hours[-1], self.minutes[-1], self.seconds[-1])

    def rank(self, local: datetime) -> int:
        """How many of a day's times are at or before the time of day of ``local``."""
        hours, minutes, seconds = self.hours, self.minutes, self.seconds
        place = bisect_left(hours, local.hour)
        total = place * len(minutes)
        if place == len(hours) or hours[place] != local.hour:
            return total * len(seconds)
        place = bisect_left(minutes, local.minute)
        total = (total + place) * len(seconds)
        if place == len(minutes) or minutes[place] != local.minute:
            return total
        return total + bisect_right(seconds, local.second)

    def _later_today(self, local: datetime) -> datetime | None:
        hour, minute = local.hour, local.minute
        if hour in self.hours:
            if minute in self.minutes:
                place = bisect_left(self.seconds, local.second)
                if place < len(self.seconds):
                    return local.replace(second=self.seconds[place])
            place = bisect_right(self.minutes, minute)
            if place < len(self.minutes):
                return local.replace(minute=self.minutes[place], second=self.seconds[0])
        place = bisect_right(self.hours, hour)
        if place == len(self.hours):
            return None
        return local.replace(hour=self.hours[place], minute=self.minutes[0], second=self.seconds[0])

    def _earlier_today(self, local: datetime) -> datetime | None:
        hour, minute = local.hour, local.minute
        if hour in self.hours:
            if minute in self.minutes:
                place = bisect_right(self.seconds, local.second)
                if place:
                    return local.replace(second=self.seconds[place - 1])
            place = bisect_left(self.minutes, minute)
            if place:
                return local.replace(minute=self.minutes[place - 1], second=self.seconds[-1])
        place = bisect_left(self.hours, hour)
        if not place:
            return None
        return local.replace(hour=self.hours[place - 1], minute=self.minutes[-1], second=self.seconds[-1])


_month_shape = lru_cache(maxsize=4096)(monthrange)


def _local(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime:
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 (a local time has no zone here)


@lru_cache(maxsize=16384)
def cron_of(texts: tuple[str, ...]) -> Cron:
    """The expression of six field texts, seconds first; raises :class:`ScheduleError`.

    Equal texts give the same object while it is remembered.
    """
    second, minute, hour, day, month, weekday = texts
    return Cron(
        parse_field(SECOND, second),
        parse_field(MINUTE, minute),
        parse_field(HOUR, hour),
        _day_rule(day, month, weekday),
    )


@lru_cache(maxsize=8192)
def _day_rule(day: str, month: str, weekday: str) -> DayRule:
    rule = DayRule(parse_field(DAY, day), parse_field(MONTH, month), parse_field(WEEKDAY, weekday))
    gap = rule.longest_gap()
    if gap is None:
        raise ScheduleError(
            f"never occurs within {HORIZON_YEARS} years", hint=f"month {month} has no day {day}"
        )
    if gap > HORIZON_YEARS:
        raise ScheduleError(
            f"there are times when it does not occur within {HORIZON_YEARS} years",
            hint=f"day {day} of month {month} seldom falls on weekday {weekday}",
        )
    return rule
