"""Which occurrences of a gap run, and which do not; a gap is the time since a job was last looked at.

Everything here decides and nothing acts.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from jeeves_runner.core.model import CatchUp, Reason, Trigger
from jeeves_runner.core.policy import Request
from jeeves_runner.core.run import PausedTime, SkippedTime

if TYPE_CHECKING:
    from jeeves_runner.core.schedule.timetable import Due

LATE = timedelta(seconds=5)
"""An occurrence admitted within this time after it was due is on time."""

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Occurrences of one gap that do not run, with none between them that has another fate."""

    first: datetime
    """The oldest; aware, UTC."""
    last: datetime
    """The newest; the same if there is one only."""
    count: int
    """How many there are, 1 at least."""
    reason: Reason
    """Why they do not run, the same for all. PAUSED, SKIP: they are skipped. Any other: they are missed."""
    message: str | None = None
    """What the person said who skips it; then it is one occurrence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GapPlan:
    """What becomes of a job's occurrences since it was last looked at."""

    left_out: tuple[LeftOut, ...] = ()
    """Those that do not run, ascending. Of those that are not paused or skipped, the oldest."""
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


def catch_up(
    due: "Due",
    policy: CatchUp,
    window: timedelta,
    now: datetime,
    pauses: Sequence[PausedTime] = (),
    skips: Sequence[SkippedTime] = (),
) -> GapPlan:
    """Which of the occurrences due by ``now`` run, and which do not.

    Those that fell into one of ``pauses`` (in any order, they may overlap) never run, nor do those that
    ``skips`` names (in any order; what is no occurrence counts for nothing). Of the others, one is late when
    over 5 s old. Late ones run if ``policy`` wants them, they are no older than ``window`` (or were not when
    they were found), and (under ``latest``) nothing newer takes their place.
    """
    window += _waited(due, now)
    unwanted, others = _divide(due, pauses, skips)
    on_time = _between(others, now - LATE, now)
    late: tuple[datetime, ...] = ()
    reason = Reason.LATE
    if policy is CatchUp.NONE:
        reason = Reason.NO_CATCH_UP
    elif policy is CatchUp.ALL:
        late = _between(others, now - window, now - LATE - _INSTANT)
    elif on_time:
        reason = Reason.SUPERSEDED
    elif others and others[-1].latest >= now - window:
        late, reason = (others[-1].latest,), Reason.SUPERSEDED
    every = policy is CatchUp.ALL and bool(late or (on_time and due.is_part))
    missed = [_left_out(each, reason) for each in _before(others, (*late, *on_time))]
    left_out = tuple(sorted([*unwanted, *missed], key=lambda each: each.first))
    return GapPlan(left_out=left_out, late=late, on_time=on_time, every=every)


def split(
    due: "Due",
    policy: CatchUp,
    window: timedelta,
    now: datetime,
    limit: int,
    pauses: Sequence[PausedTime] = (),
    skips: Sequence[SkippedTime] = (),
) -> "tuple[Due, Due | None]":
    """Occurrences to decide about now, of which at most ``limit`` may run, and those left for later.

    The older ones come first, and with them what does not run. Only under ``all`` many of them may run.
    """
    if policy is not CatchUp.ALL or due.count <= limit:
        return due, None
    window += _waited(due, now)
    _, others = _divide(due, pauses, skips)
    kept = tuple(islice(_each_between(others, now - window, now), limit + 1))
    if len(kept) <= limit:
        return due, None
    latest = kept[-2]
    count = due.schedule.count(due.first - _INSTANT, latest)
    following = due.schedule.next_after(latest) or kept[-1]
    return (
        replace(due, latest=latest, count=count, is_part=True),
        replace(due, first=following, count=max(1, due.count - count), is_part=True),
    )


def _waited(due: "Due", now: datetime) -> timedelta:
    """For how long it has been known that they are late."""
    return timedelta(0) if due.looked_at is None else max(now - due.looked_at, timedelta(0))


