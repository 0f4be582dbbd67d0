"""What entries that are no cron expressions say, and what is wrong with some of them."""

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import At, Every, RRule, ScheduleEntry

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def occurrences(
    entry: ScheduleEntry, count: int, timezone: str = "UTC", exclude: tuple[str, ...] = ()
) -> list[str]:
    """The first ones after NOW."""
    schedule = parse_schedule([entry], timezone, "ns", exclude)
    found: list[str] = []
    at: datetime | None = NOW
    while len(found) < count and at is not None:
        at = schedule.next_after(at)
        if at is not None:
            found.append(f"{at:%Y-%m-%dT%H:%M:%S}")
    return found


def refusal(entry: ScheduleEntry, timezone: str = "Europe/Vienna", exclude: tuple[str, ...] = ()) -> str:
    """Message and hint."""
    with pytest.raises(ScheduleError) as caught:
        parse_schedule([entry], timezone, "ns", exclude)
    return f"{caught.value.message} | {caught.value.hint}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Every("90s 5m"), "every '90s 5m': \"90s 5m\" is no duration"),
        (Every("500ms"), "every '500ms': it must be whole seconds, one at least | write 30s, 11m or 1h30m"),
        (Every("0s"), "every '0s': it must be whole seconds"),
        (Every("3000d"), "every '3000d': it is more than 8 years"),
        (Every("5m", "soon"), "from 'soon': soon is no time | write 2026-12-24T18:00, or 2026-12-24T17:00Z"),
        (Every("5m", "2026-01-01T00:00+01:00:00.5"), "its offset from UTC has a fraction of a second"),
        (At("24.12.2026"), "at '24.12.2026': 24.12.2026 is no time"),
        (At("2026-12-24T18:00:00.5"), "fractions of a second are not looked at | write whole seconds"),
        (At("9500-01-01"), "the year 9500 is outside 1900-8999"),
        (RRule(" "), "the rule is empty | write NAME=VALUE;NAME=VALUE"),
        (RRule("FREQ=DAYLY"), "FREQ 'DAYLY' is not known | known are YEARLY"),
        (RRule("FREQ=DAILY;BYHUOR=1"), "'BYHUOR' is no part of a rule | did you mean BYHOUR?"),
        (RRule("FREQ=DAILY;BYHOUR=24"), "BYHOUR 24 is outside 0-23"),
        (RRule("FREQ=DAILY;BYEASTER=1"), "BYEASTER is not supported"),
        (RRule("BYHOUR=1"), "the rule has no FREQ"),
        (RRule("FREQ=DAILY;COUNT=2000000000"), "COUNT 2,000,000,000 is outside 1-10,000"),
        (RRule("FREQ=DAILY;COUNT=3"), "COUNT needs a `start` | add `start: 2026-12-01T09:00`"),
        (RRule("FREQ=DAILY;INTERVAL=2"), "INTERVAL needs a `start`"),
        (RRule("FREQ=WEEKLY"), "FREQ=WEEKLY without BYDAY or BYMONTHDAY needs a `start`"),
        (RRule("FREQ=DAILY;COUNT=3;UNTIL=20270101", "2026-01-01"), "COUNT and UNTIL are both written"),
        (RRule("FREQ=DAILY;UNTIL=20250101", "2026-01-01"), "UNTIL lies before `start`, 2026-01-01"),
        (RRule("FREQ=DAILY;UNTIL=19600101"), "UNTIL lies before 1970"),
        (RRule("FREQ=DAILY;UNTIL=20261301"), "UNTIL '20261301' is no time"),
        (RRule("DTSTART:20260101T000000\nRRULE:FREQ=DAILY"), "DTSTART does not stand in the rule | write"),
        (RRule("DTSTART;TZID=Europe/Vienna:20260101T000000\nRRULE:FREQ=DAILY"), "beside `rrule:`"),
        (RRule("FREQ=DAILY;DTSTART=20260101T000000"), "DTSTART does not stand in the rule"),
        (RRule("FREQ=DAILY;TZID=Europe/Vienna"), "write the zone as the job's `timezone:`"),
        (RRule("RRULE:FREQ=DAILY\nEXDATE:20260101T000000"), "write the dates under the job's `exclude:`"),
        (RRule("FREQ=DAILY\nFREQ=HOURLY"), "the rule has more than one line | list each"),
        (RRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "has no occurrence within 8 years of its start"),
        (RRule("FREQ=SECONDLY;BYSETPOS=2"), "BYSETPOS picks from what other parts name"),
        (RRule("FREQ=SECONDLY;BYSECOND=1,2;BYSETPOS=2"), "has no occurrence within 8 years of its start"),
        (RRule("FREQ=WEEKLY;BYDAY=2MO"), "a numbered weekday such as 1MO belongs to FREQ=MONTHLY"),
    ],
    ids=str,
)
def test_mistakes_are_named(entry: ScheduleEntry, message: str) -> None:
    assert message in refusal(entry)


