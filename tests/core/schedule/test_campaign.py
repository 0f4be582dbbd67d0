"""Lists, exclusions and zones against brute force, around the shifts where they are hard.

``make campaign`` looks for what the few examples of every day do not find.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from support.schedule_reference import ALL_ZONES, near_a_shift, occurrences

from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule

HARD_ZONES = [
    "Africa/Casablanca",
    "America/Havana",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
]
ZONES = st.sampled_from(HARD_ZONES) | st.sampled_from(ALL_ZONES)
FRACTION = timedelta(microseconds=1)


def numbers(low: int, high: int, likely: Sequence[int]) -> st.SearchStrategy[str]:
    number = st.sampled_from(likely) | st.integers(low, high)
    span = st.tuples(number, number).map(sorted)
    step = st.integers(1, high - low)
    item = st.one_of(
        number.map(str),
        span.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(span, step).map(lambda drawn: f"{drawn[0][0]}-{drawn[0][1]}/{drawn[1]}"),
        st.tuples(number, step).map(lambda drawn: f"{drawn[0]}/{drawn[1]}"),
    )
    return st.one_of(
        st.just("*"), step.map(lambda n: f"*/{n}"), st.lists(item, min_size=1, max_size=3).map(",".join)
    )


MINUTES = numbers(0, 59, (0, 15, 30, 59))
HOURS = numbers(0, 23, (0, 1, 2, 3, 22, 23))
DAYS = st.just("*") | st.just("L") | numbers(1, 28, (1, 28))
FIELDS = (
    MINUTES,
    HOURS,
    DAYS,
    st.just("*") | numbers(1, 12, (3, 4, 10, 11)),
    st.just("*") | numbers(0, 7, (0, 7)),
)
FIVE = st.tuples(*FIELDS).map(" ".join)
SECONDS = st.sampled_from(["0", "*/20", "59", "7,30"])
EXPRESSIONS = FIVE | st.tuples(SECONDS, FIVE).map(" ".join)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], str, list[str], datetime, datetime]:
    """Expressions, zone, exclusions and a window around a shift of the zone."""
    zone = draw(ZONES)
    shift = near_a_shift(zone, draw(st.integers(1970, 2037)), draw(st.integers(0, 3)))
    dates = st.integers(-2, 2).map(lambda days: f"{shift + timedelta(days=days):%Y-%m-%d}")
    ranges = st.tuples(dates, dates).map(sorted).map("..".join)
    exclude = draw(st.lists(dates | ranges | EXPRESSIONS, max_size=3))
    begin = shift - timedelta(seconds=draw(st.integers(0, 30 * 3600)))
    end = shift + timedelta(seconds=draw(st.integers(0, 30 * 3600)))
    return draw(st.lists(EXPRESSIONS, min_size=1, max_size=3)), zone, exclude, begin, end


def parse_if_accepted(expressions: Sequence[str], zone: str, exclude: Sequence[str]) -> Schedule:
    try:
        return parse_schedule(expressions, zone, "ns", exclude)
    except ScheduleError as error:
        if "8 years" not in error.message:
            raise
        reject()


def check(case: tuple[list[str], str, list[str], datetime, datetime], pick: int) -> None:
    expressions, zone, exclude, begin, end = case
    schedule = parse_if_accepted(expressions, zone, exclude)
    expected = occurrences(expressions, zone, exclude, begin, end)
    assert list(schedule.between(begin, end)) == expected
    assert schedule.count(begin, end) == len(expected)
    assert schedule.latest(begin, end) == (expected[-1] if expected else None)
    if expected:
        place = pick % len(expected)
        one = expected[place]
        assert schedule.next_after(one - FRACTION) == one
        assert schedule.latest(begin, one) == one
        assert schedule.latest(begin, one - FRACTION) == (expected[place - 1] if place else None)
        assert schedule.count(begin, one) == place + 1
        assert schedule.count(one, end) == len(expected) - place - 1


def around(zone: str, year: int, which: int, hours: int = 26) -> tuple[datetime, datetime]:
    shift = near_a_shift(zone, year, which)
    return shift - timedelta(hours=hours), shift + timedelta(hours=hours)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 10**6))
@example(
    (["30 2 * * *", "*/10 * * * *"], "Europe/Berlin", ["* 1-2 * * 0"], *around("Europe/Berlin", 2026, 1)), 9
)
@example((["0,30 23 * * *"], "America/Sao_Paulo", [], *around("America/Sao_Paulo", 2018, 0)), 1)
@example((["*/20 * * * * *"], "Pacific/Apia", ["2011-12-31"], *around("Pacific/Apia", 2011, 2)), 7)
@example((["0 22-23 * * 0"], "Africa/Algiers", [], *around("Africa/Algiers", 1971, 0)), 0)
def test_lists_and_exclusions_agree_with_brute_force(
    case: tuple[list[str], str, list[str], datetime, datetime], pick: int
) -> None:
    check(case, pick)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(8))
def test_a_long_campaign_finds_nothing_more(part: int) -> None:
    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(cases(), st.integers(0, 10**6))
    def campaign(case: tuple[list[str], str, list[str], datetime, datetime], pick: int) -> None:
        check(case, pick)

    campaign()


def test_the_reference_knows_the_rule_where_clocks_are_shifted() -> None:
    """From the recording of Debian's cron, by hand, so that the two cannot be wrong together."""
    night = datetime.fromisoformat("2026-03-28T23:00+00:00"), datetime.fromisoformat("2026-03-29T03:00+00:00")
    fixed = occurrences(["30 2 * * *", "0 3 * * *"], "Europe/Berlin", [], *night)
    assert [f"{each:%H:%M}" for each in fixed] == ["01:00"]
    assert occurrences(["*/30 2 * * *"], "Europe/Berlin", [], *night) == []
    night = datetime.fromisoformat("2026-10-24T22:00+00:00"), datetime.fromisoformat("2026-10-25T03:00+00:00")
    fixed = occurrences(["30 2 * * *"], "Europe/Berlin", [], *night)
    elapsed = occurrences(["*/30 2 * * *"], "Europe/Berlin", [], *night)
    assert [f"{each:%H:%M}" for each in fixed] == ["00:30"]
    assert [f"{each:%H:%M}" for each in elapsed] == ["00:00", "00:30", "01:00", "01:30"]
