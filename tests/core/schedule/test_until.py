"""UNTIL in UTC: a rule with one has just those occurrences of the rule without it that are not later."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.schedule_reference import near_a_shift

from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule_entry import RRule

ZONES = ("Europe/Amsterdam", "Australia/Lord_Howe", "America/Sao_Paulo", "Antarctica/Troll", "Pacific/Apia")
RULES = (
    "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30",
    "FREQ=HOURLY",
    "FREQ=MINUTELY;INTERVAL=7",
    "FREQ=WEEKLY;BYDAY=SU,MO;BYHOUR=2;BYMINUTE=30",
)
SECOND = timedelta(seconds=1)


def schedule(rule: str, start: str, zone: str, exclude: tuple[str, ...] = ()) -> Schedule:
    return parse_schedule([RRule(rule, start)], zone, "ns", exclude)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(RULES),
    st.sampled_from((2011, 2017, 2026)),
    st.integers(0, 3),
    st.integers(-3 * 3600, 3 * 3600) | st.sampled_from((-3600, -1, 0, 1, 3600)),
    st.sampled_from(((), ("* * * * 6",))),
)
@example("Europe/Amsterdam", RULES[0], 2017, 1, 0, ())
@example("Europe/Amsterdam", RULES[1], 2017, 1, -1800, ())
def test_nothing_is_lost_or_gained_by_it(
    zone: str, rule: str, year: int, which: int, seconds: int, exclude: tuple[str, ...]
) -> None:
    until = near_a_shift(zone, year, which) + timedelta(seconds=seconds)
    start = (until - timedelta(days=8)).astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat()
    begin, end = until - timedelta(days=2), until + timedelta(days=2)
    free = schedule(rule, start, zone, exclude)
    ended = schedule(f"{rule};UNTIL={until:%Y%m%dT%H%M%SZ}", start, zone, exclude)
    expected = list(free.between(begin, until))
    assert list(ended.between(begin, end)) == expected
    assert ended.count(begin, end) == len(expected)
    assert ended.count(until, end) == 0
    assert ended.latest(begin, end) == (expected[-1] if expected else None)
    for day in {(begin + timedelta(days=n)).date() for n in range(5)}:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        of_day = ended.count(midnight - SECOND, midnight + timedelta(days=1) - SECOND)
        assert ended.seconds_on(day).bit_count() == of_day


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20201025T002959Z", "2020-10-24T00:30"),
        ("20201025T003000Z", "2020-10-25T00:30"),
        ("20201025T010000Z", "2020-10-25T00:30"),
    ],
)
def test_a_time_that_comes_twice_runs_the_first_time_before_an_end_in_the_second(
    until: str, last: str
) -> None:
    found = schedule(f"FREQ=DAILY;UNTIL={until}", "2020-10-23T02:30", "Europe/Amsterdam")
    assert found.latest(datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)) == (
        datetime.fromisoformat(last).replace(tzinfo=UTC)
    )


def test_the_nights_of_a_rule_that_ends_in_one_are_told() -> None:
    ended = schedule("FREQ=DAILY;UNTIL=20201025T010000Z", "2020-03-01T02:30", "Europe/Amsterdam")
    nights = ended.nights(datetime(2020, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
    assert [(f"{night.at:%m-%d}", night.effect) for night in nights] == [
        ("03-29", "moved"),
        ("10-25", "once"),
    ]
