"""What a plan changes of the days to come, held against all occurrences one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.searching import searched

from jeeves_runner.core import consequences
from jeeves_runner.core.consequences import AHEAD, Forecast, Retimed, Timing, forecast
from jeeves_runner.core.load import peak, per_minute
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.schedule_entry import At, Every, ScheduleEntry

NOW = datetime(2026, 10, 22, 13, 7, 31, 250_000, tzinfo=UTC)
"""Three days before clocks are set back."""

entries: st.SearchStrategy[ScheduleEntry] = st.sampled_from(
    [
        "0 2 * * *",
        "30 2 * * *",
        "*/5 * * * *",
        "H H * * *",
        "*/20 0 2 * * mon",
        "7 13 * * *",
        Every(every="37m"),
        Every(every="1h", start="2026-10-22T13:07:31Z"),
        At(at="2026-10-25T02:30"),
        At(at="2026-10-29T13:07:31Z"),
    ]
)
schedules = st.lists(entries, max_size=3).map(tuple)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"])
namespaces = st.sampled_from(["a", "b"])


def times_of(entries: tuple[ScheduleEntry, ...], zone: str, namespace: str) -> Schedule | None:
    return Timing(True, entries, zone, ()).times(namespace)


found = st.builds(times_of, schedules, zones, namespaces)


def week(schedule: Schedule | None) -> set[datetime]:
    return set() if schedule is None else set(schedule.between(NOW, NOW + AHEAD))


def changed(before: Schedule | None, after: Schedule | None, job_id: str = "job") -> Retimed:
    return Retimed(job_id, "UTC", before, after)


def told(changes: Sequence[Retimed], live: Sequence[Schedule] = ()) -> Forecast:
    return forecast(changes, live, NOW)


@searched(15)
@given(found, found)
def test_lost_and_gained_are_the_difference_of_the_weeks(
    before: Schedule | None, after: Schedule | None
) -> None:
    (job,) = told([changed(before, after)], [] if before is None else [before]).jobs
    lost, gained = sorted(week(before) - week(after)), sorted(week(after) - week(before))
    assert (job.lost, job.gained) == (len(lost), len(gained))
    assert (list(job.first_lost), list(job.first_gained)) == (lost[:3], gained[:3])


@searched(8)
@given(st.lists(found, max_size=3), st.lists(st.tuples(found, found), min_size=1, max_size=3))
def test_the_worst_minute_is_that_of_all_jobs_together(
    others: list[Schedule | None], pairs: list[tuple[Schedule | None, Schedule | None]]
) -> None:
    before = [each for each in (*others, *(old for old, _ in pairs)) if each is not None]
    after = [each for each in (*others, *(new for _, new in pairs)) if each is not None]
    peaks = told([changed(*pair) for pair in pairs], before).peaks
    assert peaks is not None
    for seen, jobs in ((peaks.before, before), (peaks.after, after)):
        assert seen == peak(per_minute(when for job in jobs for when in week(job)))


def test_nothing_is_looked_at_where_no_times_change() -> None:
    never: Sequence[Schedule] = ()
    assert told([], never) == Forecast(since=NOW, until=NOW + AHEAD)


def test_jobs_and_schedules_beyond_the_limits_are_counted_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consequences, "MOST_JOBS", 2)
    hourly = [times_of((f"{n} * * * *",), "UTC", "a") for n in range(4)]
    daily = [times_of((f"{n} 2 * * *",), "UTC", "a") for n in range(4)]
    changes = [changed(None, each, f"job{n}") for n, each in enumerate(daily)]
    result = told(changes)
    assert ([job.job_id for job in result.jobs], result.more) == (["job0", "job1"], 2)
    assert result.peaks is not None
    monkeypatch.setattr(consequences, "MOST_SCHEDULES", 3)
    assert told(changes).peaks is None
    assert told(changes[:3]).peaks is not None
    monkeypatch.setattr(consequences, "MOST_FREQUENT", 1)
    assert told([changed(None, each) for each in hourly[:1]]).peaks is not None
    assert told([changed(None, each) for each in hourly[:2]]).peaks is None


def test_a_night_that_touched_the_job_before_is_no_consequence() -> None:
    before = times_of(("30 2 * * *",), "Europe/Berlin", "a")
    after = times_of(("30 2 * * *", "0 12 * * *"), "Europe/Berlin", "a")
    (job,) = told([changed(before, after)]).jobs
    assert (job.gained, job.nights) == (7, ())
    (born,) = told([changed(None, before)]).jobs
    assert [night.effect for night in born.nights] == ["once", "moved"]


def test_days_are_cut_to_the_second() -> None:
    every = times_of((Every(every="1s"),), "UTC", "a")
    (job,) = told([changed(None, every)]).jobs
    assert job.gained == AHEAD // timedelta(seconds=1)
    assert job.first_gained[0] == NOW.replace(microsecond=0) + timedelta(seconds=1)
