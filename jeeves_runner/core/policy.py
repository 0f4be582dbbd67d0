"""Who may run now: one decision for every trigger.

Everything here decides and nothing acts. Reasons are the words stored in ``runs.reason``.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from jeeves_runner.core.model import OverlapPolicy, Reason, Trigger

DEPTH_LIMIT: Final = 20
"""Over how many runs one may follow from another, where the config does not say."""


class Verdict(Enum):
    """What becomes of a request to run."""

    START = "start"
    WAIT = "wait"
    REPLACE = "replace"  # wait; whatever else of the job runs or waits is cancelled
    STAND_BACK = "stand back"  # wait, with all behind it, for what is about to replace it
    SKIP = "skip"
    CANCEL = "cancel"  # its job no longer wants it


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request to run, and why."""

    verdict: Verdict
    """What is to be done."""
    reason: Reason | None = None
    """Why; None only if it starts."""
    ref: str | None = None
    """What the reason is about: the name of a pool, or the id of a run."""
    message: str | None = None
    """What there is to say besides, for people: numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something that wants to run."""

    trigger: Trigger
    """What asks for it."""
    forced: bool = False
    """It overrides pauses and the overlap policy."""
    waiting: bool = False
    """It was told to wait before, or waits by its nature, as a retry does."""
    entering: bool = False
    """That it waits is being recorded. If it replaces others, that commit cancels those that wait."""
    depth: int = 0
    """Over how many runs it follows from what people, times and starts have brought."""
    every: bool = False
    """It is one of a gap's occurrences, all of which are to be caught up: an active run delays it, and does
    not drop it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The state of the job and of the runner, as far as it matters.

    The counts are of the job's other runs: the request and its own chain of attempts are left out.
    """

    live: bool = True
    """The job exists; False for a tombstone."""
    enabled: bool = True
    """The job's manifest does not say ``enabled: false``."""
    paused: bool = False
    """The job is paused now, by itself or with all others."""
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    """The job's policy."""
    running: int = 0
    """How many run."""
    retrying: int = 0
    """How many chains are between two attempts."""
    queued: int = 0
    """How many first attempts wait; those of backfills are left out."""
    of_the_past: int = 0
    """How many of ``running`` and ``retrying`` belong to backfills."""
    arriving: int = 0
    """How many that wait have been decided about and are not recorded yet."""
    active_run: int | None = None
    """The id of one of them all; None if none has an id yet."""
    too_early: bool = False
    """The request is a retry whose time has not come."""
    tokens_spent: str | None = None
    """The numbers, where the job's runs have used up the tokens of the day; None: some are left, or there is
    no such limit."""
    unmet: str | None = None
    """A job that has not ended ok within the span in which this one needs it; None: there is none, or the
    request does not ask for it."""
    may_be_met: bool = False
    """It is still to be waited for."""
    slot_free: bool = True
    """The job's executor has a slot that no run before this one is to take."""
    no_room: Reason | None = None
    """Why the job's executor cannot take a run now, besides its slots."""
    full_pool: str | None = None
    """The job's pool, if it has no room."""
    disk_full: bool = False
    """Less than ``min_free`` is left on the disk."""
    depth_limit: int = DEPTH_LIMIT
    """Over how many runs one may follow from another."""


_START = Decision(Verdict.START)


def admit(request: Request, facts: Facts) -> Decision:
    """The one decision all triggers pass. ``forced`` overrides pause, budget and overlap, never capacity."""
    return (
        _unwanted(request, facts)
        or _too_deep(request, facts)
        or _held_back(request, facts)
        or _out_of_tokens(request, facts)
        or _unmet_for_good(facts)
        or _overlapping(request, facts)
        or _unmet_so_far(facts)
        or _without_room(facts)
        or _START
    )


def _unwanted(request: Request, facts: Facts) -> Decision | None:
    """A deleted job never runs again, a disabled one only by hand."""
    if not facts.live:
        return Decision(Verdict.CANCEL, Reason.DELETED)
    if not (facts.enabled or request.trigger.is_by_hand):
        return Decision(Verdict.CANCEL, Reason.DISABLED)
    return None


def _too_deep(request: Request, facts: Facts) -> Decision | None:
    """Runs that cause one another in a circle come to an end. A retry is as deep as its first attempt was."""
    if request.depth <= facts.depth_limit or request.trigger is Trigger.RETRY:
        return None
    return Decision(
        Verdict.SKIP, Reason.DEPTH, message=f"depth {request.depth}, and graph.depth is {facts.depth_limit}"
    )


