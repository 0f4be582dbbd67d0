"""Which shifts of clocks touch a schedule, held against what the schedule then does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.core.schedule.nights import Night
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule_entry import RRule, ScheduleEntry

NOW = datetime(2026, 11, 29, 12, 0, 0, 500_000, tzinfo=UTC)
YEAR = NOW + timedelta(days=366)
DAY = timedelta(days=1)


def nights(*entries: ScheduleEntry, zone: str = "Europe/Berlin") -> list[Night]:
    return parse_schedule(entries, zone, "job").nights(NOW, YEAR)


def texts(*entries: ScheduleEntry, zone: str = "Europe/Berlin") -> list[str]:
    return [night.text(zone) for night in nights(*entries, zone=zone)]


@pytest.mark.parametrize("entry", ["30 2 * * *", RRule(rrule="FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0")])
def test_a_fixed_time_is_moved_in_spring_and_runs_once_in_autumn(entry: ScheduleEntry) -> None:
    assert texts(entry) == [
        "on 2027-03-28 in Europe/Berlin, 02:30 does not exist, and runs once at 03:00",
        "on 2027-10-31 in Europe/Berlin, 02:30 comes twice, and runs the first time only",
    ]


def test_steps_in_the_hour_alone_are_left_out_and_come_twice() -> None:
    assert texts("*/15 2 * * *") == [
        "on 2027-03-28 in Europe/Berlin, 02:00 and 3 more do not exist, and do not run",
        "on 2027-10-31 in Europe/Berlin, 02:00 and 3 more come twice, and run both times",
    ]


def test_steps_through_all_hours_are_not_touched() -> None:
    assert nights("*/15 * * * *", "7 * * * *") == []


def test_other_times_other_days_and_other_zones_are_not_touched() -> None:
    assert nights("30 4 * * *") == nights("30 2 * * mon") == nights("30 2 * * *", zone="UTC") == []


def test_the_south_has_its_nights_at_other_times() -> None:
    assert texts("15 2 * * *", zone="Australia/Lord_Howe") == [
        "on 2027-10-03 in Australia/Lord_Howe, 02:15 does not exist, and runs once at 02:30"
    ]


def test_a_night_tells_what_is_skipped() -> None:
    night, _ = nights("30 2 * * *")
    assert night.at == datetime(2027, 3, 28, 1)  # noqa: DTZ001 - naive UTC
    assert (night.begin.hour, night.end.hour, night.first.minute, night.times) == (2, 3, 30, 1)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 59),
    st.sampled_from(["0", "1", "2", "3", "1-3", "*/2", "*"]),
    st.sampled_from(["", "*/7", "*/30"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland"]),
)
def test_what_is_said_is_what_happens(minute: int, hour: str, step: str, zone: str) -> None:
    schedule = parse_schedule([f"{step or minute} {hour} * * *"], zone, "job")
    for night in schedule.nights(NOW, YEAR):
        at = night.at.replace(tzinfo=UTC)
        length = night.end - night.begin
        during = schedule.count(at - timedelta(seconds=1) - length, at - timedelta(seconds=1))
        after = schedule.count(at - timedelta(seconds=1), at - timedelta(seconds=1) + length)
        match night.effect:
            case "moved":
                assert schedule.next_after(at - timedelta(seconds=1)) == at
            case "once":
                assert during == night.times
            case "twice":
                assert (during, after) == (night.times, night.times)
            case "left_out":
                usual = schedule.count(at - 7 * DAY, at - 6 * DAY)
                assert schedule.count(at - DAY / 2, at + DAY / 2 - length) < usual or hour == "*/2"
