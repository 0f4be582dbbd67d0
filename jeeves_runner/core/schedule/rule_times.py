"""The times within a day of recurrence rules, and what BYSETPOS picks of them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache

from jeeves_runner.core.schedule.day_times import (
    ALL_DAY,
    SECONDS_OF_DAY,
    nth,
    progression,
    times_of_day,
)
from jeeves_runner.core.schedule.rule_text import UNIT, RuleParts


@lru_cache(maxsize=1024)
def times_of_parts(parts: RuleParts) -> int:
    """The times of each day of periods of days and more, whatever BYSETPOS picks."""
    return times_of_day(parts.byhour, parts.byminute, parts.bysecond)


def times_of_periods(parts: RuleParts, first: int, step: int) -> int:
    """The times of a day of periods of hours and less that begin at second ``first`` and each ``step``
    later."""
    return _times_of_periods(parts, first, step) if first < SECONDS_OF_DAY else 0


@lru_cache(maxsize=1024)
def _times_of_periods(parts: RuleParts, first: int, step: int) -> int:
    begins = progression(first, step) & _where_periods_begin(parts)
    if not begins or UNIT[parts.freq] == 1:
        return begins
    within = times_of_day((0,), parts.byminute if UNIT[parts.freq] == 3600 else (0,), parts.bysecond)
    return _repeated(begins, _picked(within, parts.bysetpos))


@lru_cache(maxsize=1024)
def _where_periods_begin(parts: RuleParts) -> int:
    """At which times of a day its periods may begin."""
    unit = UNIT[parts.freq]
    if unit == 1 and not (parts.bysetpos == () or {1, -1} & set(parts.bysetpos)):
        return 0  # a second is a set of one
    if unit == 1 and not (parts.byhour or parts.byminute or parts.bysecond):
        return ALL_DAY
    hours = parts.byhour or tuple(range(24))
    minutes = (0,) if unit == 3600 else parts.byminute or tuple(range(60))
    return times_of_day(hours, minutes, (parts.bysecond or tuple(range(60))) if unit == 1 else (0,))


def picked(days: Sequence[date], times: int, places: Iterable[int]) -> dict[date, int]:
    """What BYSETPOS picks of a period that has these times on each of these days."""
    of_a_day = times.bit_count()
    found: dict[date, int] = {}
    for place in places:
        at = place - 1 if place > 0 else len(days) * of_a_day + place
        if 0 <= at < len(days) * of_a_day:
            day = days[at // of_a_day]
            found[day] = found.get(day, 0) | 1 << nth(times, at % of_a_day)
    return found


def _picked(times: int, places: tuple[int, ...]) -> int:
    """The same of a period within a day; all without BYSETPOS."""
    return picked((date.min,), times, places).get(date.min, 0) if places else times


def _repeated(begins: int, within: int) -> int:
    """``within`` begun at each of ``begins``."""
    few, many = sorted((begins, within), key=int.bit_count)
    found = 0
    for offset in _seconds_of(few):
        found |= many << offset
    return found


def _seconds_of(times: int) -> Iterator[int]:
    while times:
        lowest = times & -times
        yield lowest.bit_length() - 1
        times ^= lowest
