"""What becomes of a gap: which of its occurrences run late, and which do not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.core.gap import LATE, GapPlan, Missed, catch_up, is_in_window, split
from jeeves_runner.core.model import CatchUp, Reason, Trigger
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due

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
