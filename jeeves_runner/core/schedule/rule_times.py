"""The times within a day of recurrence rules whose periods are hours, minutes or seconds."""

from collections.abc import Iterator
from functools import lru_cache

from jeeves_runner.core.schedule.day_times import progression, times_of_day
from jeeves_runner.core.schedule.rule_text import UNIT, RuleParts


@lru_cache(maxsize=1024)
def times_of_periods(parts: RuleParts, first: int, step: int) -> int:
    """The times of a day of periods that begin at second ``first`` and each ``step`` later."""
    unit = UNIT[parts.freq]
    begins = progression(first, step)
    hours = parts.byhour or tuple(range(24))
    minutes = parts.byminute or tuple(range(60))
    if unit == 1:
        return begins & times_of_day(hours, minutes, parts.bysecond or tuple(range(60)))
    begins &= times_of_day(hours, (0,) if unit == 3600 else minutes, (0,))
    within = times_of_day((0,), parts.byminute if unit == 3600 else (0,), parts.bysecond)
    return _repeated(begins, _picked(within, parts.bysetpos))


def _picked(times: int, places: tuple[int, ...]) -> int:
    """Those that BYSETPOS picks; all without it."""
    if not places:
        return times
    each = sorted(seconds_of(times))
    wanted = {place - 1 if place > 0 else len(each) + place for place in places}
    return sum(1 << each[place] for place in wanted if 0 <= place < len(each))


def _repeated(begins: int, within: int) -> int:
    """``within`` begun at each of ``begins``."""
    found = 0
    for offset in seconds_of(within):
        found |= begins << offset
    return found


def seconds_of(times: int) -> Iterator[int]:
    while times:
        lowest = times & -times
        yield lowest.bit_length() - 1
        times ^= lowest
