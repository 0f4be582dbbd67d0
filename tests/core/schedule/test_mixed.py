"""Lists of every kind of entry against brute force, around the shifts of clocks; and what each kind says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from support.schedule_reference import covers, instants, near_a_shift, occurrences
from support.searching import searched

from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import At, Every, RRule, ScheduleEntry

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/St_Johns",
)
EXPRESSIONS = ("30 2 * * *", "*/20 * * * *", "0 */2 * * *", "15,45 1-3 * * *", "*/20 30 23 * * *")
EXCLUSIONS = ("* 2 * * *", "*/2 * * * *", "0-29 1-3 * * *", "* * * * 0")
LENGTHS = {"7s": 7, "11m": 660, "1h": 3600, "90m": 5400, "5h": 18000, "1d": 86400, "25h": 90000}
RULES = (
    "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30",
    "FREQ=WEEKLY;BYDAY=SU,SA;BYHOUR=2;BYMINUTE=15",
    "FREQ=HOURLY;INTERVAL=3",
    "FREQ=MINUTELY;INTERVAL=40;BYHOUR=1,2,3",
    "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=2;BYMINUTE=30",
    "FREQ=DAILY;BYHOUR=0,1,2,3;BYSETPOS=-1,2",
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, datetime, datetime]:
    zone = draw(st.sampled_from(ZONES))
    begin = (
        datetime(draw(st.integers(1995, 2036)), 3, 1, tzinfo=UTC)
        if zone in ("UTC", "Asia/Kathmandu")
        else near_a_shift(zone, draw(st.integers(1995, 2036)), draw(st.integers(0, 3)))
    )
    return (
        zone,
        begin - timedelta(seconds=draw(st.integers(0, 30 * 3600))),
        begin + timedelta(seconds=draw(st.integers(0, 30 * 3600))),
    )


@st.composite
def cases(
    draw: st.DrawFn,
) -> tuple[list[ScheduleEntry], str, list[str], datetime, datetime]:
    zone, begin, end = draw(windows())
    middle = begin + (end - begin) / 2
    near = st.integers(-40 * 3600, 40 * 3600).map(
        lambda seconds: middle.replace(microsecond=0, tzinfo=None) + timedelta(seconds=seconds)
    )
    lengths = st.sampled_from(list(LENGTHS))
    entries: st.SearchStrategy[ScheduleEntry] = st.one_of(
        st.sampled_from(EXPRESSIONS),
        st.builds(Every, lengths, near.map(datetime.isoformat)),
        st.builds(Every, lengths, near.map(lambda at: at.isoformat() + "Z")),
        st.builds(Every, lengths, st.none()),
        st.builds(At, near.map(datetime.isoformat)),
        st.builds(
            RRule,
            st.sampled_from(RULES),
            near.map(lambda at: (at - timedelta(days=3)).isoformat()),
        ),
    )
    dates = st.integers(-2, 2).map(lambda days: f"{middle + timedelta(days=days):%Y-%m-%d}")
    exclude = draw(st.lists(dates | st.sampled_from(EXCLUSIONS), max_size=2))
    return draw(st.lists(entries, min_size=1, max_size=4)), zone, exclude, begin, end


def expected_of(
    entries: list[ScheduleEntry], zone: str, exclude: list[str], begin: datetime, end: datetime
) -> list[datetime]:
    """Each entry by itself; of the program nothing but the phase of ``every``."""
    found: set[datetime] = set()
    crons = [entry for entry in entries if isinstance(entry, str)]
    if crons:
        found |= set(occurrences(crons, zone, exclude, begin, end))
    for entry in entries:
        if isinstance(entry, At):
            found |= _kept([_instant(entry.at, zone)], zone, exclude)
        elif isinstance(entry, Every):
            found |= _kept(_steps(entry, zone, begin, end), zone, exclude)
        elif isinstance(entry, RRule):
            start = datetime.fromisoformat(entry.start or "")
            last = (end.astimezone(ZoneInfo(zone)) + timedelta(days=2)).replace(tzinfo=None)
            local = list(rrulestr(entry.rrule, dtstart=start).between(start, last, inc=True))
            elapsed = "HOURLY" in entry.rrule or "MINUTELY" in entry.rrule
            kept = [each for each in local if not _is_excluded(each, exclude)]
            found.update(when for each in kept for when in instants(each, ZoneInfo(zone), elapsed))
    return sorted(each for each in found if begin < each <= end)


def _steps(entry: Every, zone: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    length = {"7s": 7, "11m": 660, "1h": 3600, "90m": 5400, "5h": 18000, "1d": 86400, "25h": 90000}[
        entry.every
    ]
    if entry.start is None:
        one = parse_schedule([entry], zone, "ns").next_after(begin)
        assert one is not None
        first = one - timedelta(seconds=length) * ((one - begin) // timedelta(seconds=length) + 1)
    else:
        first = _instant(entry.start, zone)
    skipped = max(0, (begin - first) // timedelta(seconds=length))
    first += timedelta(seconds=length) * skipped
    while first <= end:
        yield first
        first += timedelta(seconds=length)


def _instant(text: str, zone: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None:
        return time.astimezone(UTC)
    return instants(time, ZoneInfo(zone), elapsed=False)[0]


def _kept(times: Iterator[datetime] | list[datetime], zone: str, exclude: list[str]) -> set[datetime]:
    local = ZoneInfo(zone)
    return {
        each
        for each in times
        if not _is_excluded(each.astimezone(local).replace(tzinfo=None, fold=0), exclude)
    }


def _is_excluded(local: datetime, exclude: list[str]) -> bool:
    return any(covers(excluded, local) for excluded in exclude)


@searched(20, without=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 10**6))
def test_mixed_lists_agree_with_brute_force(
    case: tuple[list[ScheduleEntry], str, list[str], datetime, datetime], pick: int
) -> None:
    entries, zone, exclude, begin, end = case
    try:
        schedule = parse_schedule(entries, zone, "ns", exclude)
    except ScheduleError as error:
        assert "8 years" in error.message or "no such time" in error.message  # noqa: PT017
        return
    expected = expected_of(entries, zone, exclude, begin, end)
    assert list(schedule.between(begin, end)) == expected
    assert schedule.count(begin, end) == len(expected)
    assert schedule.latest(begin, end) == (expected[-1] if expected else None)
    if expected:
        place = pick % len(expected)
        one = expected[place]
        before = one - timedelta(microseconds=1)
        assert schedule.next_after(before) == one
        assert schedule.latest(begin, before) == (expected[place - 1] if place else None)
        assert schedule.count(begin, one) == place + 1
