"""Recurrence rules of RFC 5545 (``FREQ=MONTHLY;BYDAY=-1FR``) as local times, searched both ways.

``rule_days`` has their days found by python-dateutil, ``rule_times`` computes the times within a day, and
``rule_checks`` sees whether they occur often enough.
"""

from collections.abc import Hashable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from jeeves_runner.core.schedule.cron import END_OF_TIME
from jeeves_runner.core.schedule.day_times import (
    SECONDS_OF_DAY,
    cut,
    first_from,
    last_until,
    second_of,
)
from jeeves_runner.core.schedule.days import Days, YearMonthDay
from jeeves_runner.core.schedule.exclusions import Exclusions
from jeeves_runner.core.schedule.rule_days import days_of_month, days_of_period, period_of
from jeeves_runner.core.schedule.rule_text import (
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    UNIT,
    WEEKLY,
    YEARLY,
    RuleParts,
)
from jeeves_runner.core.schedule.rule_times import picked, times_of_parts, times_of_periods

_SECOND: Final = timedelta(seconds=1)
_MONTH_EFFORT: Final = 300
"""What it takes to put together a month, in units of ``Schedule.effort``."""
_YEAR_EFFORT: Final = 5000
"""What it takes to have the library find the days of a year."""
_MONTHS_KEPT: Final = 128


class Recurrence(Days):
    """A rule from its start on, in local times without a zone; ``LocalTimes`` as a cron expression is.

    ``effort``: how much looking at it has taken so far, as in ``Schedule``; ``checked``: how much of that was
    to see that it occurs, before others that say the same have looked at it too.
    """

    def __init__(
        self, parts: RuleParts, start: datetime, until: datetime | None, exclusions: Exclusions | None = None
    ) -> None:
        self._parts = _with_defaults(parts, start)
        self._start = start
        self._until = END_OF_TIME if until is None else until
        self._exclusions = exclusions
        self._chunks: dict[tuple[int, int], dict[int, int]] = {}
        self._known: dict[int, int] = {}
        self._period: tuple[date, dict[date, int]] | None = None
        self._latest_year = 0
        self.elapsed = parts.is_within_days
        self._times = 0 if self.elapsed else times_of_parts(self._parts)
        self.effort = self.checked = 0

    @property
    def parts(self) -> RuleParts:
        """What it says, with what it takes from its start."""
        return self._parts

    @property
    def start(self) -> datetime:
        """The first time that it may occur at."""
        return self._start

    @property
    def until(self) -> datetime:
        """The last one."""
        return self._until

    def at_or_after(self, local: datetime) -> datetime | None:
        local = max(local, self._start)
        if local > self._until:
            return None
        second = first_from(self.times_on(local.date()), second_of(local))
        if second is not None:
            return _at(local.date(), second)
        found = self.next_day(local.date())
        return None if found is None else _first(date(*found), self.times_on(date(*found)))

    def at_or_before(self, local: datetime) -> datetime | None:
        local = min(local, self._until)
        if local < self._start:
            return None
        second = last_until(self.times_on(local.date()), second_of(local))
        if second is not None:
            return _at(local.date(), second)
        found = self.previous_day(local.date())
        return None if found is None else _last(date(*found), self.times_on(date(*found)))

    def next_day(self, day: date) -> YearMonthDay | None:
        return None if day >= self._until.date() else super().next_day(day)

    def previous_day(self, day: date) -> YearMonthDay | None:
        return None if day <= self._start.date() else super().previous_day(day)

    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        return tuple(self.times_in(year, month))

    def pattern_on(self, day: date) -> Hashable:
        return self.times_on(day) or None

    def times_on(self, day: date) -> int:
        return self.times_in(day.year, day.month).get(day.day, 0)

    def times_in(self, year: int, month: int) -> dict[int, int]:
        """The times of each day of a month that has some, ascending."""
        known = self._chunks.get((year, month))
        if known is None:
            if len(self._chunks) > _MONTHS_KEPT:
                self._chunks.clear()
                self._known.clear()
            known = self._chunks[year, month] = dict(self._found_in(year, month))
        return known

    def _found_in(self, year: int, month: int) -> Iterator[tuple[int, int]]:
        first = date(year, month, 1)
        if first > self._until.date() or (year, month) < (self._start.year, self._start.month):
            return
        parts = self._parts
        if parts.bymonth and month not in parts.bymonth:
            return
        self.effort += _MONTH_EFFORT if year == self._latest_year else _YEAR_EFFORT
        self._latest_year = year
        begin = self._start.date()
        for day in days_of_month(parts, begin, first):
            found = self._within(first.replace(day=day), self._times_of(first.replace(day=day)))
            if found:  # the same number for all days with the same times: each has up to 11 kB
                yield day, self._known.setdefault(found, found)

    def _within(self, day: date, times: int) -> int:
        begin = second_of(self._start) if day == self._start.date() else 0
        end = second_of(self._until) + 1 if day == self._until.date() else SECONDS_OF_DAY
        if not self._start.date() <= day <= self._until.date():
            return 0
        if (begin, end) != (0, SECONDS_OF_DAY):
            times = cut(times, begin, end)
        return times if self._exclusions is None else times & ~self._exclusions.times_on(day)

    def _times_of(self, day: date) -> int:
        """The times of one of its days, without regard to its bounds."""
        parts = self._parts
        if self.elapsed:
            return self._of_short_periods(day)
        if not parts.bysetpos:
            return self._times
        return self._picked(period_of(parts, day)[0]).get(day, 0)

    def _picked(self, begin: date) -> dict[date, int]:
        """What BYSETPOS picks of the period that begins on a day."""
        if self._period is None or self._period[0] != begin:
            days = days_of_period(self._parts, self._start.date(), begin)
            self._period = begin, picked(days, self._times, self._parts.bysetpos)
        return self._period[1]

    def _of_short_periods(self, day: date) -> int:
        """Those of periods of hours and less, by the distance of these from the start."""
        unit = UNIT[self._parts.freq]
        begin = self._start.replace(minute=0, second=0) if unit == 3600 else self._start
        begin = begin if unit == 1 else begin.replace(second=0)
        passed = (datetime.combine(day, time()) - begin) // _SECOND
        step = self._parts.interval * unit
        return times_of_periods(self._parts, -passed % step if passed > 0 else -passed, step)


def _with_defaults(parts: RuleParts, start: datetime) -> RuleParts:
    """The rule with what it takes from its start written out, so that it can be begun elsewhere."""
    more: dict[str, Any] = {}
    if not parts.names_days:
        if parts.freq == YEARLY:
            more = {"bymonth": parts.bymonth or (start.month,), "bymonthday": (start.day,)}
        elif parts.freq == MONTHLY:
            more = {"bymonthday": (start.day,)}
        elif parts.freq == WEEKLY:
            more = {"byday": ((start.weekday(), 0),)}
    for name, longest, value in (
        ("byhour", HOURLY, start.hour),
        ("byminute", MINUTELY, start.minute),
        ("bysecond", SECONDLY, start.second),
    ):
        if parts.freq < longest and not getattr(parts, name):
            more[name] = (value,)
    return parts._replace(**more)


def _at(day: date, second: int) -> datetime:
    return datetime.combine(day, time(second // 3600, second // 60 % 60, second % 60))


def _first(day: date, times: int) -> datetime | None:
    second = first_from(times, 0)
    return None if second is None else _at(day, second)


def _last(day: date, times: int) -> datetime | None:
    second = last_until(times, SECONDS_OF_DAY)
    return None if second is None else _at(day, second)
