"""``UNTIL`` in UTC is an instant, also where clocks show the same hour twice or skip one."""

from datetime import UTC, datetime, timedelta

import pytest

from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule_entry import RRule

SHIFTS = {
    "Europe/Berlin": ["2026-10-25T01:00", "2026-03-29T01:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00"],
    "America/Sao_Paulo": ["2018-02-18T02:00"],
}
RULES = (
    "FREQ=HOURLY;BYMINUTE=0,30",
    "FREQ=MINUTELY;INTERVAL=15",
    "FREQ=DAILY;BYHOUR=0,1,2,3,23;BYMINUTE=0,30",
)


def times(rule: str, zone: str, at: datetime, exclude: tuple[str, ...]) -> Schedule:
    start = f"{at - timedelta(days=3):%Y-%m-%d}"
    return parse_schedule([RRule(rule, start)], zone, "ns", exclude)


AROUND = (-4500, -3601, -1800, -1, 0, 1800, 2700, 3600)
"""Seconds before and after a shift."""


@pytest.mark.parametrize(
    ("rule", "exclude"), [*((rule, ()) for rule in RULES), (RULES[0], ("20 2 * * *", "0 1 * * *"))]
)
@pytest.mark.parametrize(("zone", "shift"), [(zone, at) for zone, some in SHIFTS.items() for at in some])
def test_until_is_the_last_instant_of_a_rule(
    zone: str, shift: str, rule: str, exclude: tuple[str, ...]
) -> None:
    at = datetime.fromisoformat(shift).replace(tzinfo=UTC)
    begin, end = at - timedelta(hours=30), at + timedelta(hours=30)
    every = list(times(rule, zone, at, exclude).between(begin, end))
    for seconds in AROUND:
        until = at + timedelta(seconds=seconds)
        schedule = times(f"{rule};UNTIL={until:%Y%m%dT%H%M%SZ}", zone, at, exclude)
        expected = [each for each in every if each <= until]
        assert list(schedule.between(begin, end)) == expected, until
        assert schedule.count(begin, end) == len(expected)
        assert schedule.latest(begin, end) == expected[-1]
        assert on_days(schedule, begin, until) == expected


def on_days(schedule: Schedule, begin: datetime, until: datetime) -> list[datetime]:
    """What it has on the days from ``begin`` to a day after ``until``, by their seconds."""
    found = []
    midnight = begin.replace(hour=0, minute=0)
    while midnight <= until + timedelta(days=1):
        digits = f"{schedule.seconds_on(midnight.date()):b}"[::-1]
        found += [midnight + timedelta(seconds=n) for n, digit in enumerate(digits) if digit == "1"]
        midnight += timedelta(days=1)
    return [each for each in found if each > begin]


def test_until_on_the_clocks_of_the_job_ends_with_the_last_time_that_they_show_it() -> None:
    at = datetime(2026, 10, 25, 1, tzinfo=UTC)
    schedule = times("FREQ=HOURLY;UNTIL=20261025T020000", "Europe/Berlin", at, ())
    found = schedule.between(at - timedelta(hours=2), at + timedelta(hours=9))
    assert [f"{each:%H:%M}" for each in found] == ["00:00", "01:00"]
