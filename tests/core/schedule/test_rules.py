"""Random recurrence rules against python-dateutil and brute force, near shifts of clocks and far from now.

The library names local times; the rule for shifted clocks is that of ``support.schedule_reference``.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from support.schedule_reference import covers, instants, near_a_shift

from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import RRule

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
)
YEARS = st.integers(1971, 2036) | st.sampled_from((2011, 2096, 2099, 2100, 2104, 2399, 2400))
FRACTION = timedelta(microseconds=1)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
Case = tuple[str, str, str, list[str], datetime, datetime]


def some(values: st.SearchStrategy[int], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


@st.composite
def rules(draw: st.DrawFn) -> str:
    """The text of a rule that RFC 5545 allows."""
    freq = draw(st.sampled_from(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")))
    parts = {"FREQ": freq}

    def add(name: str, values: st.SearchStrategy[str]) -> None:
        if draw(st.booleans()):
            parts[name] = draw(values)

    longest = {"YEARLY": 2, "SECONDLY": 90_000, "MINUTELY": 1500, "HOURLY": 30}.get(freq, 9)
    add("INTERVAL", st.integers(1, longest).map(str))
    add("WKST", st.sampled_from(DAYS))
    add("BYMONTH", some(st.integers(1, 12), 4))
    add("BYDAY", st.lists(st.sampled_from(DAYS), min_size=1, max_size=5, unique=True).map(",".join))
    if freq != "WEEKLY":
        add("BYMONTHDAY", some(st.integers(1, 31) | st.integers(-31, -1), 6))
    if freq in ("YEARLY", "MONTHLY") and "BYDAY" in parts and draw(st.booleans()):
        which = st.integers(1, 4) | st.integers(-4, -1)
        parts["BYDAY"] = ",".join(f"{draw(which)}{day}" for day in parts["BYDAY"].split(","))
    add("BYHOUR", some(st.integers(0, 23) | st.integers(0, 3)))
    add("BYMINUTE", some(st.integers(0, 59) | st.just(30)))
    add("BYSECOND", some(st.integers(0, 59)))
    if len(parts.keys() - {"FREQ", "INTERVAL", "WKST"}) > 0:
        add("BYSETPOS", some(st.integers(1, 3) | st.integers(-3, -1), 2))
    if draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 40)))
    return ";".join(f"{name}={each}" for name, each in parts.items())


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Rule, its start, zone, exclusions and a window."""
    zone, rule = draw(st.sampled_from(ZONES)), draw(rules())
    shift = near_a_shift(zone, draw(YEARS), draw(st.integers(0, 3)))
    is_short = rule.startswith(("FREQ=HOURLY", "FREQ=MINUTELY", "FREQ=SECONDLY"))
    start = (shift - timedelta(seconds=draw(st.integers(0, 40 * 3600)))).replace(tzinfo=None)
    if not is_short:
        start -= timedelta(days=draw(st.integers(0, 20)))
    if rule.startswith("FREQ=WEEKLY") and "BYSETPOS" in rule:
        # Of the first week the library counts what is left of it, against RFC 5545.
        first = DAYS.index(rule.partition("WKST=")[2][:2] or "MO")
        start = start.replace(hour=0, minute=0, second=0)
        start -= timedelta(days=(start.weekday() - first) % 7)
    end = shift + (timedelta(hours=5) if is_short else timedelta(days=500))
    if rule.startswith("FREQ=SECONDLY"):  # brute force, and every second by itself
        local = shift.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        start = max(start, local - timedelta(minutes=75))
        end = shift + timedelta(minutes=75)
    if rule.startswith("FREQ=HOURLY"):
        end += timedelta(days=40)
    exclude = draw(st.lists(st.sampled_from(("* 2 * * *", "* * * * 0", "*/2 * * * *")), max_size=1))
    begin = shift - timedelta(seconds=draw(st.integers(0, 50 * 3600)))
    if "COUNT" not in rule and draw(st.booleans()):
        until = shift + timedelta(seconds=draw(st.integers(-2 * 3600, 26 * 3600)))
        if not draw(st.booleans()):
            rule += f";UNTIL={until:%Y%m%dT%H%M%SZ}"
        elif (local := until.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) >= start:
            rule += f";UNTIL={local:%Y%m%dT%H%M%S}"
    return rule, start.isoformat(), zone, exclude, begin, end


