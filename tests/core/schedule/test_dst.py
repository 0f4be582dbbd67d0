"""Schedules where clocks are shifted: Debian's recorded behaviour first, then properties over all zones."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given
from hypothesis import strategies as st
from support.schedule_reference import ALL_ZONES, near_a_shift, offset
from support.searching import searched

from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule

RECORDING = Path(__file__).parents[2] / "data" / "debian-cron-dst.txt"
ZONES = {"Berlin": "Europe/Berlin", "NewYork": "America/New_York"}
LINE = re.compile(
    r"(?P<zone>\w+?)-\w+-(?P<day>[\d-]{10}) debian-cron (?P<expression>.+?) +n=(?P<n>\d+) (?P<starts>.*)"
)


def recorded() -> Iterator[tuple[str, str, str, list[str]]]:
    """Zone, day, expression and starts of each line, starts as ``HH:MM+HH``."""
    for text in RECORDING.read_text(encoding="utf-8").splitlines():
        if text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        assert match is not None, text
        starts = match["starts"].split()
        assert len(starts) == int(match["n"])
        yield ZONES[match["zone"]], match["day"], match["expression"].strip(), starts


RECORDED = list(recorded())

# The recorder ran for some hours around each shift; a line of a job that runs hourly shows from when to when.
WINDOWS = {
    (zone, day): (starts[0], starts[-1])
    for zone, day, expression, starts in RECORDED
    if expression == "*/15 * * * *"
}


def instant(day: str, start: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{start}:00").astimezone(UTC)


def test_the_recording_is_whole() -> None:
    assert len(RECORDED) == 28


@pytest.mark.parametrize(
    ("zone", "day", "expression", "starts"),
    RECORDED,
    ids=[f"{line[0]} {line[1]} {line[2]}" for line in RECORDED],
)
def test_starts_are_those_of_debian(zone: str, day: str, expression: str, starts: list[str]) -> None:
    begin, end = (instant(day, start) for start in WINDOWS[zone, day])
    schedule = parse_schedule([expression], zone, "ns")
    found = schedule.between(begin - timedelta(seconds=1), end)
    assert list(found) == [instant(day, start) for start in starts]


@pytest.mark.parametrize(("zone", "day", "expression", "starts"), RECORDED)
def test_the_same_starts_are_found_backwards(zone: str, day: str, expression: str, starts: list[str]) -> None:
    begin, end = (instant(day, start) for start in WINDOWS[zone, day])
    schedule = parse_schedule([expression], zone, "ns")
    before, found = begin - timedelta(seconds=1), []
    until = end
    while (occurrence := schedule.latest(before, until)) is not None:
        found.append(occurrence)
        until = occurrence - timedelta(seconds=1)
    assert found == [instant(day, start) for start in reversed(starts)]


def local_times(expression: str, zone: str, begin: str, end: str) -> list[str]:
    """Occurrences from ``begin`` to ``end`` (local, end included) as local texts with their offset."""
    tz = ZoneInfo(zone)
    first, last = (datetime.fromisoformat(text).replace(tzinfo=tz).astimezone(UTC) for text in (begin, end))
    found = parse_schedule([expression], zone, "ns").between(first - timedelta(seconds=1), last)
    return [f"{each.astimezone(tz):%d %H:%M%z}" for each in found]


class TestHalfHourShifts:
    """Lord Howe: at 02:00 on 4 October 2026 to 02:30; at 02:00 on 5 April 2026 back to 01:30."""

    ZONE = "Australia/Lord_Howe"

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("15 2 * * *", ["04 02:30+1100"]),
            ("0,10,45 2 * * *", ["04 02:30+1100", "04 02:45+1100"]),
            ("*/15 2 * * *", ["04 02:30+1100", "04 02:45+1100"]),
            ("15 * * * *", ["04 01:15+1030", "04 03:15+1100"]),
        ],
    )
    def test_forwards(self, expression: str, expected: list[str]) -> None:
        assert local_times(expression, self.ZONE, "2026-10-04T01:00", "2026-10-04T03:20") == expected

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("45 1 * * *", ["05 01:45+1100"]),
            ("15,45 1 * * *", ["05 01:15+1100", "05 01:45+1100"]),
            ("45 * * * *", ["05 01:45+1100", "05 01:45+1030", "05 02:45+1030"]),
            ("*/20 1 * * *", ["05 01:00+1100", "05 01:20+1100", "05 01:40+1100", "05 01:40+1030"]),
        ],
    )
    def test_backwards(self, expression: str, expected: list[str]) -> None:
        assert local_times(expression, self.ZONE, "2026-04-05T01:00", "2026-04-05T02:50") == expected


class TestMidnightGap:
    """Sao Paulo: 4 November 2018 began at 01:00; 17 February 2018 had its last hour twice."""

    ZONE = "America/Sao_Paulo"

    def test_the_days_job_runs_right_after_the_gap(self) -> None:
        assert local_times("0 0 * * *", self.ZONE, "2018-11-03T23:00", "2018-11-05T00:00") == [
            "04 01:00-0200",
            "05 00:00-0200",
        ]

    def test_what_comes_at_the_gaps_end_is_not_doubled(self) -> None:
        assert local_times("0,30 0-1 * * *", self.ZONE, "2018-11-03T23:00", "2018-11-04T02:00") == [
            "04 01:00-0200",
            "04 01:30-0200",
        ]

    def test_the_hour_before_midnight_runs_once(self) -> None:
        assert local_times("30 23 * * *", self.ZONE, "2018-02-17T22:00", "2018-02-18T23:30") == [
            "17 23:30-0200",
            "18 23:30-0300",
        ]

    def test_an_excluded_date_also_excludes_what_its_gap_would_move(self) -> None:
        schedule = parse_schedule(["0 0 * * *"], self.ZONE, "ns", ["2018-11-04"])
        found = schedule.next_after(datetime(2018, 11, 3, 12, tzinfo=UTC))
        assert found == datetime(2018, 11, 5, 2, tzinfo=UTC)


class TestLongShifts:
    """Three hours and more: skipped times do not run, repeated ones run once."""

    @pytest.mark.parametrize("expression", ["0 12 * * *", "0 */12 * * *"])
    def test_samoa_had_no_30_december_2011(self, expression: str) -> None:
        found = local_times(expression, "Pacific/Apia", "2011-12-29T12:00", "2011-12-31T12:00")
        assert [text for text in found if " 12:" in text] == ["29 12:00-1000", "31 12:00+1400"]

    def test_a_skipped_yearly_job_waits_for_the_next_year(self) -> None:
        found = parse_schedule(["0 0 30 12 *"], "Pacific/Apia", "ns").next_after(
            datetime(2011, 6, 1, tzinfo=UTC)
        )
        assert found == datetime(2012, 12, 29, 10, tzinfo=UTC)

    def test_kwajalein_had_no_21_august_1993(self) -> None:
        found = local_times("30 6 * * *", "Pacific/Kwajalein", "1993-08-19T12:00", "1993-08-23T12:00")
        assert [text[:8] for text in found] == ["20 06:30", "22 06:30", "23 06:30"]

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("0 1 * * *", ["05 01:00+1100"]),
            ("*/30 1 * * *", ["05 01:00+1100", "05 01:30+1100"]),
            (
                "0 * * * *",
                ["04 23:00+1100", "05 00:00+1100", "05 01:00+1100", "05 02:00+0800", "05 03:00+0800"],
            ),
        ],
    )
    def test_a_repeated_stretch_runs_once(self, expression: str, expected: list[str]) -> None:
        # At 02:00 on 5 March 2010 Casey's clocks went back to 23:00 of the 4th, from +11 to +08.
        found = local_times(expression, "Antarctica/Casey", "2010-03-04T22:30", "2010-03-05T03:00")
        assert found == expected


def test_the_seconds_field_decides_nothing() -> None:
    tz = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 3, 29, 0, tzinfo=tz)
    fixed = parse_schedule(["*/20 30 2 * * *"], "Europe/Berlin", "ns").between(
        begin, begin + timedelta(days=1)
    )
    assert [f"{each.astimezone(tz):%H:%M:%S}" for each in fixed] == ["03:00:00"]


def test_a_spread_step_is_a_fixed_time() -> None:
    tz = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 10, 25, 0, tzinfo=tz)
    spread = parse_schedule(["H/30 2 * * *"], "Europe/Berlin", "ns").between(begin, begin + timedelta(days=1))
    assert [each.astimezone(tz).utcoffset() for each in spread] == [timedelta(hours=2)] * 2


def test_lists_collapse_what_a_gap_brings_together() -> None:
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    schedule = parse_schedule(["15 2 * * *", "45 2 * * *", "0 3 * * *"], "Europe/Berlin", "ns")
    assert list(schedule.between(begin, begin + timedelta(hours=14))) == [
        datetime(2026, 3, 29, 1, tzinfo=UTC)
    ]


MINUTES = st.sampled_from(["0", "30", "*", "*/7", "*/20", "0-59", "15,45", "5-50/9", "59"])
HOURS = st.sampled_from(["*", "*/2", "0", "1", "2", "3", "23", "0-3", "1-4/2", "2,3", "22-23"])
DAYS = st.sampled_from(["*", "*/2", "1", "L", "25-31"])
WEEKDAYS = st.sampled_from(["*", "0", "1-5"])
EXPRESSIONS = st.tuples(MINUTES, HOURS, DAYS, st.just("*"), WEEKDAYS).map(" ".join)

# Whole-hour shifts away from midnight, where the oracle is known to be right.
ORACLE_ZONES = ["Europe/Berlin", "America/New_York", "Europe/London", "Australia/Sydney", "America/Denver"]


@searched(60)
@given(EXPRESSIONS, st.sampled_from(ORACLE_ZONES), st.integers(0, 1), st.integers(-26 * 60, 4 * 60))
def test_agrees_with_another_implementation_of_debians_rule(
    expression: str, zone: str, which: int, minutes: int
) -> None:
    after = near_a_shift(zone, 2026, which) + timedelta(minutes=minutes)
    simulation = CronSim(expression, after.astimezone(ZoneInfo(zone)))
    schedule = parse_schedule([expression], zone, "ns")
    expected: list[datetime] = []
    while len(expected) < 30:
        occurrence = next(simulation).astimezone(UTC)
        # The simulation may answer with times at or before its start, and with one moved time twice.
        if occurrence > (expected[-1] if expected else after):
            expected.append(occurrence)
    assert walk(schedule, after, 30) == expected


def walk(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    return list(islice(schedule.between(after, after + timedelta(days=3000)), count))


def test_every_zone_of_the_database_is_known() -> None:
    """What the property tests draw from; each one that was refused would fail them now and then."""
    for zone in ALL_ZONES:
        parse_schedule(["0 3 * * *"], zone, "ns")


NOTED_ZONES = ["Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Gaza"]


@searched(25)
@given(
    st.lists(EXPRESSIONS, min_size=1, max_size=2),
    st.sampled_from(ALL_ZONES) | st.sampled_from(NOTED_ZONES),
    st.integers(1970, 2037),
    st.integers(0, 3),
    st.integers(-30 * 3600, 30 * 3600),
)
@example(["* * * * *"], "Pacific/Apia", 2011, 2, -7200)
@example(["*/20 2 * * *"], "Australia/Lord_Howe", 2026, 0, 0)
@example(["0-59 0-3 * * *"], "Africa/Casablanca", 2026, 0, -3600)
@example(["30 23 * * *", "*/7 * * * *"], "America/Sao_Paulo", 2018, 0, -3600)
@example(["0 22-23 * * 0"], "Africa/Algiers", 1971, 0, -7200)  # moved into a day that is not the rule's
def test_every_zone_keeps_its_promises(
    expressions: list[str], zone: str, year: int, which: int, seconds: int
) -> None:
    """Strictly increasing; the same from any start; the same backwards; counted right."""
    after = near_a_shift(zone, year, which) + timedelta(seconds=seconds)
    schedule = parse_schedule(expressions, zone, "ns")
    found = walk(schedule, after, 150)
    assert all(earlier < later for earlier, later in pairwise([after, *found]))
    for earlier, later in pairwise([after, *found]):
        middle = earlier + (later - earlier) / 2
        assert schedule.next_after(middle) == later
        assert schedule.latest(after, middle) == (earlier if earlier > after else None)
        assert schedule.latest(after, later) == later
    if found:
        assert schedule.count(after, found[-1]) == len(found)


@searched(40)
@given(
    st.sampled_from(ALL_ZONES) | st.sampled_from(NOTED_ZONES),
    st.integers(1970, 2037),
    st.integers(0, 3),
    st.sampled_from(["* * * * *", "*/15 * * * *", "*/5 1-2 * * *", "30 * * * *", "7 */2 * * *"]),
)
def test_elapsed_times_are_the_minutes_whose_local_time_matches(
    zone: str, year: int, which: int, expression: str
) -> None:
    """Minute by minute over a shift: each matching minute runs, twice in a fold, never in a gap."""
    tz = ZoneInfo(zone)
    shift = near_a_shift(zone, year, which)
    begin = shift - timedelta(hours=6)
    before, after = offset(tz, begin), offset(tz, shift + timedelta(hours=6))
    if abs(after - before) >= timedelta(hours=3) or before.seconds % 60 or after.seconds % 60:
        return  # long shifts have their own rule; with odd seconds no UTC minute is a local one
    always = parse_schedule([expression], "UTC", "ns")
    minutes = [begin + timedelta(minutes=n) for n in range(1, 12 * 60 + 1)]
    matching = [
        minute
        for minute in minutes
        if always.latest(
            (wall := minute.astimezone(tz).replace(tzinfo=UTC, fold=0)) - timedelta(seconds=1), wall
        )
    ]
    assert list(parse_schedule([expression], zone, "ns").between(begin, minutes[-1])) == matching
