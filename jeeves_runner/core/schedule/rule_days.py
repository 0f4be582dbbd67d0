"""The days of recurrence rules, by python-dateutil, a year at a time.

The rule is begun anew for each year, so that this costs the same however long ago it began. The library
searches the calendar to its end for a rule that never occurs. So a rule is first tried on the last decades
that it knows; one that occurs there is never searched for long. Times of day are no matter of the library:
it makes each of them by itself, and a rule may name all seconds of a day. Neither are numbers of weeks: it
gives wrong ones to the first days of some years.
"""

from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time, timedelta
from functools import lru_cache
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Final

from jeeves_runner.core.schedule.rule_text import DAILY, MONTHLY, UNIT, WEEKLY, YEARLY, RuleParts

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_LAST_DECADES: Final = date(9957, 1, 1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)

MonthDays = tuple[int, ...]
"""Days of one month, ascending."""


def days_of_month(parts: RuleParts, start: date, first: date) -> MonthDays:
    """The days of the month that begins with ``first`` in the periods of a rule that began at ``start``.

    All that its parts name, whatever BYSETPOS picks of them.
    """
    begin = _aligned(parts, start, date(first.year, 1, 1))
    if parts.freq in (YEARLY, MONTHLY) and _is_left_out(parts, start, first):
        return ()
    return _days_of_year(_days_alone(parts), begin, first.year)[first.month - 1]


def period_of(parts: RuleParts, day: date) -> tuple[date, date]:
    """The first day of the period that ``day`` is in, and the first one after it; of periods of days and
    more."""
    if parts.freq == YEARLY:
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    if parts.freq == MONTHLY:
        return day.replace(day=1), next_month(day)
    if parts.freq == WEEKLY:
        return _week_of(day, parts.wkst), _week_of(day, parts.wkst) + _WEEK
    return day, day + _DAY


def days_of_period(parts: RuleParts, start: date, day: date) -> list[date]:
    """All days that a rule names of the period that ``day`` is in."""
    begin, end = period_of(parts, day)
    found: list[date] = []
    first = begin.replace(day=1)
    while first < end:
        days = (first.replace(day=each) for each in days_of_month(parts, start, first))
        found += [each for each in days if begin <= each < end]
        first = next_month(first)
    return found


def occurs_lately(parts: RuleParts, start: date) -> bool:
    """Whether a rule has days in the last decades that the library knows, where it does not search long."""
    begin = _LAST_DECADES if parts.freq in (YEARLY, MONTHLY) else _aligned(parts, start, _LAST_DECADES)
    return next(_days_from(_days_alone(parts), begin), None) is not None


def next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


@lru_cache(maxsize=1024)
def _days_of_year(parts: RuleParts, begin: date, year: int) -> tuple[MonthDays, ...]:
    """The days of each month of a year, of the rule begun at ``begin``, at most a period before it."""
    months: list[list[int]] = [[] for _ in range(12)]
    end = date(year + 1, 1, 1)
    each_day = parts.freq == DAILY and not (parts.names_days or parts.bymonth)
    for day in (
        _each_of(begin, end, parts.interval)
        if each_day
        else _between(_days_from(parts, begin), date(year, 1, 1), end)
    ):
        months[day.month - 1].append(day.day)
    return tuple(map(tuple, months))


def _each_of(begin: date, end: date, interval: int) -> Iterator[date]:
    """The days of rules that name none: by far the most frequent ones, and the library's slowest."""
    return (begin + timedelta(days=n) for n in range(0, (end - begin).days, interval))


def _between(days: Iterator[date], first: date, end: date) -> Iterator[date]:
    """Those from ``first`` to before ``end``."""
    return dropwhile(lambda day: day < first, takewhile(lambda day: day < end, days))


def _days_from(parts: RuleParts, begin: date) -> Iterator[date]:
    """The days of the rule begun at ``begin``, ascending, to the end of the calendar."""
    days = (when.date() for when in _rule(parts, begin))
    return (day for day in days if _is_in(parts.byweekno, day, parts.wkst)) if parts.byweekno else days


def _is_in(weeks: tuple[int, ...], day: date, wkst: int) -> bool:
    """Whether a day is in one of these weeks of the year, by ISO 8601: that of the week's fourth day.

    False in the last year of the calendar, whose weeks do not end within it.
    """
    if day.year == MAXYEAR:
        return False
    fourth = _week_of(day, wkst) + timedelta(days=3)
    before, after = fourth - date(fourth.year, 1, 1), date(fourth.year, 12, 31) - fourth
    return before.days // 7 + 1 in weeks or -(after.days // 7 + 1) in weeks


def _days_alone(parts: RuleParts) -> RuleParts:
    """What decides on days, so that rules that differ in times and bounds share what is known of them."""
    if parts.freq in UNIT:
        parts = parts._replace(freq=DAILY, interval=1)
    if parts.freq in (YEARLY, MONTHLY):
        parts = parts._replace(interval=1)
    return parts._replace(times=None, until=None, byhour=(), byminute=(), bysecond=(), bysetpos=())


def _is_left_out(parts: RuleParts, start: date, first: date) -> bool:
    """Whether INTERVAL passes over the year or the month of ``first``."""
    if parts.freq == YEARLY:
        return (first.year - start.year) % parts.interval != 0
    return (12 * (first.year - start.year) + first.month - start.month) % parts.interval != 0


def _aligned(parts: RuleParts, start: date, first: date) -> date:
    """Where to begin so that all from ``first`` on is complete; ``first`` itself but for weeks and days."""
    if parts.freq == WEEKLY:
        begin = _week_of(start, parts.wkst)
        weeks = (_week_of(first, parts.wkst) - begin).days // 7
        return begin + _WEEK * (weeks + -weeks % parts.interval)
    if parts.freq == DAILY:
        return first + timedelta(days=-(first - start).days % parts.interval)
    return first


def _week_of(day: date, wkst: int) -> date:
    return day - timedelta(days=(day.weekday() - wkst) % 7)


def _rule(parts: RuleParts, begin: date) -> "rrule":
    """The library's rule from a day on, at midnight of each of its days, whatever weeks it names."""
    from dateutil.rrule import rrule, weekday

    byday = parts.byday
    if parts.byweekno and not (byday or parts.bymonthday or parts.byyearday):
        byday = tuple((day, 0) for day in range(7))
    return rrule(
        parts.freq,
        dtstart=datetime.combine(begin, time()),
        interval=parts.interval,
        wkst=parts.wkst,
        bymonth=parts.bymonth or None,
        bymonthday=parts.bymonthday or None,
        byyearday=parts.byyearday or None,
        byweekday=[weekday(day, which or None) for day, which in byday] or None,
        byhour=0,
        byminute=0,
        bysecond=0,
    )