def test_a_time_that_a_zone_never_had_is_refused() -> None:
    assert "clocks skip this time in its zone" in refusal(At("2011-12-30T12:00"), "Pacific/Apia")


@pytest.mark.parametrize(
    ("entry", "exclude"),
    [
        (RRule("FREQ=DAILY;BYHOUR=2"), ("* 2 * * *",)),
        (Every("2m", "2026-01-01T00:00Z"), ("*/2 * * * *",)),
        (At("2026-12-25T02:00"), ("2026-12-25",)),
    ],
    ids=str,
)
def test_exclusions_that_leave_nothing_are_refused(entry: ScheduleEntry, exclude: tuple[str, ...]) -> None:
    assert "the exclusions leave no occurrence for 8 years" in refusal(entry, exclude=exclude)


def test_what_exclusions_leave_of_each_kind() -> None:
    steps = occurrences(Every("6h", "2026-01-01T00:00Z"), 3, exclude=("* 18 * * *", "2026-11-30"))
    assert steps == ["2026-12-01T00:00:00", "2026-12-01T06:00:00", "2026-12-01T12:00:00"]
    rule = RRule("FREQ=DAILY;BYHOUR=9;COUNT=4", "2026-11-29")
    assert occurrences(rule, 9, exclude=("2026-11-30",)) == ["2026-12-01T09:00:00", "2026-12-02T09:00:00"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=HOURLY;BYMINUTE=10,20,30;BYSETPOS=-1", ["11-29 12:30", "11-29 13:30"]),
        ("FREQ=SECONDLY;BYSECOND=7;BYMINUTE=0;BYSETPOS=-1", ["11-29 12:00", "11-29 13:00"]),
        ("FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0,30;BYSETPOS=2,-1", ["11-29 18:30", "11-30 06:30"]),
        ("FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=6,18;BYSETPOS=2,3", ["11-30 18:00", "12-04 06:00"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["11-30 00:00", "12-31 00:00"]),
        ("FREQ=YEARLY;BYMONTH=12;BYDAY=SU;BYHOUR=1,2;BYSETPOS=-1,1", ["12-06 01:00", "12-27 02:00"]),
    ],
)
def test_bysetpos_picks_of_days_and_times_together(rule: str, expected: list[str]) -> None:
    found = occurrences(RRule(rule, "2020-01-01T00:00"), 2)
    assert [f"{datetime.fromisoformat(each):%m-%d %H:%M}" for each in found] == expected


def test_a_rule_that_is_counted_ends() -> None:
    rule = RRule("FREQ=SECONDLY;INTERVAL=3;COUNT=10000", "2026-11-29T12:00:01")
    schedule = parse_schedule([rule], "UTC", "ns")
    last = NOW + timedelta(seconds=1 + 3 * 9999)
    assert schedule.count(NOW, NOW + timedelta(days=9)) == 10_000
    assert schedule.latest(NOW, NOW + timedelta(days=9)) == last
    assert schedule.next_after(last) is None


def test_rules_of_many_jobs_need_little_memory() -> None:
    """Each day's times are a number of up to 11 kB: days with the same times share it."""
    tracemalloc.start()
    try:
        kept: list[Schedule] = []
        for n in range(50):
            rule = RRule("FREQ=DAILY;BYHOUR=23", f"2026-01-01T00:{n:02}")
            kept.append(parse_schedule([rule], "Europe/Vienna", "ns", ["* 22 * * *"]))
            kept[-1].next_after(NOW)
            kept[-1].latest(NOW - timedelta(days=90), NOW)
        assert tracemalloc.get_traced_memory()[0] / len(kept) < 40_000
    finally:
        tracemalloc.stop()
