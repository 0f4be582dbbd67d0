"""The day that a budget of tokens is for, by the calendar of its zone, and what is said of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.token_budget import Day, TokenUse, day_of, token_use


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "begin", "end"),
    [
        ("UTC", "2026-11-29T00:00", "2026-11-29T00:00", "2026-11-30T00:00"),
        ("UTC", "2026-11-29T23:59:59.999", "2026-11-29T00:00", "2026-11-30T00:00"),
        ("Europe/Vienna", "2026-11-29T22:59", "2026-11-28T23:00", "2026-11-29T23:00"),
        ("Europe/Vienna", "2026-11-29T23:00", "2026-11-29T23:00", "2026-11-30T23:00"),
        ("Europe/Vienna", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("Europe/Vienna", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("Asia/Kolkata", "2026-11-29T18:30", "2026-11-29T18:30", "2026-11-30T18:30"),
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),  # no midnight
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),  # two midnights
        ("Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),  # a date is left out
        ("No/Such_Zone", "2026-11-29T12:00", "2026-11-29T00:00", "2026-11-30T00:00"),
    ],
)  # fmt: skip
def test_a_day_begins_at_midnight_of_the_zone(zone: str, now: str, begin: str, end: str) -> None:
    assert day_of(utc(now), zone) == Day(utc(begin), utc(end))


@given(
    st.integers(0, 40 * 366 * 86_400).map(lambda seconds: utc("2000-01-01") + timedelta(seconds=seconds)),
    st.sampled_from(
        ["UTC", "Europe/Vienna", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe"]
    ),
)
def test_each_instant_is_in_its_day_and_days_follow_one_another(now: datetime, zone: str) -> None:
    day = day_of(now, zone)
    assert day.begin <= now < day.end
    assert day_of(day.begin, zone) == day
    assert day_of(day.end - timedelta(microseconds=1), zone) == day
    assert day_of(day.end, zone).begin == day.end


def test_the_numbers_are_told() -> None:
    day = day_of(utc("2026-11-29T12:00"), "Europe/Vienna")
    spent = token_use(41_200, 40_000, day, "Europe/Vienna")
    assert str(spent) == "41,200 of 40,000 tokens used today; again from 2026-11-30T00:00+01:00"
    assert spent.is_spent
    assert token_use(40_000, 40_000, day, "UTC").is_spent
    left = TokenUse(39_999, 40_000, day.end)
    assert not left.is_spent
    assert str(left) == "39,999 of 40,000 tokens used today"
