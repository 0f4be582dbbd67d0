"""What schedules cost, in calls of functions: odd ones may stand in a manifest, and the event loop waits."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import FrameType

import pytest

from jeeves_runner.core.gap import catch_up
from jeeves_runner.core.model import CatchUp
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule.timetable import Timetable

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


def calls(action: Callable[[], object]) -> int:
    """How many functions are entered meanwhile; about ten in a microsecond."""
    count = 0

    def entered(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(entered)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def parsed(expressions: Sequence[str], exclude: Sequence[str], timezone: str = "UTC") -> Schedule | None:
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
