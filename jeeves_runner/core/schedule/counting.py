"""How many occurrences lie in a stretch of time: day by day, without looking at each of them."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import date, datetime, timedelta

from jeeves_runner.core.schedule.cron import LocalTimes
from jeeves_runner.core.schedule.day_times import SECONDS_OF_DAY, count_between, second_of
from jeeves_runner.core.schedule.local_time import LONG_SHIFT, Stretch, Zone

_ZERO = timedelta()
_SECOND = timedelta(seconds=1)


def count_in_zone(sets: Sequence[LocalTimes], zone: Zone, begin: datetime, end: datetime) -> int:
    """The number of instants in [begin, end), naive UTC, at which any of ``sets`` occurs.

    The rules are those of ``Zone``, applied to whole stretches between two shifts of the clock.
    """
    every = LocalCount(sets)
    elapsed = LocalCount(each for each in sets if each.elapsed)
    fixed = LocalCount(each for each in sets if not each.elapsed)
    total = 0
    for stretch in zone.stretches(begin, end):
        first = max(stretch.begin, begin) + stretch.offset
        last = stretch.end + stretch.offset
        repeated_until = stretch.begin + stretch.before
        if stretch.offset < stretch.before:
            if stretch.before - stretch.offset < LONG_SHIFT:
                total += elapsed.between(first, min(last, repeated_until))
            first = max(first, repeated_until)
        elif begin <= stretch.begin < end and _moves_some(fixed, stretch):
            total += not every.between(first, first + _SECOND)  # else it coincides with another one
        total += every.between(first, last)
    return total


def _moves_some(fixed: "LocalCount", stretch: Stretch) -> bool:
    """Whether skipped times run right after the gap that ``stretch`` begins with."""
    if not _ZERO < stretch.offset - stretch.before < LONG_SHIFT:
        return False
    return fixed.between(stretch.begin + stretch.before, stretch.begin + stretch.offset) > 0


class LocalCount:
    """Counts the local times of several sets, joined; days with the same times are computed once."""

    def __init__(self, sets: Iterable[LocalTimes]) -> None:
        self._sets = tuple(sets)
        self._whole_days: dict[tuple[Hashable, ...], int] = {}

    def between(self, begin: datetime, end: datetime) -> int:
        """How many lie in [begin, end)."""
        if begin >= end:
            return 0
        first, last = begin.date(), end.date()
        if first == last:
            return count_between(self._times_on(first), second_of(begin), second_of(end))
        total = count_between(self._times_on(first), second_of(begin), SECONDS_OF_DAY)
        total += sum(map(self._whole_day, range(first.toordinal() + 1, last.toordinal())))
        return total + count_between(self._times_on(last), 0, second_of(end))

    def _whole_day(self, ordinal: int) -> int:
        day = date.fromordinal(ordinal)
        pattern = tuple([each.pattern_on(day) for each in self._sets])
        count = self._whole_days.get(pattern)
        if count is None:
            count = self._whole_days[pattern] = self._times_on(day).bit_count()
        return count

    def _times_on(self, day: date) -> int:
        times = 0
        for each in self._sets:
            times |= each.times_on(day)
        return times
