"""What is said of a run that is late, takes too long, or outlasts the time to the next one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from jeeves_runner.core.alerts.lateness import Bounds, Standing
from jeeves_runner.core.alerts.texts import between, short_moment
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.model import Reason

_MILLISECOND: Final = timedelta(milliseconds=1)

_WAITS_FOR: Final[Mapping[Reason, str]] = {
    Reason.LIMIT: "a free slot, of max_concurrency or max_sessions",
    Reason.POOL: "a place in pool {ref}",
    Reason.DISK_FULL: "the disk, of which less than min_free is left",
    Reason.OVERLAP: "the end of run {ref}",
}


class About(NamedTuple):
    """What the words need besides how a run stands."""

    scheduled_for: datetime | None
    """Its occurrence; None: it has none."""
    zone: str
    """The zone of its job's schedule."""
    usual_ms: int | None = None
    """The usual length of the job's runs, where a bound follows from it."""
    is_over: bool = False
    """Whether it has ended."""
    waits: tuple[Reason | None, str | None] = (None, None)
    """While it waits, for what."""


def facts_of(cause: Cause, standing: Standing, bounds: Bounds, about: About) -> dict[str, Any]:
    """The facts of a message about a run that is beyond its bounds: ``words``, and ``lines`` if there are
    any."""
    match cause:
        case Cause.LATE:
            words = _late(standing, bounds, about)
        case Cause.OUTLASTS:
            words = f"takes longer than the time to its next run ({_length(bounds.interval)})"
        case _:
            words = _too_long(standing, bounds, about)
    reason, ref = about.waits
    waits_for = None if reason is None or standing.started_at is not None else _WAITS_FOR.get(reason)
    if waits_for is None:
        return {"words": words}
    return {"words": words, "lines": [["Waits for", waits_for.format(ref=ref)]]}


def _late(standing: Standing, bounds: Bounds, about: About) -> str:
    since = standing.at if about.scheduled_for is None else about.scheduled_for
    until = standing.started_at or standing.at
    verb = "has not started" if standing.started_at is None else "started"
    expected = "" if bounds.start_by is None else f" (expected within {between(since, bounds.start_by)})"
    return f"{verb} {between(since, until)} after {short_moment(since, about.zone, standing.at)}{expected}"


def _too_long(standing: Standing, bounds: Bounds, about: About) -> str:
    if bounds.longest is None or standing.length <= bounds.longest:
        by = standing.at if bounds.end_by is None else bounds.end_by
        expected = short_moment(by, about.zone, standing.at)
        if about.is_over:
            return f"ended at {short_moment(standing.at, about.zone, standing.at)} (expected by {expected})"
        return f"has not ended by {expected}"
    told = f"{'ran for' if about.is_over else 'still runs after'} {_length(standing.length)}"
    if about.usual_ms is not None:
        return f"{told}, usually {in_units(about.usual_ms)}"
    return f"{told} (expected within {_length(bounds.longest)})"


def _length(length: timedelta | None) -> str:
    return "" if length is None else in_units(round(length / _MILLISECOND))
