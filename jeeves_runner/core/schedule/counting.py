"""How many occurrences lie in a stretch of time, and which of a day's seconds have one.

Both go day by day, without looking at each occurrence.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from jeeves_runner.core.schedule.cron import LocalTimes
from jeeves_runner.core.schedule.day_times import SECONDS_OF_DAY, count_between, cut, second_of, shifted
from jeeves_runner.core.schedule.local_time import LONG_SHIFT, Stretch, Zone

_ZERO = timedelta()
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


class _Piece(NamedTuple):
    """Local times that become instants by one offset: those of ``times`` in [first, last)."""

    times: "LocalCount"
    first: datetime
    last: datetime
    offset: timedelta


def count_in_zone(sets: Sequence[LocalTimes], zone: Zone, begin: datetime, end: datetime) -> int:
    """The number of instants in [begin, end), naive UTC, at which any of ``sets`` occurs."""
    every = LocalCount(sets)
    total = 0
    for piece in _pieces(sets, every, zone, begin, end):
        if piece.times is every:
            total += every.between(piece.first, piece.last)
        elif piece.last - piece.first == _ZERO:  # moved to here; it may coincide with another one
            total += not every.between(piece.first, piece.first + _SECOND)
        else:
            total += piece.times.between(piece.first, piece.last)
    return total


def seconds_in_zone(sets: Sequence[LocalTimes], zone: Zone, day: date) -> int:
    """The seconds of a day of UTC at which any of ``sets`` occurs, as ``day_times`` writes them."""
    begin = _midnight(day)
    found = 0
    for piece in _pieces(sets, LocalCount(sets), zone, begin, begin + _DAY):
        if piece.first == piece.last:
            found |= 1 << second_of(piece.first - piece.offset)
        else:
            found |= piece.times.seconds(piece.first, piece.last, begin + piece.offset)
    return found


def local_seconds(times_on: Callable[[date], int], zone: Zone, day: date) -> int:
    """The seconds of a day of UTC whose local time is one of ``times_on``, also in a second pass."""
    begin = _midnight(day)
    found = 0
    for stretch in zone.stretches(begin, begin + _DAY):
        first, last = max(stretch.begin, begin), stretch.end
        if first < last:
            found |= _seconds(times_on, first + stretch.offset, last + stretch.offset, begin + stretch.offset)
    return found


def _pieces(
    sets: Sequence[LocalTimes], every: "LocalCount", zone: Zone, begin: datetime, end: datetime
) -> Iterator[_Piece]:
    """All that occurs in [begin, end), by the rules of ``Zone`` applied to the stretches between two shifts.

    An empty piece stands for times in a gap that occur right after it. It comes before the others of its
    stretch, which may have the same instant.
    """
    elapsed = LocalCount(each for each in sets if each.elapsed)
    fixed = LocalCount(each for each in sets if not each.elapsed)
    for stretch in zone.stretches(begin, end):
        first = max(stretch.begin, begin) + stretch.offset
        last = stretch.end + stretch.offset
        repeated_until = stretch.begin + stretch.before
        if stretch.offset < stretch.before:
            again = min(last, repeated_until)
            if first < again and stretch.before - stretch.offset < LONG_SHIFT:
                yield _Piece(elapsed, first, again, stretch.offset)
            first = max(first, repeated_until)
        elif begin <= stretch.begin < end and _moves_some(fixed, stretch):
            yield _Piece(fixed, first, first, stretch.offset)
        if first < last:
            yield _Piece(every, first, last, stretch.offset)


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

    def seconds(self, begin: datetime, end: datetime, origin: datetime) -> int:
        """Those in [begin, end), bit n for the n-th second after ``origin``."""
        return _seconds(self._times_on, begin, end, origin)

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


def _seconds(times_on: Callable[[date], int], begin: datetime, end: datetime, origin: datetime) -> int:
    found = 0
    day = begin.date()
    while (midnight := _midnight(day)) < end:
        first = max(0, (begin - midnight) // _SECOND)
        last = min(SECONDS_OF_DAY, (end - midnight) // _SECOND)
        found |= shifted(cut(times_on(day), first, last), (midnight - origin) // _SECOND)
        day += _DAY
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
