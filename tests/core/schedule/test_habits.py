"""What is said of schedules that may not be meant so."""

from datetime import UTC, datetime

import pytest

from jeeves_runner.core.schedule.habits import Habit, warnings
from jeeves_runner.core.schedule_entry import At, Every, RRule, ScheduleEntry

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAILY = "FREQ=DAILY"


def of(*entries: ScheduleEntry, zone: str = "Europe/Berlin", exclude: tuple[str, ...] = ()) -> list[Habit]:
    return list(warnings(entries, zone, "ns", exclude, NOW))


def said(entry: ScheduleEntry, zone: str = "Europe/Berlin", exclude: tuple[str, ...] = ()) -> str:
    """The one warning with its hint."""
    (habit,) = of(entry, zone=zone, exclude=exclude)
    return f"{habit.message} | {habit.hint}"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "*/40 * * * *",
            "`*/40` begins anew with each hour: the step before that has 20 minutes, not 40",
        ),
        ("*/40 * * * *", "for steps of 40 minutes throughout write `{every: 40m}`"),
        ("5/25 8-18 * * *", "`5/25` begins anew with each hour: the step before that has 10 minutes, not 25"),
        ("*/59 * * * *", "the step before that has 1 minute, not 59"),
        ("*/7 * * * * *", "`*/7` begins anew with each minute: the step before that has 4 seconds, not 7"),
        ("0 */5 * * *", "`*/5` begins anew with each day: the step before that has 4 hours, not 5"),
        ("0 9 */2 * *", "`*/2` begins anew with each month: the step before that has another length"),
        ("0 9 1 */5 *", "`*/5` begins anew with each year: the step before that has 2 months, not 5"),
        (
            "H/40 * * * *",
            "`H/40` is two of the minutes of each hour for this job, and one for jobs",
        ),
        ("H/40 9 * * *", "write `H` for one, or for steps of 40 minutes throughout `{every: 40m}`"),
        ("0 9 * * */2", "`*/2` begins anew with each week: the step before that has 1 weekday, not 2"),
    ],
)
def test_uneven_steps(expression: str, message: str) -> None:
    assert message in said(expression, "UTC")


@pytest.mark.parametrize(
    "expression",
    [
        "*/15 * * * *",
        "*/40 9 * * *",  # two times a day, and no steps through the hours
        "0 */6 * * *",
        "0 */5 * * mon",
        "0 9 1/31 * *",
        "*/60 * * * *",
        "0 9 * * 1/2",
        "H/11 * * * *",
        "H/7 * * * *",
        "H/30 * * * *",
        "H/60 * * * *",
        "H(0-29)/20 * * * *",
        "0 H/12 * * *",
        "0-50/20 * * * *",
        "* * * * * *",
        "*/15 * * * * *",
        "0 */15 * * * *",
        "@hourly",
    ],
)
def test_what_is_usual_is_no_habit(expression: str) -> None:
    assert of(expression) == []


@pytest.mark.parametrize(
    ("expression", "runs", "instead"),
    [
        ("* */15 * * * *", 240, "*/15 * * * *"),
        ("* 0 9 * * *", 60, "0 9 * * *"),
        ("* 5-9 * * * *", 300, "5-9"),
    ],
)
def test_six_fields_where_five_are_meant(expression: str, runs: int, instead: str) -> None:
    message = said(expression)
    assert f"it starts {runs} runs an hour" in message
    assert f"write `{instead}" in message


@pytest.mark.parametrize(
    ("every", "instead"),
    [
        ("24h", "`0 9 * * *`"),
        ("1d", "`0 9 * * *`"),
        ("7d", "`0 9 * * mon`"),
        ("48h", '`{rrule: "FREQ=DAILY;INTERVAL=2", start:'),
    ],
)
def test_whole_days_of_elapsed_time_name_cron(every: str, instead: str) -> None:
    assert instead in said(Every(every))
    assert of(Every("25h")) == of(Every("90m", "2026-01-01")) == []


@pytest.mark.parametrize(
    ("entry", "last"),
    [
        (At("2026-01-01T09:00"), "2026-01-01T08:00:00Z"),
        (RRule("FREQ=DAILY;UNTIL=20260201"), "2026-01-31T23:00:00Z"),
        (RRule("FREQ=DAILY;COUNT=3", "2026-02-01T12:00"), "2026-02-03T11:00:00Z"),
        (At("2027-01-01T09:00Z"), "2027-01-01T09:00:00Z"),
    ],
)
def test_what_has_an_end_runs_out_then(entry: At | RRule, last: str) -> None:
    (habit,) = (each for each in of(entry) if each.code == "run_out")
    assert f"has run out: its last time was {last}" in habit.message
    assert habit.since == datetime.fromisoformat(last)


def test_exclusions_bring_an_end_forward() -> None:
    rule = RRule("FREQ=DAILY;COUNT=3;BYHOUR=12", "2026-02-01T12:00")
    assert "its last time was 2026-02-02T11:00:00Z" in said(rule, exclude=("2026-02-03",))


@pytest.mark.parametrize("entry", [RRule(DAILY), RRule("FREQ=MONTHLY;BYDAY=-1FR"), Every("5m"), "@daily"])
def test_what_has_no_end_does_not_run_out(entry: ScheduleEntry) -> None:
    assert of(entry) == []


@pytest.mark.parametrize(
    ("entry", "night"),
    [
        ("30 2 * * *", "on 2027-03-28 in Europe/Berlin, 02:30 does not exist, and runs once at 03:00"),
        ("*/15 2 * * *", "02:00 and 3 more do not exist, and do not run"),
        (RRule("FREQ=DAILY;BYHOUR=2"), "on 2027-03-28 in Europe/Berlin, 02:00 does not exist, and runs once"),
        (RRule("FREQ=HOURLY;BYHOUR=2"), "02:00 does not exist, and does not run"),
    ],
)
def test_times_that_clocks_skip(entry: str | RRule, night: str) -> None:
    assert night in said(entry)
    (habit,) = of(entry)
    assert habit.until == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert of(entry, zone="UTC") == list(warnings([entry], "Europe/Berlin", "ns")) == []


@pytest.mark.parametrize(
    "entry", ["0 */2 * * *", "*/15 1-3 * * *", "0 3 * * *", "30 2 * * mon", At("2026-12-01")]
)
def test_days_that_keep_a_time_are_not_told(entry: ScheduleEntry) -> None:
    assert [each.code for each in of(entry) if each.code == "skipped_time"] == []


def test_each_entry_has_its_place() -> None:
    found = of("@daily", "30 2 * * *", Every("1d"), At("2026-01-01"))
    assert [(each.place, each.code) for each in found] == [
        (1, "skipped_time"),
        (2, "whole_days"),
        (3, "run_out"),
    ]
