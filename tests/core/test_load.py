"""How many runs start in each minute."""

from datetime import UTC, datetime, timedelta
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.core.load import Counted, Peak, load_of, peak, per_minute
from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule_entry import Every

MIDNIGHT = datetime(2026, 11, 29, tzinfo=UTC)
starts = st.lists(st.integers(0, 600).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds)), max_size=40)


@given(starts)
def test_each_start_counts_in_its_minute(times: list[datetime]) -> None:
    load = per_minute(times)
    assert sum(load.values()) == len(times)
    for minute, count in load.items():
        assert count == sum(minute <= time < minute + timedelta(minutes=1) for time in times)


@given(starts)
def test_the_first_of_the_worst_minutes_is_the_peak(times: list[datetime]) -> None:
    load = per_minute(times)
    worst = peak(load)
    if worst is None:
        assert not times
        return
    assert worst.starts == max(load.values())
    assert all(count < worst.starts for minute, count in load.items() if minute < worst.minute)


entries = st.sampled_from(
    (
        "*/20 * * * * *",
        "*/5 * * * *",
        "30 2 * * *",
        "H H * * *",
        "0 3 * * 1",
        Every("7m"),
        Every("90s"),
    )
)
zones = st.sampled_from(("UTC", "Europe/Vienna", "Australia/Lord_Howe", "America/New_York"))
schedules = st.builds(
    parse_schedule,
    st.lists(entries, min_size=1, max_size=3),
    zones,
    st.sampled_from("ab"),
    st.just(("2026-10-26",)),
)
begins = st.integers(0, 86_400_000).map(
    lambda ms: datetime(2026, 10, 24, tzinfo=UTC) + timedelta(milliseconds=ms)
)


@given(
    st.lists(st.tuples(schedules, st.integers(-600, 7200)), max_size=3),
    begins,
    st.sampled_from((1, 59, 3_600, 20_000, 90_000)),
)
@settings(max_examples=30, deadline=None)
def test_a_load_is_that_of_the_single_starts(
    jobs: list[tuple[Schedule, int]], begin: datetime, seconds: int
) -> None:
    """Over the night on which Vienna's clocks are set back."""
    end = begin + timedelta(seconds=seconds)
    counted = [
        Counted(schedule, begin + timedelta(seconds=later), end - timedelta(seconds=later % 7))
        for schedule, later in jobs
    ]
    singly = per_minute(
        start
        for schedule, since, until in counted
        for start in schedule.between(max(begin, since) - timedelta(microseconds=1), end)
        if start < until
    )
    load = load_of(counted, begin, end)
    assert load == singly
    assert list(load) == sorted(load)


def test_a_schedule_costs_the_same_however_often_it_occurs_and_however_many_jobs_have_it() -> None:
    every_second = Counted(
        parse_schedule(("* * * * * *",), "Europe/Vienna", "a"), MIDNIGHT, MIDNIGHT + timedelta(days=1)
    )
    before = process_time()
    load = load_of([every_second] * 10_000, MIDNIGHT, MIDNIGHT + timedelta(days=1))
    assert process_time() - before < 2  # to visit each start would take hours
    assert set(load.values()) == {600_000}


def test_a_minute_begins_with_its_first_second() -> None:
    at = MIDNIGHT + timedelta(hours=2, seconds=59)
    assert peak(per_minute([at, at - timedelta(seconds=59)])) == Peak(MIDNIGHT + timedelta(hours=2), 2)
