"""What schedules cost, in calls of functions: odd ones may stand in a manifest, and the event loop waits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from support.calls import calls

from jeeves_runner.core.gap import catch_up
from jeeves_runner.core.model import CatchUp
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule.timetable import Timetable
from jeeves_runner.core.schedule_entry import Every, RRule, ScheduleEntry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


def parsed(
    expressions: Sequence[ScheduleEntry], exclude: Sequence[str], timezone: str = "UTC"
) -> Schedule | None:
    try:
        return parse_schedule(expressions, timezone, "ns", exclude)
    except ScheduleError:
        return None


@pytest.mark.parametrize(
    ("expressions", "exclude", "count"),
    [
        (["* * * * * *"], [], 30 * 86_400),
        (["*/5 * * * * *", "0 9 * * *"], [], 30 * 17_280),
        (["* * * * * *"], ["2026-11-01", "2026-11-03..2026-11-04"], 27 * 86_400),
        (["* * * * * *"], ["0-9 * * * * *", "* 9 * * *"], 30 * 50 * 60 * 23),
        (["0-29 * * * * *", "20-39 * * * * *"], ["* * * * sun"], 25 * 40 * 1440),
        ([f"{n % 60} {n // 60} * * *" for n in range(1440)], [], 30 * 1440),
    ],
)
@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin"])
def test_a_month_is_counted_by_days(
    expressions: list[str], exclude: list[str], count: int, timezone: str
) -> None:
    schedule = parsed(expressions, exclude, timezone)
    assert schedule is not None
    until = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(seconds=1)
    begin = until - MONTH
    if timezone != "UTC":
        begin, until = begin - timedelta(hours=1), until - timedelta(hours=1)
    found = []
    assert calls(lambda: found.append(schedule.count(begin, until))) < 10_000
    assert found == [count]


def test_what_a_long_gap_missed_is_counted_exactly() -> None:
    schedule = parsed(["* * * * * *", "0 9 * * *"], [])
    assert schedule is not None
    timetable = Timetable()
    timetable.put("a", schedule, NOW - MONTH)
    (due,) = timetable.due(NOW)
    assert due.count == 30 * 86_400
    (missed,) = catch_up(due, CatchUp.ALL, timedelta(hours=1), NOW).left_out
    assert missed.count == 30 * 86_400 - 3600 - 1


LEAP_DAY_ONLY = ["59 59 23 1-28,30,31 * *", "59 59 23 29 1,3-12 *"]
ODD = {
    "stacked": ["0-58 * * * * *", "59 0-58 * * * *", "59 59 0-22 * * *", "59 59 23 2-31 * *"],
    "one second of a leap day": ["0-58 * * * * *", "59 0-58 * * * *", "59 59 0-22 * * *", *LEAP_DAY_ONLY],
    "every second by itself": [f"{n} * * * * *" for n in range(60)],
    "every second but one": [f"{n} * * * * *" for n in range(59)],
    "many days": [f"{n % 60} {n % 24} {n % 28 + 1} * *" for n in range(300)],
    "every second day": [f"{datetime(2026, 1, 1) + timedelta(days=2 * n):%Y-%m-%d}" for n in range(1500)],  # noqa: DTZ001
}
ODD["every second day, and others"] = [*ODD["every second day"], "* * 2-31 * *"]


@pytest.mark.parametrize("exclude", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("expression", ["* * * * * *", "0 0 * * *"])
def test_odd_exclusions_cost_a_look_at_each_day(expression: str, exclude: list[str]) -> None:
    found: list[Schedule | None] = []
    assert calls(lambda: found.append(parsed([expression], exclude, "Europe/Vienna"))) < 100_000
    for schedule in found:
        if schedule is not None:
            assert calls(lambda: schedule.next_after(NOW)) < 10_000  # noqa: B023
            assert calls(lambda: schedule.latest(NOW - MONTH, NOW)) < 10_000  # noqa: B023


SIXTY = ",".join(map(str, range(60)))
ALL_DAY = f"BYHOUR={','.join(map(str, range(24)))};BYMINUTE={SIXTY};BYSECOND={SIXTY}"
ODD_RULES = [
    RRule("FREQ=SECONDLY"),
    RRule("FREQ=SECONDLY;INTERVAL=86399", "2026-01-01"),
    RRule("FREQ=SECONDLY;COUNT=10000", "2026-01-01"),
    RRule("FREQ=SECONDLY;BYSECOND=1,2;BYSETPOS=2"),
    RRule("FREQ=MINUTELY;INTERVAL=100000", "2026-01-01"),
    RRule("FREQ=HOURLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3", "2024-01-01"),
    RRule("FREQ=HOURLY;BYYEARDAY=366"),
    RRule("FREQ=DAILY;COUNT=10000", "2026-01-01"),
    RRule("FREQ=DAILY;INTERVAL=2920;BYMONTH=2", "2026-02-01"),
    RRule(f"FREQ=DAILY;{ALL_DAY}"),
    RRule(f"FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-1,366;{ALL_DAY}"),
    RRule("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2"),
    RRule("FREQ=MONTHLY;BYDAY=5FR;BYSETPOS=2"),
    RRule("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO"),
    RRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
    RRule(f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{ALL_DAY}"),
    RRule(f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366,-366;{ALL_DAY}"),
]


@pytest.mark.parametrize("rule", ODD_RULES, ids=lambda rule: rule.rrule[:60])
def test_odd_rules_cost_no_more_than_their_effort_says(rule: RRule) -> None:
    found: list[Schedule | ScheduleError] = []

    def parse() -> None:
        try:
            found.append(parse_schedule([rule], "Europe/Vienna", "ns"))
        except ScheduleError as error:
            found.append(error)

    taken = calls(parse)
    (result,) = found
    assert taken < 2_000 + 3 * result.effort
    if isinstance(result, Schedule):
        assert calls(lambda: result.next_after(NOW)) < 15_000
        assert calls(lambda: result.latest(NOW - MONTH, NOW)) < 15_000


@pytest.mark.parametrize(
    "rule",
    ["FREQ=DAILY;BYHOUR=9", "FREQ=WEEKLY;BYDAY=MO", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;BYYEARDAY=1"],
)
def test_usual_rules_take_no_effort(rule: str) -> None:
    """A manifest may have thousands of them."""
    assert parse_schedule([RRule(rule)], "Europe/Vienna", "ns").effort == 0


def test_what_others_have_looked_at_takes_the_effort_that_it_took_at_first() -> None:
    rule = RRule("FREQ=DAILY;BYHOUR=7", "2026-01-01")
    parse_schedule([rule], "Europe/Vienna", "ns").next_after(NOW)
    assert parse_schedule([rule], "Europe/Rome", "ns").effort == 0


@pytest.mark.parametrize(
    "exclude",
    [["*/2 * * * *"], ["*/2 * 1-30 * *", "*/2 * 31 1-11 *"], ["*/2 * 1-28 * *", "*/2 * 30,31 * *"]],
)
def test_exclusions_that_meet_each_step_are_looked_at_by_days(exclude: list[str]) -> None:
    step = Every("2m", "2026-01-01T00:00Z")
    found: list[Schedule | None] = []
    assert calls(lambda: found.append(parsed([step], exclude, "Europe/Vienna"))) < 500_000
    (schedule,) = found
    if schedule is None:
        assert exclude == ["*/2 * * * *"]
    else:
        assert calls(lambda: schedule.next_after(NOW)) < 200_000


@pytest.mark.parametrize(
    ("expressions", "exclude", "timezone"),
    [
        (["0 0 31 2 *"], [], "UTC"),
        (["* * * * *"], ["* 0-11 * * *", "* 12-23 * * *"], "UTC"),
        (["0 0 * * *"], [], "Europe/Berln"),
    ],
)
def test_a_mistake_is_looked_into_once(expressions: list[str], exclude: list[str], timezone: str) -> None:
    parsed(expressions, exclude, timezone)
    assert calls(lambda: parsed(expressions, exclude, timezone)) < 150
