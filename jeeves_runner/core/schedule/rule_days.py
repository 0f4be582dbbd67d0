"""The days of recurrence rules, by python-dateutil: a month at a time, or a year where periods are years.

The rule is begun anew at each, so that this costs the same however long ago it began. The library searches
the calendar to its end for a rule that never occurs. So a rule is first tried on the last decades that it
knows; one that occurs there is never searched for long.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from jeeves_runner.core.schedule.day_times import second_of
from jeeves_runner.core.schedule.rule_text import DAILY, MONTHLY, UNIT, WEEKLY, YEARLY, RuleParts

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_LAST_DECADES: Final = date(9957, 1, 1)


def days_of_periods(parts: RuleParts, start: datetime, first: date) -> Iterator[tuple[int, int]]:
    """Periods of days and more: the days of a month, each with its times."""
    begin = _aligned(parts, start.date(), first)
    if begin is None:
        return
    if parts.freq == YEARLY:
        year = _days_of_year(parts, begin.year)
        yield from ((day.day, times) for day, times in year.items() if day.month == first.month)
        return
    yield from (
        (day.day, times) for day, times in _days_between(parts, begin, first, next_month(first)).items()
    )


@lru_cache(maxsize=64)
def _days_of_year(parts: RuleParts, year: int) -> dict[date, int]:
    """All days of a year at once, for each of its months is asked for."""
    first = date(year, 1, 1)
    return _days_between(parts, first, first, date(year + 1, 1, 1))


def _days_between(parts: RuleParts, begin: date, first: date, end: date) -> dict[date, int]:
    """The days from ``first`` to before ``end``, each with its times, of the rule begun at ``begin``."""
    several: dict[date, int] = {}
    for when in _from(_rule(parts, begin), first, end):
        several[when.date()] = several.get(when.date(), 0) | 1 << second_of(when)
    return several


def _from(rule: "rrule", first: date, end: date) -> Iterator[datetime]:
    """What a rule, begun at most a period before, has from ``first`` to before ``end``."""
    begin, stop = datetime.combine(first, time()), datetime.combine(end, time())
    for when in rule:
        if when >= stop:
            return
        if when >= begin:
            yield when


def _aligned(parts: RuleParts, start: date, first: date) -> date | None:
    """Where to begin so that the month of ``first`` is complete; None if its period is left out."""
    interval = parts.interval
    if parts.freq == YEARLY:
        return None if (first.year - start.year) % interval else date(first.year, 1, 1)
    if parts.freq == MONTHLY:
        months = 12 * (first.year - start.year) + first.month - start.month
        return None if months % interval else first
    if parts.freq == WEEKLY:
        monday = _week_of(start, parts.wkst)
        weeks = (_week_of(first, parts.wkst) - monday).days // 7
        return monday + timedelta(days=7 * (weeks + -weeks % interval))
    days = (first - start).days
    return first + timedelta(days=-days % interval)


def _week_of(day: date, wkst: int) -> date:
    return day - timedelta(days=(day.weekday() - wkst) % 7)


def next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _rule(parts: RuleParts, begin: date) -> "rrule":
    """The library's rule from a day on. Periods of years and months are looked at one by one."""
    return _library_rule(
        parts,
        parts.freq,
        begin,
        interval=1 if parts.freq in (YEARLY, MONTHLY) else parts.interval,
        bysetpos=parts.bysetpos or None,
        byhour=parts.byhour,
        byminute=parts.byminute,
        bysecond=parts.bysecond,
    )


def days_of_month(parts: RuleParts, first: date) -> list[int]:
    """The days of a month on which a rule of hours and less may occur."""
    return [when.day for when in _from(_days_rule(parts, first), first, next_month(first))]


def occurs_lately(parts: RuleParts, start: date) -> bool:
    """Whether a rule occurs in the last decades that the library knows, where it does not search long."""
    if parts.freq in UNIT:
        rule = _days_rule(parts, _LAST_DECADES)
    else:
        rule = _rule(parts, _aligned(parts, start, _LAST_DECADES) or _LAST_DECADES)
    return next(iter(rule), None) is not None


def _days_rule(parts: RuleParts, begin: date) -> "rrule":
    """The days on which a rule of hours and less may occur, at midnight."""
    return _library_rule(parts, DAILY, begin, byhour=0, byminute=0, bysecond=0)


def _library_rule(parts: RuleParts, freq: int, begin: date, **others: Any) -> "rrule":
    from dateutil.rrule import rrule, weekday

    return rrule(
        freq,
        dtstart=datetime.combine(begin, time()),
        wkst=parts.wkst,
        bymonth=parts.bymonth or None,
        bymonthday=parts.bymonthday or None,
        byyearday=parts.byyearday or None,
        byweekno=parts.byweekno or None,
        byweekday=[weekday(day, which or None) for day, which in parts.byday] or None,
        **others,
    )
