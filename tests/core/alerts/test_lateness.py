"""When a run is late, too long, or longer than the time to the next one: decided from times alone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jeeves_runner.core.alert_spec import Expect
from jeeves_runner.core.alerts.due_times import end_by, interval
from jeeves_runner.core.alerts.lateness import (
    LEAST,
    Bounds,
    Standing,
    longest,
    next_look,
    start_by,
    wrong,
)
from jeeves_runner.core.alerts.lateness_words import About, facts_of
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import Reason
from jeeves_runner.core.schedule.schedule import parse_schedule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")

lengths = st.integers(0, 7_200_000).map(lambda ms: timedelta(milliseconds=ms))
instants = lengths.map(lambda length: NOON + length)
bounds = st.builds(
    Bounds,
    start_by=st.none() | instants,
    end_by=st.none() | instants,
    longest=st.none() | lengths,
    interval=st.none() | lengths.filter(bool),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Bounds


def test_nothing_is_expected_of_a_run_by_default() -> None:
    assert start_by(NOON, Expect()) is None
    assert end_by(NOON, Expect(), "UTC") is None
    assert longest(Expect(), None) is None


@pytest.mark.parametrize(
    ("usual", "most"), [(1, LEAST), (150_000, LEAST), (150_001, timedelta(milliseconds=300_002))]
)
def test_a_run_may_take_twice_its_usual_time_and_five_minutes_at_least(usual: int, most: timedelta) -> None:
    assert longest(Expect(), usual) == most


def test_what_people_say_takes_the_place_of_what_is_usual() -> None:
    assert longest(Expect(finish_within_ms=1_000), 3_600_000) == timedelta(seconds=1)
    assert longest(Expect(finish_by="08:00"), 1_000) is None


@pytest.mark.parametrize(
    ("scheduled", "by", "zone", "found"),
    [
        ("2026-03-01T03:00", "08:00", "UTC", "2026-03-01T08:00"),
        ("2026-03-01T08:00", "08:00", "UTC", "2026-03-02T08:00"),
        ("2026-03-01T23:00", "08:00", "UTC", "2026-03-02T08:00"),
        ("2026-01-15T02:00", "08:00", "Europe/Berlin", "2026-01-15T07:00"),
        # The day on which the clocks go forward, from 02:00 to 03:00; and 02:30, which they skip.
        ("2026-03-28T23:30", "08:00", "Europe/Berlin", "2026-03-29T06:00"),
        ("2026-03-28T23:30", "02:30", "Europe/Berlin", "2026-03-29T01:00"),
        # The day on which they go back, from 03:00 to 02:00: 02:30 comes twice.
        ("2026-10-24T23:30", "08:00", "Europe/Berlin", "2026-10-25T07:00"),
        ("2026-10-24T23:30", "02:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25T00:40", "02:30", "Europe/Berlin", "2026-10-25T01:30"),
        ("2026-10-25T01:40", "02:30", "Europe/Berlin", "2026-10-26T01:30"),
    ],
)
def test_a_run_ends_by_the_first_such_time_on_the_clocks(
    scheduled: str, by: str, zone: str, found: str
) -> None:
    assert end_by(utc(scheduled), Expect(finish_by=by), zone) == utc(found)


@pytest.mark.parametrize("by", ["", "8", "25:00", "noon", "08:00:00"])
def test_a_time_that_is_none_is_not_expected(by: str) -> None:
    assert end_by(NOON, Expect(finish_by=by), "UTC") is None
    assert end_by(NOON, Expect(finish_by="08:00"), "Europe/Nowhere") is None


@settings(deadline=None)
@given(
    st.integers(0, 525_600).map(lambda minutes: utc("2026-01-01T00:00") + minutes * MINUTE),
    st.integers(0, 1439),
    st.sampled_from(ZONES),
)
@example(utc("2026-10-25T00:40"), 150, "Europe/Berlin")
@example(utc("2026-03-29T00:59"), 150, "Europe/Berlin")
@example(utc("2026-04-04T14:50"), 105, "Australia/Lord_Howe")
def test_that_time_is_the_first_at_which_the_clocks_show_or_skip_it(
    scheduled: datetime, minute: int, zone: str
) -> None:
    """Against a walk, minute by minute, by the clocks of the zone."""
    clocks = ZoneInfo(zone)
    instant, local = scheduled, scheduled.astimezone(clocks).replace(tzinfo=None)
    passed: list[datetime] = []
    while not any(60 * each.hour + each.minute == minute for each in passed):
        instant, before = instant + MINUTE, local
        local = instant.astimezone(clocks).replace(tzinfo=None)
        passed = [before + n * MINUTE for n in range(1, round((local - before) / MINUTE) + 1)]
    by = f"{minute // 60:02}:{minute % 60:02}"
    assert end_by(scheduled, Expect(finish_by=by), zone) == instant


def test_the_interval_is_the_time_to_the_next_occurrence() -> None:
    working_hours = parse_schedule(["0 9-17 * * 1-5"], "UTC", "")
    assert interval(working_hours, utc("2026-02-27T09:00")) == timedelta(hours=1)
    assert interval(working_hours, utc("2026-02-27T17:00")) == timedelta(hours=64)
    assert interval(parse_schedule([], "UTC", ""), NOON) is None


# Judgement


@pytest.mark.parametrize(
    ("standing", "causes"),
    [
        (Standing(NOON + 5 * MINUTE, None), []),
        (Standing(NOON + 5.001 * MINUTE, None), [Cause.LATE]),
        (Standing(NOON + 40 * MINUTE, NOON + 5 * MINUTE, 10 * MINUTE), []),
        (Standing(NOON + 40 * MINUTE, NOON + 6 * MINUTE, 10 * MINUTE), [Cause.LATE]),
        (Standing(NOON + 40 * MINUTE, NOON, 20.001 * MINUTE), [Cause.OVERRUN]),
        (Standing(NOON + 50 * MINUTE, NOON, 10 * MINUTE), []),
        (Standing(NOON + 51 * MINUTE, NOON, 10 * MINUTE), [Cause.OVERRUN]),
        (Standing(NOON + 51 * MINUTE, None), [Cause.LATE, Cause.OVERRUN]),
        (Standing(NOON + 30 * MINUTE, NOON, 30 * MINUTE), [Cause.OVERRUN, Cause.OUTLASTS]),
    ],
)
def test_a_run_is_held_against_its_bounds(standing: Standing, causes: list[Cause]) -> None:
    expected = Bounds(NOON + 5 * MINUTE, NOON + 50 * MINUTE, 20 * MINUTE, 30 * MINUTE)
    assert list(wrong(standing, expected)) == causes


@settings(deadline=None)
@given(bounds, st.none() | instants, lengths)
def test_what_is_beyond_a_bound_stays_so_as_time_passes(
    expected: Bounds, started_at: datetime | None, length: timedelta
) -> None:
    last: set[Cause] = set()
    for minute in range(0, 130, 10):
        passed = length if started_at is None else length + minute * MINUTE
        found = set(wrong(Standing(NOON + minute * MINUTE, started_at, passed), expected))
        assert last <= found
        last = found


@settings(deadline=None)
@given(bounds, st.booleans(), st.integers(61, 7_300))
def test_no_bound_passes_before_the_next_look(expected: Bounds, is_running: bool, step: int) -> None:
    """A watch that looks only when it is to, told by any clock, finds all that a watch without rest finds."""
    told: set[Cause] = set()
    at, length = NOON, timedelta(0)
    while at < NOON + timedelta(hours=2, minutes=1):
        standing = Standing(at, NOON if is_running else None, length if is_running else timedelta(0))
        coming = next_look(standing, expected.without(told))
        now_wrong = set(wrong(standing, expected))
        is_due = (coming.at is not None and at > coming.at) or (
            coming.length is not None and standing.length >= coming.length
        )
        assert is_due or now_wrong <= told
        told |= now_wrong
        at, length = at + timedelta(seconds=step), length + timedelta(seconds=step)


# Words


@pytest.mark.parametrize(
    ("cause", "standing", "about", "words"),
    [
        (
            Cause.LATE,
            Standing(NOON + 10 * MINUTE, None),
            About(NOON, "Europe/Berlin"),
            "has not started 10m after 13:00 (expected within 5m)",
        ),
        (
            Cause.LATE,
            Standing(NOON + 60 * MINUTE, NOON + 12 * MINUTE),
            About(NOON, "UTC", is_over=True),
            "started 12m after 12:00 (expected within 5m)",
        ),
        (
            Cause.OVERRUN,
            Standing(NOON + 123 * MINUTE, NOON, 123 * MINUTE),
            About(NOON, "UTC", usual_ms=2_400_000),
            "still runs after 2h 3m, usually 40m",
        ),
        (
            Cause.OVERRUN,
            Standing(NOON + 123 * MINUTE, NOON, 123 * MINUTE),
            About(NOON, "UTC", is_over=True),
            "ran for 2h 3m (expected within 1h)",
        ),
        (
            Cause.OVERRUN,
            Standing(NOON + 91 * MINUTE, None),
            About(NOON, "Europe/Berlin"),
            "has not ended by 14:30",
        ),
        (
            Cause.OVERRUN,
            Standing(NOON + 95 * MINUTE, NOON, 50 * MINUTE),
            About(NOON, "UTC", is_over=True),
            "ended at 13:35 (expected by 13:30)",
        ),
        (
            Cause.OUTLASTS,
            Standing(NOON + 60 * MINUTE, NOON, 60 * MINUTE),
            About(NOON, "UTC"),
            "takes longer than the time to its next run (1h)",
        ),
    ],
)
def test_the_words_say_what_is_and_what_was_expected(
    cause: Cause, standing: Standing, about: About, words: str
) -> None:
    expected = Bounds(NOON + 5 * MINUTE, NOON + 90 * MINUTE, 60 * MINUTE, 60 * MINUTE)
    assert facts_of(cause, standing, expected, about) == {"words": words}


def test_a_run_that_has_not_started_says_what_it_waits_for() -> None:
    standing, expected = Standing(NOON + 10 * MINUTE, None), Bounds(start_by=NOON)
    about = About(NOON, "UTC", waits=(Reason.POOL, "gpu"))
    assert facts_of(Cause.LATE, standing, expected, about)["lines"] == [["Waits for", "a place in pool gpu"]]
