"""A cron expression as sets, and the search over them on local times without a zone."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Protocol

from jeeves_runner.core.schedule.cron_fields import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    Field,
    ScheduleError,
    parse_field,
)
from jeeves_runner.core.schedule.day_times import at_hours, times_of_day
from jeeves_runner.core.schedule.days import HORIZON_YEARS, SELDOM, DayRule

BEGIN_OF_TIME = datetime.combine(date(10, 1, 1), time())
END_OF_TIME = datetime.combine(date(9990, 1, 1), time())
"""Searches begin between these, so that no result leaves what ``datetime`` can hold."""


_SEARCH_EFFORT = 1000
"""What it takes to search the calendar for the days of a rule."""


class LocalTimes(Protocol):
    """A set of local times, whole seconds, that can be searched both ways.

    Both searches end after HORIZON_YEARS. ``elapsed``: where clocks are shifted, the times keep their
    distance from one another (``*/15``); otherwise each names an hour of the day, and happens once.
    """

    @property
    def elapsed(self) -> bool: ...

    def at_or_after(self, local: datetime) -> datetime | None: ...

    def at_or_before(self, local: datetime) -> datetime | None: ...

    def pattern_on(self, day: date) -> Hashable:
        """Equal for days that have the same times; None for a day that has none."""

    def times_on(self, day: date) -> int:
        """All times of a day, as ``day_times`` writes them."""


class Cron:
    """One expression: the times of day (hours x minutes x seconds) on the days of a rule.

    ``effort``: how much it took to see that it occurs often enough, as in ``Schedule``.
    """

    __slots__ = ("days", "effort", "elapsed", "hours", "minutes", "seconds")

    def __init__(self, second: Field, minute: Field, hour: Field, days: DayRule) -> None:
        self.seconds = second.values
        self.minutes = minute.values
        self.hours = hour.values
        self.days = days
        self.elapsed = minute.starred or hour.starred
        self.effort = 0 if days.matches_each_month else _SEARCH_EFFORT

    @property
    def times(self) -> int:
        """The times of a day that matches, as ``day_times`` writes them."""
        return joined_times((self,))

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

    def pattern_on(self, day: date) -> Hashable:
        return self if self.days.contains(day) else None

    def times_on(self, day: date) -> int:
        return self.times if self.days.contains(day) else 0

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


@lru_cache(maxsize=1024)
def joined_times(crons: tuple[Cron, ...]) -> int:
    """The times of a day that any of them names, as ``day_times`` writes them.

    Cached for some only: at up to 11 kB each, one for every job would be too much.
    """
    within_hours: dict[tuple[int, ...], int] = {}  # joined by hours first: small numbers cost little
    for cron in crons:
        within_hour = times_of_day((0,), cron.minutes, cron.seconds)
        within_hours[cron.hours] = within_hours.get(cron.hours, 0) | within_hour
    times = 0
    for hours, within_hour in within_hours.items():
        times |= at_hours(within_hour, hours)
    return times


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


def _day_rule(day: str, month: str, weekday: str) -> DayRule:
    rule, gap = _rule_and_gap(day, month, weekday)
    if gap is None:
        raise ScheduleError(
            f"never occurs within {HORIZON_YEARS} years",
            hint=f"month {month} has no day {day}",
            effort=_SEARCH_EFFORT,
        )
    if gap > HORIZON_YEARS:
        raise ScheduleError(
            SELDOM,
            hint=f"day {day} of month {month} seldom falls on weekday {weekday}",
            effort=_SEARCH_EFFORT,
        )
    return rule


@lru_cache(maxsize=8192)
def _rule_and_gap(day: str, month: str, weekday: str) -> tuple[DayRule, int | None]:
    rule = DayRule(parse_field(DAY, day), parse_field(MONTH, month), parse_field(WEEKDAY, weekday))
    return rule, rule.longest_gap()
