"""Who may run now: one decision for every trigger, a gap's occurrences, and retries.

Everything here decides and nothing acts. Reasons are the words stored in ``runs.reason``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import chain, islice

from jeeves_runner.core.model import CatchUp, Outcome, OverlapPolicy, Retries, RunStatus, Trigger
from jeeves_runner.core.schedule.timetable import Due

LATE = timedelta(seconds=5)
"""An occurrence admitted within this time after it was due is on time."""

CLOCK_EVENT = timedelta(hours=3)
"""A watermark further ahead of now than this was written by a clock that has been set back."""

_INSTANT = timedelta(microseconds=1)


class Verdict(Enum):
    """What becomes of a request to run."""

    START = "start"
    WAIT = "wait"
    REPLACE = "replace"  # wait; whatever else of the job runs or waits is cancelled
    SKIP = "skip"
    CANCEL = "cancel"  # it waited, and its job no longer wants it
    REFUSE = "refuse"  # nothing is recorded


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and, unless it is START, its reason."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something that wants to run.

    ``waiting``: it was told to wait before, and its row says so. ``every``: it is an occurrence of
    a gap all of which is to be caught up, so an active run delays it and does not drop it.
    """

    trigger: Trigger
    forced: bool = False
    waiting: bool = False
    every: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The state of the job and of the runner, as far as it matters.

    The counts leave out the request and its own chain of attempts: ``running`` runs, ``retrying``
    chains between two attempts, ``queued`` first attempts that wait.
    """

    live: bool = True
    enabled: bool = True
    paused: bool = False
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    running: int = 0
    retrying: int = 0
    queued: int = 0
    too_early: bool = False
    slot_free: bool = True
    full_pool: str | None = None
    disk_full: bool = False


_START = Decision(Verdict.START)


def admit(request: Request, facts: Facts) -> Decision:
    """The one decision all triggers pass. ``forced`` overrides pause and overlap, never capacity."""
    return (
        _unwanted(request, facts)
        or _held_back(request, facts)
        or _overlapping(request, facts)
        or _without_room(facts)
        or _START
    )


def _unwanted(request: Request, facts: Facts) -> Decision | None:
    """A deleted job never runs again, a disabled one only by hand."""
    verdict = Verdict.CANCEL if request.waiting else Verdict.REFUSE
    if not facts.live:
        return Decision(verdict, "deleted")
    if not facts.enabled and request.trigger is not Trigger.MANUAL:
        return Decision(verdict, "disabled")
    return None


def _held_back(request: Request, facts: Facts) -> Decision | None:
    if facts.paused and not request.forced:
        if request.waiting:
            return Decision(Verdict.WAIT, "paused")
        return Decision(Verdict.REFUSE if request.trigger is Trigger.MANUAL else Verdict.SKIP, "paused")
    return Decision(Verdict.WAIT, "retry") if facts.too_early else None


def _overlapping(request: Request, facts: Facts) -> Decision | None:
    if request.forced or facts.overlap is OverlapPolicy.ALLOW:
        return None
    if request.waiting:
        # A retry waits for what runs and not for another chain's retry: else two would wait for
        # each other for ever.
        retrying = 0 if request.trigger is Trigger.RETRY else facts.retrying
        return Decision(Verdict.WAIT, "overlap") if facts.running or retrying else None
    if not (facts.running or facts.retrying or facts.queued):
        return None
    if request.every and facts.overlap is not OverlapPolicy.REPLACE:
        return Decision(Verdict.WAIT, "overlap")
    match facts.overlap:
        case OverlapPolicy.SKIP:
            return Decision(Verdict.SKIP, "overlap")
        case OverlapPolicy.QUEUE if facts.queued:
            return Decision(Verdict.SKIP, "queue_full")
        case OverlapPolicy.QUEUE:
            return Decision(Verdict.WAIT, "overlap")
        case OverlapPolicy.REPLACE:
            return Decision(Verdict.REPLACE, "overlap")


def _without_room(facts: Facts) -> Decision | None:
    if facts.disk_full:
        return Decision(Verdict.WAIT, "disk_full")
    if not facts.slot_free:
        return Decision(Verdict.WAIT, "limit")
    if facts.full_pool is not None:
        return Decision(Verdict.WAIT, f"pool {facts.full_pool}")
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """Occurrences of one gap that will not run: the first, the last, how many, and why."""

    first: datetime
    last: datetime
    count: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GapPlan:
    """What becomes of a job's occurrences since it was last looked at: the oldest ones are missed.

    ``late`` are caught up, ``on_time`` run as scheduled; both ascend.
    """

    missed: Missed | None = None
    late: tuple[datetime, ...] = ()
    on_time: tuple[datetime, ...] = ()

    def wanted(self) -> Iterator[tuple[datetime, Trigger]]:
        """The occurrences to admit, in order."""
        return chain(
            ((occurrence, Trigger.CATCH_UP) for occurrence in self.late),
            ((occurrence, Trigger.SCHEDULE) for occurrence in self.on_time),
        )


def catch_up(due: Due, policy: CatchUp, window: timedelta, now: datetime) -> GapPlan:
    """Which of the occurrences due by ``now`` run, and which are missed.

    One is late when over 5 s old. Late ones run if ``policy`` wants them, they are no older than
    ``window``, and (under ``latest``) nothing newer takes their place.
    """
    on_time = _between(due, now - LATE, now)
    late: tuple[datetime, ...] = ()
    reason = "late"
    if policy is CatchUp.NONE:
        reason = "no_catch_up"
    elif policy is CatchUp.ALL:
        late = _between(due, now - window, now - LATE - _INSTANT)
    elif on_time:
        reason = "superseded"
    elif due.latest >= now - window:
        late, reason = (due.latest,), "superseded"
    return GapPlan(missed=_missed(due, (*late, *on_time), reason), late=late, on_time=on_time)


def split(due: Due, policy: CatchUp, window: timedelta, now: datetime, limit: int) -> tuple[Due, Due | None]:
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
        replace(due, latest=kept[-2], count=count),
        replace(due, first=kept[-1], count=max(1, due.count - count)),
    )


def is_in_window(scheduled_for: datetime, window: timedelta, now: datetime) -> bool:
    """Whether an occurrence may still be admitted after a restart."""
    return now - scheduled_for <= max(window, LATE)


def _between(due: Due, first: datetime, last: datetime) -> tuple[datetime, ...]:
    """The occurrences in [first, last]."""
    if due.first == due.latest:
        return (due.first,) if first <= due.first <= last else ()
    if due.latest < first:
        return ()
    return tuple(due.schedule.between(max(first, due.first) - _INSTANT, min(last, due.latest)))


def _missed(due: Due, kept: tuple[datetime, ...], reason: str) -> Missed | None:
    if not kept:
        return Missed(first=due.first, last=due.latest, count=due.count, reason=reason)
    if kept[0] <= due.first:
        return None
    last = due.schedule.latest(due.first - _INSTANT, kept[0] - _INSTANT) or due.first
    return Missed(first=due.first, last=last, count=due.count - len(kept), reason=reason)


def retry_delay_ms(retries: Retries | None, outcome: Outcome, attempt: int) -> int | None:
    """How long after attempt number ``attempt`` the next one may start; None: there is no other one."""
    if retries is None or attempt > retries.limit or not _wants(retries, outcome):
        return None
    if retries.backoff == "fixed":
        return min(retries.delay_ms, retries.max_delay_ms)
    # Beyond 2**40 any delay has reached its maximum; a larger power would only cost.
    factor: int = 2 ** min(attempt - 1, 40)
    return min(retries.delay_ms * factor, retries.max_delay_ms)


def _wants(retries: Retries, outcome: Outcome) -> bool:
    if outcome.status.value not in retries.on:
        return False
    if outcome.status is not RunStatus.ERROR or retries.on_exit_codes is None:
        return True
    return outcome.exit_code in retries.on_exit_codes
