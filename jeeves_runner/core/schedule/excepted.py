"""A series of instants without those whose local time is excluded."""

from datetime import date, datetime, time, timedelta

from jeeves_runner.core.schedule.counting import local_seconds
from jeeves_runner.core.schedule.day_times import (
    ALL_DAY,
    SECONDS_OF_DAY,
    first_from,
    last_until,
    second_of,
)
from jeeves_runner.core.schedule.days import HORIZON_YEARS
from jeeves_runner.core.schedule.exclusions import Exclusions
from jeeves_runner.core.schedule.local_time import Zone
from jeeves_runner.core.schedule.series import Series, count_together

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_HORIZON = timedelta(days=366 * HORIZON_YEARS)
_DAY_EFFORT = 300
"""What it takes to look at a day."""


class Excepted:
    """What exclusions leave of a series of instants that clocks do not move.

    ``effort``: how much looking for it has taken so far, as in ``Schedule``.
    """

    __slots__ = ("_exclusions", "_series", "_zone", "effort")

    def __init__(self, series: Series, exclusions: Exclusions, zone: Zone | None) -> None:
        self._series = series
        self._exclusions = exclusions
        self._zone = zone
        self.effort = 0

    def first_after(self, after: datetime) -> datetime | None:
        found = self._series.first_after(after)
        begin = found
        while found is not None and begin is not None and found - begin <= _HORIZON:
            end = self._excluded_until(found)
            if end is None:
                return found
            midnight = datetime.combine(found.date(), time())
            later = first_from(self.seconds_on(found.date()), second_of(found))
            if later is not None:
                return midnight + later * _SECOND
            found = self._series.first_after(max(midnight + _DAY, end) - _SECOND)
        return None

    def last_until(self, until: datetime) -> datetime | None:
        found = self._series.last_until(until)
        begin = found
        while found is not None and begin is not None and begin - found <= _HORIZON:
            start = self._excluded_since(found)
            if start is None:
                return found
            midnight = datetime.combine(found.date(), time())
            earlier = last_until(self.seconds_on(found.date()), second_of(found))
            if earlier is not None:
                return midnight + earlier * _SECOND
            found = self._series.last_until(min(midnight, start) - _SECOND)
        return None

    def count(self, begin: datetime, end: datetime) -> int:
        return count_together([self], begin, end)

    def seconds_on(self, day: date) -> int:
        found = self._series.seconds_on(day)
        self.effort += _DAY_EFFORT
        if not found:
            return 0
        if self._zone is None:
            return found & ~self._exclusions.times_on(day)
        return found & ~local_seconds(self._exclusions.times_on, self._zone, day)

    def _excluded_until(self, instant: datetime) -> datetime | None:
        """A time up to which all is excluded, later than ``instant``; None if that itself is not."""
        local = self._local(instant)
        day = local.date()
        whole = self._exclusions.range_at(day)
        if whole is not None:
            return self._until(datetime.combine(whole[1] + _DAY, time()), instant, local)
        left = ALL_DAY & ~self._exclusions.times_on(day)
        second = second_of(local)
        if left >> second & 1:
            return None
        following = first_from(left, second)
        end = datetime.combine(day, time()) + timedelta(
            seconds=SECONDS_OF_DAY if following is None else following
        )
        return self._until(end, instant, local)

    def _excluded_since(self, instant: datetime) -> datetime | None:
        """A time since which all is excluded, at most ``instant``; None if that itself is not."""
        local = self._local(instant)
        day = local.date()
        whole = self._exclusions.range_at(day)
        if whole is not None:
            return self._since(datetime.combine(whole[0], time()), instant, local)
        left = ALL_DAY & ~self._exclusions.times_on(day)
        second = second_of(local)
        if left >> second & 1:
            return None
        before = last_until(left, second)
        begin = datetime.combine(day, time()) + timedelta(seconds=0 if before is None else before + 1)
        return self._since(begin, instant, local)

    def _local(self, instant: datetime) -> datetime:
        return instant if self._zone is None else self._zone.local(instant).replace(fold=0)

    def _until(self, end: datetime, instant: datetime, local: datetime) -> datetime:
        """When the clock first shows ``end``, seen from ``instant``; it may be set back before or after."""
        shown = end - (local - instant)
        return max(instant + _SECOND, shown if self._zone is None else min(shown, self._zone.earliest(end)))

    def _since(self, begin: datetime, instant: datetime, local: datetime) -> datetime:
        """When the clock last showed ``begin``, seen from ``instant``; likewise."""
        shown = begin - (local - instant)
        return min(instant, shown if self._zone is None else max(shown, self._zone.latest(begin)))
