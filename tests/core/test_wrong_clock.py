"""What a clock that was set means: for waits, watermarks, starts, and for the age of what is deleted."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.wrong_clock import (
    FAR,
    JUMP,
    LEAP,
    REST,
    Reading,
    Rest,
    StartClock,
    Step,
    judge_start,
    rest_after,
    rest_at_start,
    step,
    time_left,
    time_of_age,
    undecided_since,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NONE = timedelta(0)
YEAR = timedelta(days=365)

lengths = st.timedeltas(min_value=NONE, max_value=10 * YEAR)
errors = st.timedeltas(min_value=-5 * YEAR, max_value=5 * YEAR)
times = errors.map(lambda error: NOON + error)


def reading(wall: datetime, boot: float, awake: float) -> Reading:
    return Reading(wall=wall, boot=boot, awake=awake)


# Steps


@given(st.integers(0, 10**6), st.integers(0, 10**6), errors)
def test_a_step_is_what_the_wall_clock_has_more_than_boot_time(awake: int, slept: int, by: timedelta) -> None:
    passed = timedelta(seconds=awake + slept)
    found = step(reading(NOON, 0, 0), reading(NOON + passed + by, awake + slept, awake))
    assert found.by == (by if abs(by) > JUMP else NONE)
    assert found.slept == (timedelta(seconds=slept) if slept > 5 else NONE)
    assert found.is_back == (by < -JUMP)


def test_a_suspend_is_no_step() -> None:
    found = step(reading(NOON, 100, 100), reading(NOON + timedelta(hours=9), 100 + 9 * 3600, 101))
    assert (found.by, found.slept) == (NONE, timedelta(hours=9) - timedelta(seconds=1))


# Waits


@given(times, lengths, times)
def test_no_wait_lasts_longer_than_its_length(until: datetime, length: timedelta, now: datetime) -> None:
    left = time_left(until, length, now)
    assert NONE <= left <= length
    assert left == NONE or left <= until - now


@given(times, lengths, lengths)
def test_a_wait_that_a_right_clock_has_dated_ends_when_it_was_to(
    began: datetime, length: timedelta, passed: timedelta
) -> None:
    now = began + passed
    assert now + time_left(began + length, length, now) == max(now, began + length)


@given(times, times)
def test_an_end_that_a_person_named_stays_what_it_is(until: datetime, now: datetime) -> None:
    assert now + time_left(until, None, now) == max(now, until)


# Watermarks


@given(times, st.none() | times, times)
def test_a_job_goes_on_at_most_three_hours_from_now(
    since: datetime, watermark: datetime | None, now: datetime
) -> None:
    after = undecided_since(since, watermark, now)
    assert after <= now + FAR
    assert after >= min(since, now)
    if watermark is not None and watermark <= now + FAR:
        assert after >= watermark


def test_a_job_goes_on_from_now_where_a_clock_was_ahead() -> None:
    assert undecided_since(NOON + YEAR, None, NOON) == NOON
    assert undecided_since(NOON - YEAR, NOON + timedelta(hours=3, seconds=1), NOON) == NOON
    assert undecided_since(NOON - YEAR, NOON + timedelta(hours=3), NOON) == NOON + timedelta(hours=3)


# Starts


@given(times, times)
def test_a_start_is_behind_or_after_a_leap_or_neither(newest: datetime, now: datetime) -> None:
    start = judge_start(newest, now)
    assert start.is_far_behind == (newest - now > FAR)
    assert bool(start.behind) == (newest - now > JUMP)
    assert start.is_leap == (now - newest > LEAP)


def test_the_first_start_has_nothing_to_compare_its_clock_with() -> None:
    assert judge_start(None, NOON) == StartClock()


# The age of things


def clocks(steps: list[tuple[int, timedelta]]) -> tuple[Rest | None, datetime, timedelta]:
    """After so many seconds of uptime each, the wall clock is set by so much: the rest, the wall clock, and
    the uptime of all."""
    rest, wall, boot = None, NOON, 0
    for awake, by in steps:
        before, began = wall, boot
        wall, boot = wall + timedelta(seconds=awake) + by, boot + awake
        rest = rest_after(rest, step(reading(before, began, began), reading(wall, boot, boot)), before)
    return rest, wall, timedelta(seconds=boot)


leaps = st.timedeltas(min_value=LEAP + 2 * JUMP, max_value=5 * YEAR)
steps = st.lists(st.tuples(st.integers(0, 8_000), errors), max_size=9)


@given(leaps, steps)
def test_for_a_day_of_uptime_a_leap_makes_nothing_older(
    leap: timedelta, later: list[tuple[int, timedelta]]
) -> None:
    rest, wall, uptime = clocks([(0, leap), *later])
    assert time_of_age(rest, wall) <= NOON + uptime


@given(leaps, st.integers(0, 86_399))
def test_after_a_day_of_uptime_the_clock_is_believed(leap: timedelta, seconds: int) -> None:
    assert clocks([(0, leap), (seconds, NONE)])[0] is not None
    rest, wall, _ = clocks([(0, leap), (seconds, NONE), (86_400 - seconds, NONE)])
    assert time_of_age(rest, wall) == wall


@given(steps)
def test_without_a_leap_the_clock_is_believed(few: list[tuple[int, timedelta]]) -> None:
    rest, wall, _ = clocks([(awake, min(by, LEAP)) for awake, by in few])
    assert time_of_age(rest, wall) == wall


def test_a_start_long_after_the_last_one_rests_for_a_day_of_uptime() -> None:
    newest, now = NOON, NOON + timedelta(days=400)
    rest = rest_at_start(None, newest, judge_start(newest, now))
    assert rest is not None
    assert time_of_age(rest, now) == NOON
    later = rest.after(timedelta(hours=23))
    assert later is not None
    assert time_of_age(later, now + timedelta(hours=23)) == NOON + timedelta(hours=23)
    assert later.after(timedelta(hours=1)) is None


def test_a_rest_goes_on_over_a_restart() -> None:
    rest = Rest(NOON, timedelta(hours=2))
    soon = NOON + timedelta(days=400)
    assert rest_at_start(rest, soon, judge_start(soon, soon + timedelta(minutes=1))) == rest


def test_a_clock_put_right_during_a_rest_is_believed() -> None:
    assert time_of_age(Rest(NOON, REST), NOON - timedelta(minutes=1)) == NOON - timedelta(minutes=1)


def test_small_steps_begin_no_rest() -> None:
    assert rest_after(None, Step(by=LEAP), NOON) is None
    assert rest_after(None, Step(by=LEAP + JUMP), NOON) == Rest(NOON, REST)
