"""What becomes of a gap: which of its occurrences run late, and which do not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.searching import searched

from jeeves_runner.core.gap import LATE, GapPlan, LeftOut, catch_up, is_in_window, split
from jeeves_runner.core.model import CatchUp, Reason, Trigger
from jeeves_runner.core.run import PausedTime, SkippedTime
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTELY = parse_schedule(("* * * * *",), "UTC", "test")
HOUR = timedelta(hours=1)


def minutes_due(first: datetime, now: datetime) -> Due:
    """What a job of every minute looks like after no look since just before ``first``."""
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
    missed = LeftOut(first=clock(11, 0), last=clock(11, 58), count=59, reason=Reason.SUPERSEDED)
    assert plan == GapPlan(left_out=(missed,), late=(clock(11, 59),))


def test_latest_runs_nothing_late_when_one_is_on_time() -> None:
    plan = catch_up(minutes_due(clock(11, 58), NOON), CatchUp.LATEST, HOUR, NOON)
    missed = LeftOut(first=clock(11, 58), last=clock(11, 59), count=2, reason=Reason.SUPERSEDED)
    assert plan == GapPlan(left_out=(missed,), on_time=(NOON,))


def test_beyond_the_window_everything_is_missed() -> None:
    due = minutes_due(clock(9, 0), clock(9, 30))
    missed = LeftOut(first=clock(9, 0), last=clock(9, 30), count=31, reason=Reason.LATE)
    assert catch_up(due, CatchUp.LATEST, HOUR, NOON) == GapPlan(left_out=(missed,))
    assert catch_up(due, CatchUp.ALL, HOUR, NOON) == GapPlan(left_out=(missed,))


def test_none_catches_nothing_up() -> None:
    missed = LeftOut(first=clock(11, 59), last=clock(11, 59), count=1, reason=Reason.NO_CATCH_UP)
    plan = catch_up(minutes_due(clock(11, 59), NOON), CatchUp.NONE, HOUR, NOON)
    assert plan == GapPlan(left_out=(missed,), on_time=(NOON,))


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
    assert plan.left_out == (LeftOut(first=clock(11, 50), last=clock(11, 56), count=7, reason=Reason.LATE),)


def paused(*spans: tuple[tuple[int, int], tuple[int, int]]) -> list[PausedTime]:
    """Pauses between such times of the clock."""
    return [PausedTime(clock(*begin), clock(*end)) for begin, end in spans]


def left(first: datetime, last: datetime, count: int, reason: Reason) -> LeftOut:
    return LeftOut(first=first, last=last, count=count, reason=reason)


@pytest.mark.parametrize("policy", list(CatchUp))
def test_a_pause_holds_from_its_first_moment_until_just_before_its_end(policy: CatchUp) -> None:
    pauses = paused(((11, 58), (12, 0)))
    plan = catch_up(minutes_due(clock(11, 58), NOON), policy, HOUR, NOON, pauses)
    assert plan == GapPlan(left_out=(left(clock(11, 58), clock(11, 59), 2, Reason.PAUSED),), on_time=(NOON,))


def test_of_a_gap_with_a_pause_the_latest_outside_of_it_runs() -> None:
    now = clock(11, 59, 30)
    due = minutes_due(clock(11, 0), now)
    inside = catch_up(due, CatchUp.LATEST, HOUR, now, paused(((11, 10), (11, 20))))
    assert inside == GapPlan(
        left_out=(
            left(clock(11, 0), clock(11, 9), 10, Reason.SUPERSEDED),
            left(clock(11, 10), clock(11, 19), 10, Reason.PAUSED),
            left(clock(11, 20), clock(11, 58), 39, Reason.SUPERSEDED),
        ),
        late=(clock(11, 59),),
    )
    at_its_end = catch_up(due, CatchUp.LATEST, HOUR, now, paused(((11, 10), (13, 0))))
    assert at_its_end == GapPlan(
        left_out=(
            left(clock(11, 0), clock(11, 8), 9, Reason.SUPERSEDED),
            left(clock(11, 10), clock(11, 59), 50, Reason.PAUSED),
        ),
        late=(clock(11, 9),),
    )


@pytest.mark.parametrize("policy", list(CatchUp))
def test_a_pause_in_which_nothing_fell_makes_no_row_of_two(policy: CatchUp) -> None:
    due = minutes_due(clock(9, 0), clock(11, 0))
    between = [PausedTime(clock(9, 30, 10), clock(9, 30, 50)), PausedTime(clock(9, 40, 10), clock(9, 40, 50))]
    assert catch_up(due, policy, HOUR, NOON, between) == catch_up(due, policy, HOUR, NOON)


def test_what_is_on_time_and_paused_takes_nobodys_place() -> None:
    plan = catch_up(minutes_due(clock(11, 59), NOON), CatchUp.LATEST, HOUR, NOON, paused(((12, 0), (12, 1))))
    assert plan == GapPlan(left_out=(left(NOON, NOON, 1, Reason.PAUSED),), late=(clock(11, 59),))


def test_pauses_that_overlap_or_touch_are_as_one() -> None:
    spans = paused(((11, 15), (11, 20)), ((11, 0), (11, 10)), ((11, 5), (11, 8)), ((11, 10), (11, 15)))
    plan = catch_up(minutes_due(clock(11, 0), clock(11, 20)), CatchUp.NONE, HOUR, NOON, spans)
    assert plan.left_out == (
        left(clock(11, 0), clock(11, 19), 20, Reason.PAUSED),
        left(clock(11, 20), clock(11, 20), 1, Reason.NO_CATCH_UP),
    )


def test_a_pause_that_a_clock_set_back_has_ended_before_it_began_is_none() -> None:
    plan = catch_up(minutes_due(NOON, NOON), CatchUp.NONE, HOUR, NOON, paused(((12, 30), (11, 30))))
    assert plan == GapPlan(on_time=(NOON,))


def test_what_is_paused_takes_no_place_in_a_portion() -> None:
    pauses = paused(((11, 2), (11, 50)))
    due = minutes_due(clock(11, 0), clock(11, 59))
    part, rest = split(due, CatchUp.ALL, HOUR, NOON, 3, pauses)
    assert rest is not None
    assert (part.first, part.latest, part.count) == (clock(11, 0), clock(11, 50), 51)
    assert (rest.first, rest.latest, rest.count) == (clock(11, 51), clock(11, 59), 9)
    first, rest = split(due, CatchUp.ALL, HOUR, NOON, 2, pauses)
    assert rest is not None
    assert (first.latest, first.count, rest.first, rest.count) == (clock(11, 1), 2, clock(11, 2), 58)


# What people skip


def skipped(when: datetime, reason: str | None = None) -> LeftOut:
    return LeftOut(first=when, last=when, count=1, reason=Reason.SKIP, message=reason)


@pytest.mark.parametrize("policy", list(CatchUp))
def test_what_is_skipped_does_not_run_on_time_nor_late(policy: CatchUp) -> None:
    skips = [SkippedTime(NOON, "on holiday"), SkippedTime(clock(11, 58))]
    plan = catch_up(minutes_due(clock(11, 58), NOON), policy, HOUR, NOON, (), skips)
    assert [each for each in plan.left_out if each.reason is Reason.SKIP] == [
        skipped(clock(11, 58)),
        skipped(NOON, "on holiday"),
    ]
    assert plan.late == (() if policy is CatchUp.NONE else (clock(11, 59),))
    assert plan.on_time == ()


def test_a_skip_divides_a_pause_and_what_is_missed() -> None:
    skips = [SkippedTime(clock(11, minute)) for minute in (2, 6)]
    plan = catch_up(
        minutes_due(clock(11, 0), clock(11, 9)), CatchUp.NONE, HOUR, NOON, paused(((11, 4), (11, 8))), skips
    )
    assert plan.left_out == (
        left(clock(11, 0), clock(11, 1), 2, Reason.NO_CATCH_UP),
        skipped(clock(11, 2)),
        left(clock(11, 3), clock(11, 3), 1, Reason.NO_CATCH_UP),
        left(clock(11, 4), clock(11, 5), 2, Reason.PAUSED),
        skipped(clock(11, 6)),
        left(clock(11, 7), clock(11, 7), 1, Reason.PAUSED),
        left(clock(11, 8), clock(11, 9), 2, Reason.NO_CATCH_UP),
    )


@pytest.mark.parametrize("when", [clock(10, 59), clock(11, 0, 30), clock(11, 3)])
def test_a_skip_of_what_is_no_occurrence_of_the_gap_counts_for_nothing(when: datetime) -> None:
    due = minutes_due(clock(11, 0), clock(11, 2))
    assert catch_up(due, CatchUp.ALL, HOUR, NOON, (), [SkippedTime(when)]) == (
        catch_up(due, CatchUp.ALL, HOUR, NOON)
    )


def test_an_occurrence_that_is_skipped_twice_is_left_out_once() -> None:
    skips = [SkippedTime(NOON, "one"), SkippedTime(NOON, None)]
    plan = catch_up(minutes_due(NOON, NOON), CatchUp.LATEST, HOUR, NOON, (), skips)
    assert plan == GapPlan(left_out=(skipped(NOON, "one"),))


def test_what_is_skipped_takes_no_place_in_a_portion() -> None:
    skips = [SkippedTime(clock(11, minute)) for minute in (1, 2)]
    part, rest = split(minutes_due(clock(11, 0), clock(11, 9)), CatchUp.ALL, HOUR, NOON, 2, (), skips)
    assert rest is not None
    assert (part.latest, part.count, rest.first, rest.count) == (clock(11, 3), 4, clock(11, 4), 6)


@searched(150)
@given(
    policy=st.sampled_from(CatchUp),
    age=st.integers(0, 7200),
    lateness=st.integers(0, 7200),
    window=st.integers(0, 7200),
    spans=st.lists(st.tuples(st.integers(-9000, 600), st.integers(-60, 4000)), max_size=4),
    skipped_minutes=st.sets(st.integers(-150, 10), max_size=6),
    limit=st.integers(1, 90),
)
def test_every_occurrence_of_a_gap_is_run_or_left_out_exactly_once(
    policy: CatchUp,
    age: int,
    lateness: int,
    window: int,
    spans: list[tuple[int, int]],
    skipped_minutes: set[int],
    limit: int,
) -> None:
    latest = NOON - timedelta(minutes=lateness // 60)
    due = minutes_due(latest - timedelta(minutes=age // 60), latest)
    now = NOON + timedelta(seconds=lateness % 60)
    starts = [(NOON + timedelta(seconds=begin), timedelta(seconds=length)) for begin, length in spans]
    pauses = [PausedTime(begin, begin + length) for begin, length in starts]
    skips = [SkippedTime(NOON + timedelta(minutes=minute), str(minute)) for minute in skipped_minutes]
    unwanted = {skip.when: skip.reason for skip in skips}
    found: list[datetime] = []
    rest: Due | None = due
    while rest is not None:
        part, rest = split(rest, policy, timedelta(seconds=window), now, limit, pauses, skips)
        plan = catch_up(part, policy, timedelta(seconds=window), now, pauses, skips)
        for left_out in plan.left_out:
            gone = list(MINUTELY.between(left_out.first - timedelta(seconds=1), left_out.last))
            assert (left_out.count, left_out.last) == (len(gone), gone[-1])
            found += gone
            if left_out.reason is Reason.SKIP:
                assert (left_out.count, left_out.message) == (1, unwanted[left_out.first])
                continue
            is_paused = left_out.reason is Reason.PAUSED
            assert all(any(begin <= when < end for begin, end in pauses) is is_paused for when in gone)
            assert not unwanted.keys() & set(gone)
        for when, request in plan.wanted():
            assert (request.trigger is Trigger.CATCH_UP) == (now - when > LATE)
            assert now - when <= max(timedelta(seconds=window), LATE)
            assert not any(begin <= when < end for begin, end in pauses)
            assert when not in unwanted
            found.append(when)
    assert sorted(found) == list(MINUTELY.between(due.first - timedelta(seconds=1), due.latest))


def test_what_waited_through_a_restart_has_its_window_and_at_least_five_seconds() -> None:
    assert is_in_window(NOON, HOUR, NOON + HOUR)
    assert not is_in_window(NOON, HOUR, NOON + HOUR + timedelta(milliseconds=1))
    assert is_in_window(NOON, timedelta(0), NOON + LATE)
