"""What becomes of occurrences that were not looked at in time: which are to run, and which do not.

Everything here decides and nothing acts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from jeeves_runner.core.model import CatchUp, Reason, Trigger
from jeeves_runner.core.policy import Request

if TYPE_CHECKING:
    from jeeves_runner.core.schedule.timetable import Due

LATE = timedelta(seconds=5)
"""An occurrence admitted within this time after it was due is on time."""

CLOCK_EVENT = timedelta(hours=3)
"""A watermark further ahead of now than this was written by a clock that has been set back."""

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """Occurrences of one gap that will not run, the oldest ones of it."""

    first: datetime
    """The oldest; aware, UTC."""
    last: datetime
    """The newest; the same if there is one only."""
    count: int
    """How many there are, 1 at least."""
    reason: Reason
    """Why they do not run, the same for all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GapPlan:
    """What becomes of a job's occurrences since it was last looked at: the oldest ones may be missed."""

    missed: Missed | None = None
    """The oldest ones, which do not run; None if all are admitted."""
    late: tuple[datetime, ...] = ()
    """Those to catch up, ascending."""
    on_time: tuple[datetime, ...] = ()
    """Those that run as scheduled, ascending and after all late ones."""
    every: bool = False
    """All are to run, so that each waits for the older ones, also one that is on time."""

    def wanted(self) -> Iterator[tuple[datetime, Request]]:
        """The occurrences to admit, in order, each as a request."""
        late = Request(trigger=Trigger.CATCH_UP, every=self.every)
        on_time = Request(trigger=Trigger.SCHEDULE, every=self.every)
        return chain(
            ((occurrence, late) for occurrence in self.late),
            ((occurrence, on_time) for occurrence in self.on_time),
        )


def catch_up(due: "Due", policy: CatchUp, window: timedelta, now: datetime) -> GapPlan:
    """Which of the occurrences due by ``now`` run, and which are missed.

    One is late when over 5 s old. Late ones run if ``policy`` wants them, they are no older than
    ``window``, and (under ``latest``) nothing newer takes their place.
    """
    on_time = _between(due, now - LATE, now)
    late: tuple[datetime, ...] = ()
    reason = Reason.LATE
    if policy is CatchUp.NONE:
        reason = Reason.NO_CATCH_UP
    elif policy is CatchUp.ALL:
        late = _between(due, now - window, now - LATE - _INSTANT)
    elif on_time:
        reason = Reason.SUPERSEDED
    elif due.latest >= now - window:
        late, reason = (due.latest,), Reason.SUPERSEDED
    every = policy is CatchUp.ALL and bool(late or (on_time and due.is_part))
    missed = _missed(due, (*late, *on_time), reason)
    return GapPlan(missed=missed, late=late, on_time=on_time, every=every)


def split(
    due: "Due", policy: CatchUp, window: timedelta, now: datetime, limit: int
) -> "tuple[Due, Due | None]":
    """Occurrences to decide about now, of which at most ``limit`` may run, and those left for later.

    The older ones come first, and with them what is missed. Only under ``all`` many of them may run.
    """
    if policy is not CatchUp.ALL or due.count <= limit:
        return due, None
    wanted = due.schedule.between(max(due.first, now - window) - _INSTANT, due.latest)
    kept = tuple(islice(wanted, limit + 1))
    if len(kept) <= limit:
        return due, None
    count = due.schedule.count(due.first - _INSTANT, kept[-2])
    return (
        replace(due, latest=kept[-2], count=count, is_part=True),
        replace(due, first=kept[-1], count=max(1, due.count - count), is_part=True),
    )


def is_in_window(scheduled_for: datetime, window: timedelta, now: datetime) -> bool:
    """Whether an occurrence may still be admitted after a restart."""
    return now - scheduled_for <= max(window, LATE)


def _between(due: "Due", first: datetime, last: datetime) -> tuple[datetime, ...]:
    """The occurrences in [first, last]."""
    if due.first == due.latest:
        return (due.first,) if first <= due.first <= last else ()
    if due.latest < first:
        return ()
    return tuple(due.schedule.between(max(first, due.first) - _INSTANT, min(last, due.latest)))


def _missed(due: "Due", kept: tuple[datetime, ...], reason: Reason) -> Missed | None:
    if not kept:
        return Missed(first=due.first, last=due.latest, count=due.count, reason=reason)
    if kept[0] <= due.first:
        return None
    last = due.schedule.latest(due.first - _INSTANT, kept[0] - _INSTANT) or due.first
    return Missed(first=due.first, last=last, count=due.count - len(kept), reason=reason)