def _held_back(request: Request, facts: Facts) -> Decision | None:
    """A pause skips what has its moment. Everything else was asked for, and waits."""
    if facts.paused and not request.forced:
        drops = request.trigger.lapses and not request.waiting
        return Decision(Verdict.SKIP if drops else Verdict.WAIT, Reason.PAUSED)
    return Decision(Verdict.WAIT, Reason.RETRY) if facts.too_early else None


def _out_of_tokens(request: Request, facts: Facts) -> Decision | None:
    """Whatever asks for it does not run, and nothing waits for the next day: there it may be too late, and
    others come. It replaces no other run either."""
    if facts.tokens_spent is None or request.forced:
        return None
    return Decision(Verdict.SKIP, Reason.TOKEN_BUDGET, message=facts.tokens_spent)


def _unmet_for_good(facts: Facts) -> Decision | None:
    if facts.unmet is None or facts.may_be_met:
        return None
    return Decision(Verdict.SKIP, Reason.NEEDS, facts.unmet)


def _unmet_so_far(facts: Facts) -> Decision | None:
    return None if facts.unmet is None else Decision(Verdict.WAIT, Reason.NEEDS, facts.unmet)


def _overlapping(request: Request, facts: Facts) -> Decision | None:
    if request.forced or facts.overlap is OverlapPolicy.ALLOW:
        return None
    if request.waiting:
        return _still_overlapping(request, facts)
    if not (facts.running or facts.retrying or facts.queued):
        return None
    if request.trigger.is_of_the_past or _meets_the_past_alone(facts):
        return Decision(Verdict.WAIT, Reason.OVERLAP)
    ref = None if facts.active_run is None else str(facts.active_run)
    if facts.overlap is OverlapPolicy.REPLACE:
        # What waits is cancelled with this decision. If nothing runs, there is only room to wait for. What
        # runs is not ended for one that may never start.
        if facts.running and facts.unmet is not None:
            return _unmet_so_far(facts)
        room = None if facts.running else _unmet_so_far(facts) or _without_room(facts)
        return (
            Decision(Verdict.REPLACE, Reason.OVERLAP)
            if room is None
            else replace(room, verdict=Verdict.REPLACE)
        )
    if request.every or request.trigger is Trigger.AFTER:
        # It has consumed the ends that it follows. When it was entered no other run was active.
        return Decision(Verdict.WAIT, Reason.OVERLAP)
    if facts.overlap is OverlapPolicy.SKIP:
        return Decision(Verdict.SKIP, Reason.OVERLAP, ref)
    return (
        Decision(Verdict.SKIP, Reason.QUEUE_FULL, ref)
        if facts.queued
        else Decision(Verdict.WAIT, Reason.OVERLAP)
    )


def _meets_the_past_alone(facts: Facts) -> bool:
    """Whether nothing of the job is active but a backfill, for which nothing is skipped, and which nothing
    replaces."""
    return not facts.queued and facts.running + facts.retrying == facts.of_the_past


def _still_overlapping(request: Request, facts: Facts) -> Decision | None:
    """What waits goes on waiting for what runs, and for another chain between two attempts.

    A retry does not wait for another chain's retry: else two would wait for each other for ever. An
    attempt does not start either while another one that replaces it is being committed. Nor does anything
    behind it in line, because the free slot may be the other one's.
    """
    if facts.running:
        return Decision(Verdict.WAIT, Reason.OVERLAP)
    if request.entering and facts.overlap is OverlapPolicy.REPLACE:
        return None
    if facts.retrying and request.trigger is not Trigger.RETRY:
        return Decision(Verdict.WAIT, Reason.OVERLAP)
    if facts.arriving and facts.overlap is OverlapPolicy.REPLACE:
        return Decision(Verdict.STAND_BACK, Reason.OVERLAP)
    return None


def _without_room(facts: Facts) -> Decision | None:
    if facts.disk_full:
        return Decision(Verdict.WAIT, Reason.DISK_FULL)
    if not facts.slot_free:
        return Decision(Verdict.WAIT, Reason.LIMIT)
    if facts.no_room is not None:
        return Decision(Verdict.WAIT, facts.no_room)
    if facts.full_pool is not None:
        return Decision(Verdict.WAIT, Reason.POOL, facts.full_pool)
    return None
