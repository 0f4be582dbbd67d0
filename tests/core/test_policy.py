"""What becomes of a request to run: one rule after the other, then the rules for gaps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.core.model import CatchUp, OverlapPolicy, Reason, Trigger
from jeeves_runner.core.policy import (
    LATE,
    Decision,
    Facts,
    GapPlan,
    Missed,
    Request,
    Verdict,
    admit,
    catch_up,
    is_in_window,
    split,
)
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due

SCHEDULED = Request(trigger=Trigger.SCHEDULE)
MANUAL = Request(trigger=Trigger.MANUAL)
FORCED = Request(trigger=Trigger.MANUAL, forced=True)
WAITING = Request(trigger=Trigger.SCHEDULE, waiting=True)
RETRY = Request(trigger=Trigger.RETRY, waiting=True)

FREE = Facts()
BUSY = Facts(running=1)


def skip(reason: str) -> Decision:
    return Decision(Verdict.SKIP, Reason(reason))


def wait(reason: str, ref: str | None = None) -> Decision:
    return Decision(Verdict.WAIT, Reason(reason), ref)


def cancel(reason: str) -> Decision:
    return Decision(Verdict.CANCEL, Reason(reason))


def starts(request: Request, facts: Facts) -> bool:
    return admit(request, facts).verdict is Verdict.START


@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("waiting", [False, True])
def test_with_nothing_in_the_way_everything_starts(trigger: Trigger, waiting: bool) -> None:
    assert starts(Request(trigger=trigger, waiting=waiting), FREE)


def test_a_deleted_job_runs_never_again() -> None:
    gone = replace(FREE, live=False)
    assert admit(FORCED, gone) == admit(RETRY, gone) == cancel("deleted")


def test_a_disabled_job_runs_only_by_hand() -> None:
    disabled = replace(FREE, enabled=False)
    assert starts(MANUAL, disabled)
    assert admit(SCHEDULED, disabled) == admit(RETRY, disabled) == cancel("disabled")


def test_a_pause_drops_occurrences_and_holds_what_waits_or_was_asked_for_without_force() -> None:
    paused = replace(FREE, paused=True)
    assert admit(SCHEDULED, paused) == skip("paused")
    assert admit(WAITING, paused) == wait("paused")
    assert admit(RETRY, paused) == wait("paused")
    assert admit(MANUAL, paused) == wait("paused")
    assert starts(FORCED, paused)


def test_a_retry_waits_for_its_time() -> None:
    assert admit(RETRY, replace(FREE, too_early=True)) == wait("retry")


@pytest.mark.parametrize("request_", [SCHEDULED, MANUAL, Request(trigger=Trigger.CATCH_UP)])
@pytest.mark.parametrize("active", [Facts(running=1), Facts(retrying=1), Facts(queued=1)])
def test_skip_drops_whatever_comes_while_the_job_is_active(request_: Request, active: Facts) -> None:
    assert admit(request_, active) == skip("overlap")


def test_queue_keeps_one() -> None:
    queue = replace(BUSY, overlap=OverlapPolicy.QUEUE)
    assert admit(SCHEDULED, queue) == wait("overlap")
    assert admit(SCHEDULED, replace(queue, queued=1)) == skip("queue_full")
    assert admit(SCHEDULED, replace(queue, running=0, retrying=1)) == wait("overlap")


def test_replace_takes_the_place_of_the_active_one() -> None:
    assert admit(SCHEDULED, replace(BUSY, overlap=OverlapPolicy.REPLACE)).verdict is Verdict.REPLACE
    assert starts(SCHEDULED, Facts(overlap=OverlapPolicy.REPLACE))


def test_allow_and_force_do_not_ask_about_others() -> None:
    assert starts(SCHEDULED, replace(BUSY, overlap=OverlapPolicy.ALLOW))
    assert starts(FORCED, BUSY)


@pytest.mark.parametrize("policy", [OverlapPolicy.SKIP, OverlapPolicy.QUEUE])
def test_one_of_several_to_catch_up_waits_for_its_turn(policy: OverlapPolicy) -> None:
    one = Request(trigger=Trigger.CATCH_UP, every=True)
    assert admit(one, Facts(overlap=policy, running=1, queued=5)) == wait("overlap")


@pytest.mark.parametrize("policy", [p for p in OverlapPolicy if p is not OverlapPolicy.ALLOW])
def test_what_waits_is_never_dropped_for_overlap(policy: OverlapPolicy) -> None:
    assert admit(WAITING, replace(BUSY, overlap=policy)) == wait("overlap")
    assert admit(WAITING, Facts(overlap=policy, retrying=1)) == wait("overlap")


def test_those_that_wait_do_not_wait_for_each_other() -> None:
    assert starts(WAITING, Facts(queued=3))
    assert starts(RETRY, Facts(retrying=3, queued=3))


def test_what_is_about_to_be_replaced_does_not_start() -> None:
    coming = Facts(overlap=OverlapPolicy.REPLACE, queued=1, arriving=1)
    back = Decision(Verdict.STAND_BACK, Reason.OVERLAP)
    assert admit(WAITING, coming) == admit(RETRY, coming) == back
    assert starts(WAITING, replace(coming, overlap=OverlapPolicy.QUEUE))


def test_a_skip_names_the_run_that_was_active() -> None:
    assert admit(SCHEDULED, replace(BUSY, active_run=7)) == Decision(Verdict.SKIP, Reason.OVERLAP, "7")


def test_capacity_binds_everybody() -> None:
    for request in (SCHEDULED, MANUAL, FORCED, WAITING, RETRY):
        assert admit(request, replace(FREE, slot_free=False)) == wait("limit")
        assert admit(request, replace(FREE, full_pool="web")) == wait("pool", "web")
        assert admit(request, replace(FREE, disk_full=True)) == wait("disk_full")


def test_nothing_that_waits_is_ever_skipped() -> None:
    flags = [False, True]
    for trigger, live, enabled, paused, free, policy, running in product(
        Trigger, flags, flags, flags, flags, OverlapPolicy, (0, 1)
    ):
        facts = Facts(
            live=live, enabled=enabled, paused=paused, slot_free=free, overlap=policy, running=running
        )
        verdict = admit(Request(trigger=trigger, waiting=True), facts).verdict
        assert verdict in (Verdict.START, Verdict.WAIT, Verdict.CANCEL)


# Gaps

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTELY = parse_schedule(("* * * * *",), "UTC", "test")
HOUR = timedelta(hours=1)


def minutes_due(first: datetime, now: datetime) -> Due:
    """What a job of every minute looks like when nobody has looked since just before ``first``."""
    times = list(MINUTELY.between(first - timedelta(seconds=1), now))
    return Due(job_id="j", schedule=MINUTELY, first=times[0], latest=times[-1], count=len(times))


def clock(hour: int, minute: int, second: int = 0) -> datetime:
    return NOON.replace(hour=hour, minute=minute, second=second)


@pytest.mark.parametrize("policy", list(CatchUp))
def test_an_occurrence_is_on_time_for_five_seconds(policy: CatchUp) -> None:
    due = minutes_due(NOON, NOON)
    assert catch_up(due, policy, timedelta(0), NOON + LATE) == GapPlan(on_time=(NOON,))
    assert catch_up(due, policy, timedelta(0), NOON + LATE + timedelta(milliseconds=1)).on_time == ()


def test_latest_runs_the_last_of_a_gap() -> None:
    plan = catch_up(minutes_due(clock(11, 0), clock(11, 59)), CatchUp.LATEST, HOUR, clock(11, 59, 30))
    missed = Missed(first=clock(11, 0), last=clock(11, 58), count=59, reason=Reason.SUPERSEDED)
    assert plan == GapPlan(missed=missed, late=(clock(11, 59),))


def test_latest_runs_nothing_late_when_one_is_on_time() -> None:
    plan = catch_up(minutes_due(clock(11, 58), NOON), CatchUp.LATEST, HOUR, NOON)
    missed = Missed(first=clock(11, 58), last=clock(11, 59), count=2, reason=Reason.SUPERSEDED)
    assert plan == GapPlan(missed=missed, on_time=(NOON,))


def test_beyond_the_window_everything_is_missed() -> None:
    due = minutes_due(clock(9, 0), clock(9, 30))
    missed = Missed(first=clock(9, 0), last=clock(9, 30), count=31, reason=Reason.LATE)
    assert catch_up(due, CatchUp.LATEST, HOUR, NOON) == GapPlan(missed=missed)
    assert catch_up(due, CatchUp.ALL, HOUR, NOON) == GapPlan(missed=missed)


def test_none_catches_nothing_up() -> None:
    missed = Missed(first=clock(11, 59), last=clock(11, 59), count=1, reason=Reason.NO_CATCH_UP)
    plan = catch_up(minutes_due(clock(11, 59), NOON), CatchUp.NONE, HOUR, NOON)
    assert plan == GapPlan(missed=missed, on_time=(NOON,))


def test_under_all_the_newest_of_a_gap_waits_for_the_older_ones_although_it_is_on_time() -> None:
    plan = catch_up(minutes_due(clock(11, 58), NOON), CatchUp.ALL, HOUR, NOON)
    assert plan.on_time == (NOON,)
    assert [request.every for _, request in plan.wanted()] == [True, True, True]
    alone = catch_up(minutes_due(NOON, NOON), CatchUp.ALL, HOUR, NOON)
    assert [request.every for _, request in alone.wanted()] == [False]
    first, rest = split(minutes_due(clock(11, 59), NOON), CatchUp.ALL, HOUR, NOON, 1)
    assert rest is not None
    assert [
        request.every
        for part in (first, rest)
        for _, request in catch_up(part, CatchUp.ALL, HOUR, NOON).wanted()
    ] == [True, True]


def test_all_runs_everything_within_the_window() -> None:
    due = minutes_due(clock(11, 50), clock(11, 59))
    plan = catch_up(due, CatchUp.ALL, timedelta(minutes=3), clock(11, 59, 30))
    assert plan.late == (clock(11, 57), clock(11, 58), clock(11, 59))
    assert plan.missed == Missed(first=clock(11, 50), last=clock(11, 56), count=7, reason=Reason.LATE)


@settings(max_examples=200, deadline=None)
@given(
    policy=st.sampled_from(CatchUp),
    age=st.integers(0, 7200),
    lateness=st.integers(0, 7200),
    window=st.integers(0, 7200),
)
def test_every_occurrence_of_a_gap_is_run_or_missed_exactly_once(
    policy: CatchUp, age: int, lateness: int, window: int
) -> None:
    latest = NOON - timedelta(minutes=lateness // 60)
    due = minutes_due(latest - timedelta(minutes=age // 60), latest)
    now = NOON + timedelta(seconds=lateness % 60)
    plan = catch_up(due, policy, timedelta(seconds=window), now)
    run = [when for when, _ in plan.wanted()]
    gone = (
        []
        if plan.missed is None
        else list(MINUTELY.between(plan.missed.first - timedelta(seconds=1), plan.missed.last))
    )
    assert [*gone, *run] == list(MINUTELY.between(due.first - timedelta(seconds=1), due.latest))
    assert plan.missed is None or plan.missed.count == len(gone)
    for when, request in plan.wanted():
        assert (request.trigger is Trigger.CATCH_UP) == (now - when > LATE)
        assert now - when <= max(timedelta(seconds=window), LATE)


def test_what_waited_through_a_restart_has_its_window_and_at_least_five_seconds() -> None:
    assert is_in_window(NOON, HOUR, NOON + HOUR)
    assert not is_in_window(NOON, HOUR, NOON + HOUR + timedelta(milliseconds=1))
    assert is_in_window(NOON, timedelta(0), NOON + LATE)