def bounds(rule: str, start: str, tz: ZoneInfo) -> tuple[str, datetime | None, datetime | None]:
    """The rule without UNTIL, the first instant if its start is one, and UNTIL: naive for a local time."""
    first = datetime.fromisoformat(start)
    rule, _, text = rule.partition(";UNTIL=")
    until = datetime.fromisoformat(text) if text else None
    return rule, None if first.tzinfo is None else first.astimezone(UTC), until


def check(case: Case, pick: int) -> None:
    rule, start, zone, exclude, begin, end = case
    try:
        schedule = parse_schedule([RRule(rule, start)], zone, "ns", exclude)
    except ScheduleError as error:
        if "8 years" not in error.message and "UNTIL lies before" not in error.message:
            raise
        reject()
    tz = ZoneInfo(zone)
    rule, first, until = bounds(rule, start, tz)
    elapsed = rule.startswith(("FREQ=HOURLY", "FREQ=MINUTELY", "FREQ=SECONDLY"))
    dtstart = datetime.fromisoformat(start)
    dtstart = dtstart if dtstart.tzinfo is None else dtstart.astimezone(tz).replace(tzinfo=None)
    last = (end.astimezone(tz) + timedelta(days=2)).replace(tzinfo=None)
    local = rrulestr(rule, dtstart=dtstart).between(dtstart - timedelta(1), last)
    kept = [each for each in local if not any(covers(one, each) for one in exclude)]
    if until is not None and until.tzinfo is None:
        kept = [each for each in kept if each <= until]
    found = {when for each in kept for when in instants(each, tz, elapsed)}
    if until is not None and until.tzinfo is not None:
        found = {each for each in found if each <= until}
    if first is not None:
        found = {each for each in found if each >= first}
    expected = sorted(each for each in found if begin < each <= end)
    assert list(schedule.between(begin, end)) == expected
    assert schedule.count(begin, end) == len(expected)
    assert schedule.latest(begin, end) == (expected[-1] if expected else None)
    if expected:
        place = pick % len(expected)
        one = expected[place]
        assert schedule.next_after(one - FRACTION) == schedule.latest(begin, one) == one
        assert schedule.latest(begin, one - FRACTION) == (expected[place - 1] if place else None)
        assert schedule.count(begin, one) == place + 1


def weeks_of(day: date, wkst: int) -> tuple[int, int]:
    """The number of the week that a day is in, from the beginning and from the end of the week's year."""
    begin = day - timedelta(days=(day.weekday() - wkst) % 7)
    year = (begin + timedelta(days=3)).year
    first, following = (_first_week(each, wkst) for each in (year, year + 1))
    number = (begin - first).days // 7 + 1
    return number, number - (following - first).days // 7 - 1