def is_in_window(scheduled_for: datetime, window: timedelta, now: datetime) -> bool:
    """Whether an occurrence may still be admitted after a restart."""
    return now - scheduled_for <= max(window, LATE)


def _divide(
    due: "Due", pauses: Sequence[PausedTime], skips: Sequence[SkippedTime]
) -> "tuple[list[LeftOut], list[Due]]":
    """The occurrences that people do not want to run, and the others in stretches without any of the first
    kind between them; ascending. One that is skipped and paused is skipped: a person has named it."""
    if not pauses and not skips:
        return [], [due]
    unwanted: list[LeftOut] = []
    others: list[Due] = []
    joined = _joined(pauses)
    begin = due.first
    for skip in sorted(skips, key=lambda each: each.when):
        skipped = _stretch(due, skip.when, skip.when + _INSTANT)
        if not skipped or skip.when < begin:  # none of these occurrences, or named twice
            continue
        _divide_by_pauses(_stretch(due, begin, skip.when), joined, unwanted, others)
        unwanted += [_left_out(each, Reason.SKIP, skip.reason) for each in skipped]
        begin = skip.when + _INSTANT
    _divide_by_pauses(_stretch(due, begin, due.latest + _INSTANT), joined, unwanted, others)
    return unwanted, others


def _divide_by_pauses(
    stretches: "Sequence[Due]", pauses: Sequence[PausedTime], paused: list[LeftOut], others: "list[Due]"
) -> None:
    """Add to both what fell into a pause, and what did not."""
    for due in stretches:
        begin = due.first
        for pause in pauses:
            covered = _stretch(due, pause.begin, pause.end)
            if not covered:  # it parts nothing
                continue
            others += _stretch(due, begin, pause.begin)
            paused += [_left_out(each, Reason.PAUSED) for each in covered]
            begin = pause.end
        others += _stretch(due, begin, due.latest + _INSTANT)


def _joined(pauses: Iterable[PausedTime]) -> list[PausedTime]:
    """The same times, ascending and with time between them. One that ends before it begins, by a clock that
    was set back, is left out."""
    joined: list[PausedTime] = []
    for each in sorted(each for each in pauses if each.begin < each.end):
        if joined and each.begin <= joined[-1].end:
            joined[-1] = PausedTime(joined[-1].begin, max(joined[-1].end, each.end))
        else:
            joined.append(each)
    return joined


def _stretch(due: "Due", begin: datetime, end: datetime) -> "list[Due]":
    """Those of the occurrences that lie in [begin, end), as one; empty if none does."""
    if begin <= due.first and due.latest < end:
        return [due]
    after, last = max(begin, due.first) - _INSTANT, min(end - _INSTANT, due.latest)
    first = due.schedule.next_after(after) if after < last else None
    if first is None or first > last:
        return []
    latest = due.schedule.latest(after, last) or first
    return [replace(due, first=first, latest=latest, count=due.schedule.count(after, last))]


def _between(stretches: "Sequence[Due]", first: datetime, last: datetime) -> tuple[datetime, ...]:
    """The occurrences in [first, last]."""
    return tuple(_each_between(stretches, first, last))


def _each_between(stretches: "Sequence[Due]", first: datetime, last: datetime) -> Iterator[datetime]:
    for due in stretches:
        if due.first == due.latest:
            if first <= due.first <= last:
                yield due.first
        elif first <= due.latest:
            yield from due.schedule.between(max(first, due.first) - _INSTANT, min(last, due.latest))


def _before(stretches: "Sequence[Due]", kept: Sequence[datetime]) -> "Iterator[Due]":
    """The occurrences older than the first of those that are kept; all if none is kept."""
    for due in stretches:
        if not kept or due.latest < kept[0]:
            yield due
        elif due.first < kept[0]:
            last = due.schedule.latest(due.first - _INSTANT, kept[0] - _INSTANT) or due.first
            yield replace(due, latest=last, count=due.count - bisect_right(kept, due.latest))


def _left_out(due: "Due", reason: Reason, message: str | None = None) -> LeftOut:
    return LeftOut(first=due.first, last=due.latest, count=due.count, reason=reason, message=message)
