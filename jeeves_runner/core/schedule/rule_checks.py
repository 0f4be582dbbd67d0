"""Whether a recurrence rule occurs often enough, and where one that is counted ends."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.schedule.day_times import nth
from jeeves_runner.core.schedule.days import HORIZON_YEARS, SELDOM
from jeeves_runner.core.schedule.exclusions import Exclusions
from jeeves_runner.core.schedule.recurrence import Recurrence
from jeeves_runner.core.schedule.rule_days import next_month, occurs_lately
from jeeves_runner.core.schedule.rule_text import (
    DAILY,
    MONTHLY,
    UNIT,
    WEEKLY,
    YEARLY,
    RuleParts,
)

_HORIZON: Final = timedelta(days=366 * HORIZON_YEARS)
_LONGEST_INTERVAL: Final = {
    YEARLY: HORIZON_YEARS,
    MONTHLY: 12 * HORIZON_YEARS,
    WEEKLY: 52 * HORIZON_YEARS,
    DAILY: 365 * HORIZON_YEARS,
}
_LOOKED_AT: Final = 64
"""Days with times that are looked at for a gap of more than HORIZON_YEARS."""
_CYCLE: Final = 40
"""Years after which the calendar has shown all its forms, and gaps of a rule come again."""
_LONGEST_COUNT: Final = 100
"""Years: a rule that is counted is not followed further than this: then it has no end."""
_SEARCH_EFFORT: Final = 2000
"""What it takes to have the library look for days of a rule, in units of ``Schedule.effort``."""


@lru_cache(maxsize=4096)
def recurrence(
    parts: RuleParts, start: datetime, until: datetime | None, exclusions: Exclusions | None = None
) -> Recurrence:
    """The rule from a local time on, to ``until`` or as often as it says, without what is excluded.

    Raises :class:`ScheduleError` for one that leaves gaps of more than HORIZON_YEARS before its end.
    """
    longest = _LONGEST_INTERVAL.get(parts.freq)
    if longest is not None and parts.interval > longest:
        raise ScheduleError(
            f"INTERVAL {parts.interval:,} is more than {HORIZON_YEARS} years",
            hint="write a smaller one, or {at: TIME} for one time",
        )
    rule = Recurrence(parts, start, until)
    if until is None and parts.times is None and _occurs_each_year(rule.parts):
        return Recurrence(parts, start, until, exclusions)
    if not _occurs_at_all(rule):
        raise _never(rule)
    first = rule.at_or_after(start)
    if first is None:
        raise _never(rule)
    if parts.times is not None:
        until = _last_of(rule, parts.times)
    elif not _occurs_each_year(rule.parts):
        _check_gaps(rule, first)
    found = Recurrence(parts, start, until, exclusions)
    found.effort = found.checked = rule.effort
    return found


def _occurs_each_year(parts: RuleParts) -> bool:
    """True for the usual rules, at once; False means that the calendar must be searched."""
    alone = len([each for each in (parts.byday, parts.bymonthday, parts.byyearday, parts.byweekno) if each])
    if parts.bysetpos and not {1, -1} & set(parts.bysetpos):
        return False
    if parts.interval > 1:
        whole = parts.freq in (YEARLY, MONTHLY) and not (parts.freq == MONTHLY and parts.bymonth)
        if not whole:
            return False
    if alone > 1 or (alone and parts.bymonth and (parts.byyearday or parts.byweekno)):
        return False
    return (
        not alone
        or any(-5 < which < 5 for _, which in parts.byday)
        or any(-29 < day < 29 for day in parts.bymonthday)
        or any(-366 < day < 366 for day in parts.byyearday)
        or any(-53 < week < 53 for week in parts.byweekno)
    )


def _occurs_at_all(rule: Recurrence) -> bool:
    """Whether it does, as far as the library can tell without searching long: some that do not pass."""
    parts = rule.parts
    if parts.freq in UNIT and not (parts.names_days or parts.bymonth):
        return True
    rule.effort += _SEARCH_EFFORT
    return occurs_lately(parts, rule.start.date())


def _check_gaps(rule: Recurrence, first: datetime) -> None:
    """Raises :class:`ScheduleError` where HORIZON_YEARS pass without an occurrence before its end."""
    day = first.date()
    for _ in range(_LOOKED_AT):
        if day.year - first.year > _CYCLE:
            return
        found = rule.next_day(day)
        if found is None:
            if rule.until - datetime.combine(day, time()) > _HORIZON:
                hint = "write {at: TIME} for each time, or a rule that occurs more often"
                raise ScheduleError(SELDOM, hint=hint, effort=rule.effort)
            return
        day = date(*found)


def _last_of(rule: Recurrence, count: int) -> datetime | None:
    """The time at which it has occurred so often; None if that is more than a century away."""
    month = rule.start.date().replace(day=1)
    while month.year - rule.start.year < _LONGEST_COUNT:
        for day, times in rule.times_in(month.year, month.month).items():
            here = times.bit_count()
            if here >= count:
                return datetime.combine(month.replace(day=day), time()) + timedelta(
                    seconds=nth(times, count - 1)
                )
            count -= here
        month = next_month(month)
    return None


def _never(rule: Recurrence) -> ScheduleError:
    return ScheduleError(
        f"has no occurrence within {HORIZON_YEARS} years of its start",
        hint="its parts must fit each other, and the times its UNTIL and INTERVAL leave",
        effort=rule.effort,
    )
