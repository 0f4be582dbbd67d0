"""From local times to instants where clocks are shifted, by the rule of Debian's cron.

A time that names an hour runs once: right after the gap when its hour is skipped, in the first
pass when it is repeated. Times that follow elapsed time (minute or hour begins with ``*``) run in
both passes and never for a skipped hour. Shifts of three hours and more are a change of zone or
date rather than daylight saving: skipped times do not run, repeated ones run once.

Instants are naive UTC here, local times naive too; both are whole seconds once searched.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from jeeves_runner.core.schedule.cron import LocalTimes

LONG_SHIFT = timedelta(hours=3)
_LONGEST_SHIFT = timedelta(days=2)
_AROUND = range(-2, 4)
"""The midnights of UTC, in days from a date, between which all its local times lie."""
_DATES_KEPT = 4096
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_ZERO = timedelta()


class Stretch(NamedTuple):
    """Instants from ``begin`` to before ``end`` with one offset; ``before`` is the one until ``begin``.

    The first one of several begins without a shift and has the same offset before.
    """

    begin: datetime
    end: datetime
    offset: timedelta
    before: timedelta


class Zone:
    """The shifts of one time zone.

    Around a shift a local time has two offsets: the one before (``fold=0``) and the one after
    (``fold=1``). Skipped times have the smaller one first, repeated times the larger one.
    """

    __slots__ = ("_steady", "_tz")

    def __init__(self, tz: tzinfo) -> None:
        self._tz = tz
        self._steady: dict[date, timedelta | None] = {}

    def local(self, instant: datetime) -> datetime:
        """The local time, with ``fold`` set in the second pass of a repeated stretch."""
        return self._tz.fromutc(instant.replace(tzinfo=self._tz)).replace(tzinfo=None)

    def instant(self, local: datetime) -> datetime | None:
        """When a fixed time of the day occurs on its date; None where a shift of three hours and more skips
        it."""
        earlier, later = self._offsets(local)
        if earlier >= later:
            return local - earlier
        return self._change(local, earlier, later) if later - earlier < LONG_SHIFT else None

    def earliest(self, local: datetime) -> datetime:
        """The first instant at which the clock may show ``local`` or later."""
        return local - max(self._offsets(local))

    def latest(self, local: datetime) -> datetime:
        """The last instant at which the clock may still show ``local`` or earlier."""
        return local - min(self._offsets(local))

    def end_of_repeated(self, local: datetime) -> datetime | None:
        """The local time before which a repeated stretch ends that ``local`` is in; None: it is in none."""
        earlier, later = self._offsets(local)
        return None if earlier <= later else self._change(local, earlier, later) + earlier

    def first_after(self, times: LocalTimes, after: datetime) -> datetime | None:
        """The first instant later than ``after`` at which ``times`` occur."""
        steady = self._steady_offset(after.date())
        if steady is not None:  # nearly always
            found = times.at_or_after((after + steady).replace(microsecond=0) + _SECOND)
            if found is None:
                return None
            then = self._steady_offset(found.date())
            if then is not None:
                return found - then
        local = self.local(after)
        start = local.replace(microsecond=0, fold=0)
        cursor = start + _SECOND
        earlier, later = self._offsets(start)
        if earlier > later:
            change = self._change(start, earlier, later)
            begin, end = change + later, change + earlier
            twice = _runs_twice(times, earlier - later)
            if local.fold == 0:
                passes = [(cursor, earlier), (begin, later)] if twice else [(cursor, earlier)]
            else:
                passes = [(cursor, later)] if twice else []
            for first, offset in passes:
                found = times.at_or_after(first)
                if found is not None and found < end:
                    return found - offset
            cursor = end
        return self._first_from(times, cursor)

    def last_until(self, times: LocalTimes, until: datetime) -> datetime | None:
        """The last instant at or before ``until`` at which ``times`` occur."""
        local = self.local(until)
        cursor = local.replace(microsecond=0, fold=0)
        earlier, later = self._offsets(cursor)
        if earlier > later:
            change = self._change(cursor, earlier, later)
            begin, end = change + later, change + earlier
            if local.fold == 0:
                passes = [(cursor, earlier)]
            else:
                twice = _runs_twice(times, earlier - later)
                passes = [(cursor, later), (end - _SECOND, earlier)] if twice else [(end - _SECOND, earlier)]
            for last, offset in passes:
                found = times.at_or_before(last)
                if found is not None and found >= begin:
                    return found - offset
            cursor = begin - _SECOND
        return self._last_from(times, cursor)

    def stretches(self, begin: datetime, end: datetime) -> Iterator[Stretch]:
        """What lies between two shifts each, covering [begin, end) and the shift before, if one is near."""
        at = start = begin - _LONGEST_SHIFT
        offset = before = self._offset(start)
        while at < end:
            following = min(at + _DAY, end)  # shifts lie days apart
            later = self._offset(following)
            if later != offset:
                change = self._first_with(later, at, following)
                yield Stretch(start, change, offset, before)
                start, before, offset = change, offset, later
            at = following
        yield Stretch(start, end, offset, before)

    def _first_from(self, times: LocalTimes, cursor: datetime) -> datetime | None:
        while (found := times.at_or_after(cursor)) is not None:
            earlier, later = self._offsets(found)
            if earlier >= later:
                return found - earlier
            change = self._change(found, earlier, later)
            if _moves(times, later - earlier):
                return change
            cursor = change + later
        return None

    def _last_from(self, times: LocalTimes, cursor: datetime) -> datetime | None:
        while (found := times.at_or_before(cursor)) is not None:
            earlier, later = self._offsets(found)
            if earlier >= later:
                return found - (later if _runs_twice(times, earlier - later) else earlier)
            change = self._change(found, earlier, later)
            if _moves(times, later - earlier):
                return change
            cursor = change + earlier - _SECOND
        return None

    def _steady_offset(self, day: date) -> timedelta | None:
        """The one offset that instants and local times of a date have; None if a shift is near."""
        try:
            return self._steady[day]
        except KeyError:
            pass
        if len(self._steady) >= _DATES_KEPT:
            self._steady.clear()
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (naive, as all times here)
        offsets = {self._offset(midnight + days * _DAY) for days in _AROUND}
        found = self._steady[day] = offsets.pop() if len(offsets) == 1 else None
        return found

    def _offsets(self, local: datetime) -> tuple[timedelta, timedelta]:
        aware = local.replace(tzinfo=self._tz)
        return aware.utcoffset() or _ZERO, aware.replace(fold=1).utcoffset() or _ZERO

    def _offset(self, instant: datetime) -> timedelta:
        return self.local(instant) - instant

    def _change(self, local: datetime, earlier: timedelta, later: timedelta) -> datetime:
        """The instant of the shift that makes ``local`` skipped or repeated."""
        return self._first_with(later, local - max(earlier, later), local - min(earlier, later))

    def _first_with(self, offset: timedelta, low: datetime, high: datetime) -> datetime:
        """The first instant with ``offset``, later than ``low`` and at most ``high``, found by halving."""
        while high - low > _SECOND:
            middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
            if self._offset(middle) == offset:
                high = middle
            else:
                low = middle
        return high


def _runs_twice(times: LocalTimes, shift: timedelta) -> bool:
    return times.elapsed and shift < LONG_SHIFT


def _moves(times: LocalTimes, shift: timedelta) -> bool:
    return not times.elapsed and shift < LONG_SHIFT
