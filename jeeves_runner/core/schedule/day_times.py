"""Times of day as one integer: bit n stands for the n-th second after midnight.

So a set of up to 86,400 times takes microseconds to join, to cut, to search and to count.
"""

from collections.abc import Iterable
from datetime import datetime

SECONDS_OF_DAY = 86_400
ALL_DAY = (1 << SECONDS_OF_DAY) - 1


def times_of_day(hours: Iterable[int], minutes: Iterable[int], seconds: Iterable[int]) -> int:
    """Every combination of the three."""
    return at_hours(_spaced(_spaced(1, seconds, 1), minutes, 60), hours)


def at_hours(within_hour: int, hours: Iterable[int]) -> int:
    """The times of one hour at each of ``hours``."""
    return _spaced(within_hour, hours, 3600)


def second_of(local: datetime) -> int:
    return local.hour * 3600 + local.minute * 60 + local.second


def first_from(times: int, second: int) -> int | None:
    """The first of ``times`` at or after ``second``."""
    rest = times >> second
    return second + (rest & -rest).bit_length() - 1 if rest else None


def last_until(times: int, second: int) -> int | None:
    """The last of ``times`` at or before ``second``."""
    rest = times & ((1 << (second + 1)) - 1)
    return rest.bit_length() - 1 if rest else None


def count_between(times: int, begin: int, end: int) -> int:
    """How many of ``times`` are at or after ``begin`` and before ``end``."""
    return ((times >> begin) & ((1 << (end - begin)) - 1)).bit_count()


def nth(times: int, place: int) -> int:
    """The one of ``times`` that has ``place`` others before it; there must be so many."""
    low, high = 0, SECONDS_OF_DAY
    while high - low > 1:
        middle = (low + high) // 2
        if (times & ((1 << middle) - 1)).bit_count() > place:
            high = middle
        else:
            low = middle
    return low


def cut(times: int, begin: int, end: int) -> int:
    """Those at or after ``begin`` and before ``end``, each at its place."""
    return ((times >> begin) & ((1 << max(0, end - begin)) - 1)) << begin


def shifted(times: int, seconds: int) -> int:
    """All of them later by so many seconds, earlier if negative; what leaves the beginning is lost."""
    return times << seconds if seconds >= 0 else times >> -seconds


def progression(first: int, step: int) -> int:
    """``first``, and each ``step`` seconds later until the end of the day."""
    if first >= SECONDS_OF_DAY:
        return 0
    times, covered = 1, step
    length = SECONDS_OF_DAY - first
    while covered < length:  # twice as many with each turn
        times |= times << covered
        covered *= 2
    return cut(times, 0, length) << first


def _spaced(times: int, places: Iterable[int], width: int) -> int:
    """``times`` repeated at each of ``places``, which lie ``width`` seconds apart."""
    total = 0
    for place in places:
        total |= times << (place * width)
    return total
