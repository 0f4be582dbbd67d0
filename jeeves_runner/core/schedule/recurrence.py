"""Recurrence rules of RFC 5545 (``FREQ=MONTHLY;BYDAY=-1FR``) as local times, searched both ways.

``rule_days`` has their days picked by python-dateutil, ``rule_times`` computes the times within a day.
"""

from collections.abc import Hashable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from jeeves_runner.core.schedule.cron import END_OF_TIME
from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.schedule.day_times import (
    SECONDS_OF_DAY,
    cut,
    first_from,
    last_until,
    second_of,
)
from jeeves_runner.core.schedule.days import HORIZON_YEARS, SELDOM, Days, YearMonthDay
from jeeves_runner.core.schedule.exclusions import Exclusions
from jeeves_runner.core.schedule.rule_days import days_of_month, days_of_periods, next_month, occurs_lately
from jeeves_runner.core.schedule.rule_text import (
    DAILY,
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    UNIT,
    WEEKLY,
    YEARLY,
    RuleParts,
)
from jeeves_runner.core.schedule.rule_times import seconds_of, times_of_periods

_HORIZON: Final = timedelta(days=366 * HORIZON_YEARS)
_LONGEST_INTERVAL: Final = {
    YEARLY: HORIZON_YEARS,
    MONTHLY: 12 * HORIZON_YEARS,
    WEEKLY: 52 * HORIZON_YEARS,
    DAILY: 365 * HORIZON_YEARS,
}
_SECOND: Final = timedelta(seconds=1)
_LOOKED_AT: Final = 64
"""Days with times that are looked at for a gap of more than HORIZON_YEARS."""
_CYCLE: Final = 40
"""Years after which the calendar has shown all its forms, and gaps of a rule come again."""
_LONGEST_COUNT: Final = timedelta(days=366 * 100)
"""A rule that is counted is not followed further than this: then it has no end."""
_EFFORT: Final = 500
"""What it takes to have the library begin anew, in units of ``Schedule.effort``."""


@lru_cache(maxsize=4096)
def recurrence(
    parts: RuleParts, start: datetime, until: datetime | None, exclusions: Exclusions | None = None
) -> "Recurrence":
    """The rule from a local time on, to ``until`` or as often as it says, without what is excluded.

    Raises :class:`ScheduleError` for one that leaves gaps of more than HORIZON_YEARS before its end.
    """
    longest = _LONGEST_INTERVAL.get(parts.freq)
    if longest is not None and parts.interval > longest:
        raise ScheduleError(f"INTERVAL {parts.interval:,} is more than {HORIZON_YEARS} years")
    rule = Recurrence(parts, start, until)
    if not rule.occurs_at_all():
        raise _never(rule)
    if parts.times is None:
        rule.check_gaps()
    else:
        until = rule.last_of(parts.times)
    found = Recurrence(parts, start, until, exclusions)
    found.effort = rule.effort
    return found


