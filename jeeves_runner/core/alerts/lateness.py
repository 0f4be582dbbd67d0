"""When a run is late, takes too long, or outlasts the time to the next one. Everything here decides.

What people expect of a job makes bounds for one run. How the run stands at a moment is held against them:
while it waits or runs, and once more at its end.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.alert_spec import Expect
from jeeves_runner.core.alerts.words import Cause

LEAST: Final = timedelta(minutes=5)
"""No run is too long before, if people have not said what they expect."""

TIMES_USUAL: Final = 2
"""From how many times its usual length on a run is too long, likewise."""

_MILLISECOND: Final = timedelta(milliseconds=1)
_NONE: Final = timedelta(0)


class Bounds(NamedTuple):
    """What is expected of one run; None: nothing."""

    start_by: datetime | None = None
    """When it has started."""
    end_by: datetime | None = None
    """When it has ended."""
    longest: timedelta | None = None
    """How long it takes at most."""
    interval: timedelta | None = None
    """The time from its occurrence to the next one."""

    def without(self, causes: Collection[Cause]) -> "Bounds":
        """The same, but for what these causes are about."""
        end_by, longest = (None, None) if Cause.OVERRUN in causes else (self.end_by, self.longest)
        return Bounds(
            None if Cause.LATE in causes else self.start_by,
            end_by,
            longest,
            None if Cause.OUTLASTS in causes else self.interval,
        )


class Standing(NamedTuple):
    """How a run stands."""

    at: datetime
    """When: now, or at its end; aware, UTC."""
    started_at: datetime | None
    """When it started; None: it waits."""
    length: timedelta = _NONE
    """For how long it has been running, or ran, while the machine was awake."""


def wrong(standing: Standing, bounds: Bounds) -> Iterator[Cause]:
    """What is beyond its bounds."""
    if not is_in_time(standing, bounds):
        yield Cause.LATE
    is_past = bounds.end_by is not None and standing.at > bounds.end_by
    if is_past or (bounds.longest is not None and standing.length > bounds.longest):
        yield Cause.OVERRUN
    if bounds.interval is not None and standing.length >= bounds.interval > _NONE:
        yield Cause.OUTLASTS


def is_in_time(standing: Standing, bounds: Bounds) -> bool:
    """Whether it has started in time, or may still."""
    return bounds.start_by is None or (standing.started_at or standing.at) <= bounds.start_by


class Next(NamedTuple):
    """When something of a run may become wrong that is not; None: never."""

    at: datetime | None = None
    """After this moment."""
    length: timedelta | None = None
    """Once it has been running for so long."""


def next_look(standing: Standing, bounds: Bounds) -> Next:
    """When a run that has not ended is to be looked at again; ``bounds``: those that it has kept so far."""
    instants = [bounds.end_by, bounds.start_by if standing.started_at is None else None]
    lengths = [bounds.longest, bounds.interval] if standing.started_at is not None else []
    return Next(
        min((each for each in instants if each is not None), default=None),
        min((each for each in lengths if each is not None), default=None),
    )


def start_by(scheduled_for: datetime, expect: Expect) -> datetime | None:
    """When the run of an occurrence has started, as people expect it."""
    if expect.start_within_ms is None:
        return None
    return scheduled_for + expect.start_within_ms * _MILLISECOND


def longest(expect: Expect, usual_ms: int | None) -> timedelta | None:
    """How long a run takes at most: as people expect it, else twice its usual time, 5 min at least.

    None: it is not known.
    """
    if expect.finish_within_ms is not None:
        return expect.finish_within_ms * _MILLISECOND
    if expect.finish_by is not None:
        return None
    return None if usual_ms is None else max(LEAST, TIMES_USUAL * usual_ms * _MILLISECOND)


def says_how_long(expect: Expect) -> bool:
    """Whether people have said when a run has ended, so that its usual length does not matter."""
    return expect.finish_within_ms is not None or expect.finish_by is not None