def _first_week(year: int, wkst: int) -> date:
    """Where the first week of a year begins: the one with its fourth of January."""
    fourth = date(year, 1, 4)
    return fourth - timedelta(days=(fourth.weekday() - wkst) % 7)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1971, 2100),
    st.lists(st.sampled_from((1, 2, 20, 52, 53, -1, -2, -20, -52, -53)), min_size=1, max_size=2, unique=True),
    st.integers(0, 6),
    st.sets(st.integers(0, 6)),
)
@example(2011, [52], 0, {5, 6})
@example(2011, [53, 10], 0, set())
@example(2029, [-53, 10], 0, set())
def test_weeks_are_those_of_the_year_that_they_belong_to(
    year: int, numbers: list[int], wkst: int, weekdays: set[int]
) -> None:
    """The library takes the first days of some years, which are in the last week of the year before, for
    days of another week."""
    numbers = [*numbers, 30]  # so that it occurs in each year
    rule = f"FREQ=YEARLY;BYWEEKNO={','.join(map(str, numbers))};WKST={DAYS[wkst]}"
    if weekdays:
        rule += ";BYDAY=" + ",".join(DAYS[each] for each in sorted(weekdays))
    begin, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC)
    found = parse_schedule([RRule(rule, "1970-01-01")], "UTC", "ns").between(begin - FRACTION, end)
    days = [(begin + timedelta(days=n)).date() for n in range((end - begin).days + 1)]
    assert [each.date() for each in found] == [
        day
        for day in days
        if set(weeks_of(day, wkst)) & set(numbers) and (not weekdays or day.weekday() in weekdays)
    ]


def near(zone: str, year: int) -> tuple[datetime, datetime]:
    shift = near_a_shift(zone, year, 0)
    return shift - timedelta(days=3), shift + timedelta(days=400)


NIGHT = (
    "Europe/Berlin",
    list[str](),
    datetime(2026, 10, 24, 21, tzinfo=UTC),
    datetime(2026, 10, 27, tzinfo=UTC),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(cases(), st.integers(0, 10**6))
@example(("FREQ=DAILY", "2011-12-28T12:00:00", "Pacific/Apia", [], *near("Pacific/Apia", 2011)), 3)
@example(("FREQ=YEARLY", "2092-02-29T12:00:00", "UTC", [], *near("UTC", 2096)), 0)
@example(("FREQ=MINUTELY;INTERVAL=30;UNTIL=20261025T003000Z", "2026-10-24T21:00", *NIGHT), 2)
@example(("FREQ=DAILY;BYHOUR=2;BYMINUTE=30;UNTIL=20261025T011500Z", "2026-10-20", *NIGHT), 0)
@example(("FREQ=DAILY;BYHOUR=2;BYMINUTE=30;UNTIL=20261025T002959Z", "2026-10-24", *NIGHT), 0)
@example(("FREQ=MINUTELY;INTERVAL=30;COUNT=3", "2026-10-25T01:00Z", *NIGHT), 1)
@example(("FREQ=DAILY", "2026-10-25T01:30Z", *NIGHT), 0)
@example(("FREQ=HOURLY;UNTIL=20261025T023000", "2026-10-24T00:30", *NIGHT), 0)
@example(("FREQ=MONTHLY;BYMONTHDAY=29", "2399-12-01T02:30:00", "UTC", [], *near("UTC", 2400)), 1)
def test_rules_agree_with_the_library_and_brute_force(case: Case, pick: int) -> None:
    check(case, pick)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(4))
def test_a_long_campaign_finds_nothing_more(part: int) -> None:
    @settings(
        max_examples=1500,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(cases(), st.integers(0, 10**6))
    def campaign(case: Case, pick: int) -> None:
        check(case, pick)

    campaign()


@pytest.mark.parametrize(
    ("rule", "start", "after", "expected"),
    [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", None, "2096-03-01", "2104-02-29"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", None, "2396-03-01", "2400-02-29"),
        ("FREQ=YEARLY;BYYEARDAY=366", None, "2097-01-01", "2104-12-31"),
        ("FREQ=WEEKLY;BYDAY=MO;INTERVAL=2", "2026-12-07", "2399-12-20", "2399-12-20"),
    ],
)
def test_rules_over_centuries(rule: str, start: str | None, after: str, expected: str) -> None:
    schedule = parse_schedule([RRule(rule, start)], "UTC", "ns")
    found = schedule.next_after(datetime.fromisoformat(after).replace(tzinfo=UTC) - FRACTION)
    assert f"{found:%Y-%m-%d}" == expected
