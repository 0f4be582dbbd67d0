"""The nights on which clocks are shifted, as far as a job's times are touched by them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from jeeves_runner.core.schedule.counting import LocalCount
from jeeves_runner.core.schedule.cron import LocalTimes
from jeeves_runner.core.schedule.day_times import SECONDS_OF_DAY, cut
from jeeves_runner.core.schedule.local_time import LONG_SHIFT, Stretch, Zone

Effect = Literal["moved", "left_out", "once", "twice"]
"""``moved``: skipped times run once, right after the gap. ``left_out``: skipped times do not run. ``once``:
repeated times run the first time. ``twice``: repeated times run both times."""

_HOUR = 3600
_ZERO = timedelta()


class Night(NamedTuple):
    """A shift of the clocks, and what it does to the times of a schedule. All times are naive."""

    at: datetime
    """When clocks are shifted; UTC."""
    begin: datetime
    """The first local time that is skipped or repeated."""
    end: datetime
    """The local time before which that ends."""
    first: datetime
    """The first local time of the schedule in it."""
    times: int
    """How many local times of the schedule are in it."""
    effect: Effect
    """What happens to them."""

    def text(self, zone: str) -> str:
        """The same as a sentence; ``zone`` is the name of the clocks' zone."""
        others = f" and {self.times - 1} more" if self.times > 1 else ""
        what = f"on {self.first:%Y-%m-%d} in {zone}, {_clock(self.first)}{others}"
        is_one = self.times == 1
        match self.effect:
            case "moved":
                return f"{what} {_does(is_one)} not exist, and {_runs(is_one)} once at {_clock(self.end)}"
            case "left_out":
                return f"{what} {_does(is_one)} not exist, and {_does(is_one)} not run"
            case "once":
                return f"{what} {_comes(is_one)} twice, and {_runs(is_one)} the first time only"
            case "twice":
                return f"{what} {_comes(is_one)} twice, and {_runs(is_one)} both times"


def nights_of(sets: Sequence[LocalTimes], zone: Zone, begin: datetime, end: datetime) -> Iterator[Night]:
    """The shifts in [begin, end), naive UTC, that touch any of these times.

    Times that follow elapsed time are not touched where each hour of the day has the same.
    """
    for stretch in _shifts(zone, begin, end):
        skipped = stretch.offset > stretch.before
        is_short = abs(stretch.offset - stretch.before) < LONG_SHIFT
        first, last = sorted((stretch.begin + stretch.before, stretch.begin + stretch.offset))
        for elapsed in (False, True):
            touched = [each for each in sets if each.elapsed is elapsed and not _is_even(each, first)]
            found = min(filter(None, (each.at_or_after(first) for each in touched)), default=last)
            if found >= last:
                continue
            effect = _effect(skipped=skipped, elapsed=elapsed, is_short=is_short)
            count = LocalCount(touched).between(first, last)
            yield Night(stretch.begin, first, last, found, count, effect)


def _clock(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _does(is_one: bool) -> str:
    return "does" if is_one else "do"


def _comes(is_one: bool) -> str:
    return "comes" if is_one else "come"


def _runs(is_one: bool) -> str:
    return "runs" if is_one else "run"


def _effect(*, skipped: bool, elapsed: bool, is_short: bool) -> Effect:
    """By the rule of ``local_time``."""
    if skipped:
        return "moved" if is_short and not elapsed else "left_out"
    return "twice" if is_short and elapsed else "once"


def _is_even(times: LocalTimes, day: datetime) -> bool:
    """Whether times that follow elapsed time go on through a shift as if there were none."""
    if not times.elapsed:
        return False
    of_day = times.times_on(day.date())
    hour = cut(of_day, 0, _HOUR)
    return all((of_day >> begin) & ((1 << _HOUR) - 1) == hour for begin in range(0, SECONDS_OF_DAY, _HOUR))


@lru_cache(maxsize=256)
def _shifts(zone: Zone, begin: datetime, end: datetime) -> tuple[Stretch, ...]:
    """The stretches that begin with a shift in [begin, end)."""
    found = zone.stretches(begin, end)
    return tuple(each for each in found if each.offset - each.before != _ZERO and begin <= each.begin < end)