class Recurrence(Days):
    """A rule from its start on, in local times without a zone; ``LocalTimes`` as a cron expression is.

    ``effort``: how much looking at it has taken so far, as in ``Schedule``.
    """

    def __init__(
        self, parts: RuleParts, start: datetime, until: datetime | None, exclusions: Exclusions | None = None
    ) -> None:
        self._parts = _with_defaults(parts, start)
        self._start = start
        self._until = END_OF_TIME if until is None else until
        self._exclusions = exclusions
        self._chunks: dict[tuple[int, int], dict[int, int]] = {}
        self.elapsed = parts.is_within_days
        self.effort = _EFFORT

    def occurs_at_all(self) -> bool:
        """Whether it does, as far as the library can tell without searching long: some that do not pass."""
        parts = self._parts
        if self.elapsed and not (parts.names_days or parts.bymonth):
            return True
        return occurs_lately(parts, self._start.date())

    def check_gaps(self) -> None:
        """Raises :class:`ScheduleError` where HORIZON_YEARS pass without an occurrence before its end."""
        first = self.at_or_after(self._start)
        if first is None:
            raise _never(self)
        day = first.date()
        for _ in range(_LOOKED_AT):
            if day.year - first.year > _CYCLE:
                return
            found = self.next_day(day)
            if found is None:
                if self._until - datetime.combine(day, time()) > _HORIZON:
                    raise ScheduleError(SELDOM, effort=self.effort)
                return
            day = date(*found)

    def last_of(self, count: int) -> datetime | None:
        """The time at which it has occurred so often; None if that is more than a century away."""
        first = self.at_or_after(self._start)
        if first is None:
            raise _never(self)
        day, left = first.date(), count
        while (datetime.combine(day, time()) - self._start) < _LONGEST_COUNT:
            times = self.times_on(day)
            if times.bit_count() >= left:
                return _at(day, next(islice(seconds_of(times), left - 1, None)))
            left -= times.bit_count()
            found = self.next_day(day)
            if found is None:
                return None
            day = date(*found)
        return None

    @property
    def start(self) -> datetime:
        """The first time that it may occur at."""
        return self._start

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
        return tuple(self._chunk(year, month))

    def pattern_on(self, day: date) -> Hashable:
        return self.times_on(day) or None

    def times_on(self, day: date) -> int:
        return self._chunk(day.year, day.month).get(day.day, 0)

    def _chunk(self, year: int, month: int) -> dict[int, int]:
        """The times of each day of a month that has some, within start and end."""
        known = self._chunks.get((year, month))
        if known is None:
            if len(self._chunks) > _MONTHS_KEPT:
                self._chunks.clear()
            known = self._chunks[year, month] = dict(self._times_in(year, month))
        return known

    def _times_in(self, year: int, month: int) -> Iterator[tuple[int, int]]:
        first = date(year, month, 1)
        if first > self._until.date() or (year, month) < (self._start.year, self._start.month):
            return
        parts = self._parts
        if parts.bymonth and month not in parts.bymonth:
            return
        self.effort += _EFFORT
        times = self._of_short_periods(first) if self.elapsed else days_of_periods(parts, self._start, first)
        for day, found in times:
            left = self._within(date(year, month, day), found)
            if left:
                yield day, left

    def _within(self, day: date, times: int) -> int:
        begin = second_of(self._start) if day == self._start.date() else 0
        end = second_of(self._until) + 1 if day == self._until.date() else SECONDS_OF_DAY
        if not self._start.date() <= day <= self._until.date():
            return 0
        if (begin, end) != (0, SECONDS_OF_DAY):
            times = cut(times, begin, end)
        return times if self._exclusions is None else times & ~self._exclusions.times_on(day)

    def _of_short_periods(self, first: date) -> Iterator[tuple[int, int]]:
        """Periods of hours and less, on the days that the rule's other parts leave."""
        parts = self._parts
        if parts.names_days or parts.bymonth:
            days = days_of_month(parts, first)
        else:
            days = list(range(1, (next_month(first) - first).days + 1))
        for day in days:
            yield day, self._times_of(first.replace(day=day))

    def _times_of(self, day: date) -> int:
        """The times of one day whose other parts fit, by the distance of their periods from the start."""
        unit = UNIT[self._parts.freq]
        begin = self._start.replace(minute=0, second=0) if unit == 3600 else self._start
        begin = begin if unit == 1 else begin.replace(second=0)
        passed = (datetime.combine(day, time()) - begin) // _SECOND
        step = self._parts.interval * unit
        return times_of_periods(self._parts, -passed % step if passed > 0 else -passed, step)


_MONTHS_KEPT: Final = 512


def _never(rule: Recurrence) -> ScheduleError:
    return ScheduleError(
        f"has no occurrence within {HORIZON_YEARS} years of its start",
        hint="its parts must fit each other, and the times its UNTIL and INTERVAL leave",
        effort=rule.effort,
    )


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
