"""Cron expressions: what they mean, how they add up, and what exclusions and H do to them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from croniter import croniter
from hypothesis import example, given, reject
from hypothesis import strategies as st
from support.searching import searched

from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule

START = datetime(2026, 11, 24, 3, 3, 35, tzinfo=UTC)  # a Tuesday


def parse(*expressions: str, timezone: str = "UTC", exclude: Sequence[str] = ()) -> Schedule:
    return parse_schedule(expressions, timezone, "digest", exclude)


def following(schedule: Schedule, after: datetime = START) -> Iterator[datetime]:
    while (occurrence := schedule.next_after(after)) is not None:
        yield occurrence
        after = occurrence


def first(schedule: Schedule, count: int, after: datetime = START) -> list[str]:
    return [f"{each:%Y-%m-%d %H:%M:%S}" for each in islice(following(schedule, after), count)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 * * *", ["2026-11-24 09:00:00", "2026-11-25 09:00:00"]),
        ("0 0 9 * * *", ["2026-11-24 09:00:00", "2026-11-25 09:00:00"]),
        ("30 0 9 * * *", ["2026-11-24 09:00:30", "2026-11-25 09:00:30"]),
        ("*/20 * * * * *", ["2026-11-24 03:03:40", "2026-11-24 03:04:00"]),
        ("  0   9\t* * *  ", ["2026-11-24 09:00:00", "2026-11-25 09:00:00"]),
        ("0 9 * JAN Mon", ["2027-01-04 09:00:00", "2027-01-11 09:00:00"]),
        ("0 9 * * 0", ["2026-11-29 09:00:00", "2026-12-06 09:00:00"]),
        ("0 9 * * 7", ["2026-11-29 09:00:00", "2026-12-06 09:00:00"]),
        ("0 9 * * sat-sun", ["2026-11-28 09:00:00", "2026-11-29 09:00:00", "2026-12-05 09:00:00"]),
        ("5-5 9 * * *", ["2026-11-24 09:05:00", "2026-11-25 09:05:00"]),
        ("50/5 9 * * *", ["2026-11-24 09:50:00", "2026-11-24 09:55:00", "2026-11-25 09:50:00"]),
        ("0 0 L * *", ["2026-11-30 00:00:00", "2026-12-31 00:00:00", "2027-01-31 00:00:00"]),
        ("0 0 15,L 2 *", ["2027-02-15 00:00:00", "2027-02-28 00:00:00", "2028-02-15 00:00:00"]),
        ("0 0 * * fri#2", ["2026-12-11 00:00:00", "2027-01-08 00:00:00"]),
        ("0 0 * * 1#1,fri", ["2026-11-27 00:00:00", "2026-12-04 00:00:00", "2026-12-07 00:00:00"]),
        ("0 0 * * 5L", ["2026-11-27 00:00:00", "2026-12-25 00:00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("@hourly", ["2026-11-24 04:00:00", "2026-11-24 05:00:00"]),
        ("@daily", ["2026-11-25 00:00:00", "2026-11-26 00:00:00"]),
        ("@midnight", ["2026-11-25 00:00:00", "2026-11-26 00:00:00"]),
        ("@weekly", ["2026-11-29 00:00:00", "2026-12-06 00:00:00"]),
        ("@Monthly", ["2026-12-01 00:00:00", "2027-01-01 00:00:00"]),
        ("@yearly", ["2027-01-01 00:00:00", "2028-01-01 00:00:00"]),
        ("@annually", ["2027-01-01 00:00:00", "2028-01-01 00:00:00"]),
    ],
)
def test_expressions_mean(expression: str, expected: list[str]) -> None:
    assert first(parse(expression), len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 1 * fri", ["2026-11-27", "2026-12-01", "2026-12-04"]),  # both restricted: either
        ("0 0 */2 * fri", ["2026-11-27", "2026-12-11", "2026-12-25"]),  # one begins with *: both
        ("0 0 1-31 * fri", ["2026-11-25", "2026-11-26", "2026-11-27"]),
        ("0 0 25 * */3", ["2026-11-25", "2027-04-25", "2027-07-25"]),  # Sundays, Wednesdays, Saturdays
        ("0 0 L * fri#1", ["2026-11-30", "2026-12-04", "2026-12-31"]),
    ],
)
def test_day_and_weekday_combine_as_in_vixie_cron(expression: str, expected: list[str]) -> None:
    assert [text[:10] for text in first(parse(expression), 3)] == expected


def _items(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    step = st.integers(1, high - low)
    ascending = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1])
    return st.one_of(
        number.map(str),
        ascending.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.tuples(ascending, step).map(lambda got: f"{got[0][0]}-{got[0][1]}/{got[1]}"),
        st.tuples(number, step).map(lambda got: f"{got[0]}/{got[1]}"),
    )


def _fields(low: int, high: int) -> st.SearchStrategy[str]:
    lists = st.lists(_items(low, high), min_size=1, max_size=3).map(",".join)
    stepped = st.integers(1, high - low).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), stepped, lists)


FIVE_FIELDS = st.tuples(
    _fields(0, 59), _fields(0, 23), _fields(1, 28) | st.just("L"), _fields(1, 12), _fields(0, 7)
)
TIMES = st.timedeltas(timedelta(0), timedelta(days=7305)).map(
    lambda since: datetime(2020, 1, 1, tzinfo=UTC) + since
)


def parse_if_accepted(*expressions: str) -> Schedule:
    """A few are refused and no example: `* * */7 1 0` leaves out the years between 2023 and 2034."""
    try:
        return parse(*expressions)
    except ScheduleError as error:
        if "within 8 years" not in error.message:
            raise
        reject()


def listed(first: int, step: int) -> str:
    return ",".join(str(day % 7) for day in range(first, 8, step))


@searched(100)
@example(("*", "*", "*", "*", "5/2,1-3/2"), None, datetime(2020, 1, 1, tzinfo=UTC))
@example(("*", "*", "*/7", "1", "0"), None, datetime(2020, 1, 1, tzinfo=UTC))
@given(FIVE_FIELDS, st.none() | _fields(0, 59), TIMES)
def test_agrees_with_the_library_on_naive_times(
    fields: tuple[str, ...], seconds: str | None, after: datetime
) -> None:
    naive = after.replace(tzinfo=None)
    expression = " ".join(fields) if seconds is None else f"{seconds} {' '.join(fields)}"
    # The library ends weekdays at Saturday, where this program's last one is 7, Sunday.
    weekdays = re.sub(r"(\d)(?<!-.)/(\d)", lambda match: listed(int(match[1]), int(match[2])), fields[-1])
    oracle = croniter(
        f"{expression.rpartition(' ')[0]} {weekdays}",
        naive,
        implement_cron_bug=True,
        second_at_beginning=seconds is not None,
        ret_type=datetime,
    )
    schedule = parse_if_accepted(expression)
    expected = [oracle.get_next().replace(tzinfo=UTC) for _ in range(5)]
    assert list(islice(following(schedule, after), 5)) == expected


@searched(40)
@given(st.lists(FIVE_FIELDS.map(" ".join), min_size=1, max_size=3), TIMES, st.integers(1, 40))
def test_searching_backwards_and_counting_agree_with_walking_forwards(
    expressions: list[str], after: datetime, days: int
) -> None:
    schedule = parse_if_accepted(*expressions)
    until = after + timedelta(hours=7 * days)
    walked = list(islice(schedule.between(after, until), 3000))
    if len(walked) == 3000:
        until = walked[-1]
    assert schedule.latest(after, until) == (walked[-1] if walked else None)
    assert schedule.count(after, until) == len(walked)


def test_a_list_is_the_union_without_doubles() -> None:
    schedule = parse("0 */6 * * *", "0 12 * * *", "30 12 * * *")
    assert first(schedule, 4, START.replace(hour=5)) == [
        "2026-11-24 06:00:00",
        "2026-11-24 12:00:00",
        "2026-11-24 12:30:00",
        "2026-11-24 18:00:00",
    ]


def test_no_expressions_never_occur() -> None:
    schedule = parse()
    assert schedule.next_after(START) is None
    assert schedule.latest(START, START + timedelta(days=900)) is None
    assert schedule.count(START, START + timedelta(days=900)) == 0


def test_between_excludes_its_start_and_includes_its_end() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    schedule = parse("0 * * * *")
    hours = list(schedule.between(noon, noon + timedelta(hours=2)))
    assert hours == [noon + timedelta(hours=1), noon + timedelta(hours=2)]
    assert schedule.latest(noon, noon) is None
    assert schedule.latest(noon - timedelta(microseconds=1), noon) == noon


def test_a_fraction_of_a_second_after_an_occurrence_is_after_it() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert parse("* * * * * *").next_after(noon + timedelta(milliseconds=1)) == noon + timedelta(seconds=1)


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
def test_counting_a_month_of_seconds_does_not_walk_them(timezone: str) -> None:
    schedule = parse("* * * * * *", timezone=timezone)
    until = START + timedelta(days=30)
    assert schedule.count(START, until) == 30 * 86_400
    assert schedule.latest(START, until) == until


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        parse("0 0 * * *").next_after(START.replace(tzinfo=None))


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "America/Adak"])
def test_the_ends_of_the_calendar_are_no_traps(timezone: str) -> None:
    schedule = parse("59 59 23 * * *", timezone=timezone)
    ends = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert schedule.next_after(ends[1]) is None
    assert schedule.next_after(ends[0]) is not None
    assert schedule.latest(*ends) is not None
    assert schedule.count(ends[1] - timedelta(days=9), ends[1]) == 0


class TestSpread:
    """``H``: a stable place of each job's own."""

    def value(self, field: str, namespace: str, position: int = 0) -> int:
        fields = ["0", "0", "1", "1", "*"]
        fields[position] = field
        occurrence = parse_schedule([" ".join(fields)], "UTC", namespace).next_after(START)
        assert occurrence is not None
        return (occurrence.minute, occurrence.hour, occurrence.day, occurrence.month)[position]

    def test_never_changes_between_versions(self) -> None:
        assert [self.value("H", "digest", position) for position in range(4)] == [1, 15, 4, 7]

    def test_differs_between_jobs_and_fields(self) -> None:
        minutes = Counter(self.value("H", f"job-{n}") for n in range(1200))
        assert set(minutes) == set(range(60))
        assert max(minutes.values()) < 45  # 20 each on average
        assert len({(self.value("H", f"job-{n}"), self.value("H", f"job-{n}", 1)) for n in range(200)}) > 150

    def test_days_end_at_28_so_that_every_month_has_them(self) -> None:
        assert {self.value("H", f"job-{n}", 2) for n in range(600)} == set(range(1, 29))

    def test_stays_in_its_range(self) -> None:
        assert {self.value("H(10-14)", f"job-{n}") for n in range(100)} == {10, 11, 12, 13, 14}

    @pytest.mark.parametrize("step", [7, 11, 13, 59])
    def test_with_a_step_begins_at_the_offset_modulo_the_step(self, step: int) -> None:
        offset = self.value("H", "digest")
        expected = list(range(offset % step, 60, step))
        day = parse(f"H/{step} 5 * * *").between(START, START + timedelta(days=1))
        assert [each.minute for each in day] == expected

    def test_with_range_and_step(self) -> None:
        offset = self.value("H(20-49)", "digest") - 20
        day = parse("H(20-49)/10 5 * * *").between(START, START + timedelta(days=1))
        assert [each.minute for each in day] == [20 + offset % 10 + ten for ten in (0, 10, 20)]

    def test_is_one_item_of_a_list(self) -> None:
        offset = self.value("H(0-29)", "digest")
        day = parse("H(0-29),40 5 * * *").between(START, START + timedelta(days=1))
        assert [each.minute for each in day] == [offset, 40]

    def test_names_with_an_h_are_not_spread(self) -> None:
        assert first(parse("0 0 * mar thu"), 1) == ["2027-03-04 00:00:00"]

    def test_the_named_schedules_stay_literal(self) -> None:
        assert first(parse_schedule(["@daily"], "UTC", "anything"), 1) == ["2026-11-25 00:00:00"]


class TestExclusions:
    def test_dates_and_ranges_include_both_ends(self) -> None:
        schedule = parse(
            "0 9 * * *", exclude=["2026-11-25", "2026-11-27..2026-11-29", "2026-11-29..2026-11-30"]
        )
        assert first(schedule, 3) == ["2026-11-24 09:00:00", "2026-11-26 09:00:00", "2026-12-01 09:00:00"]

    def test_dates_are_local(self) -> None:
        schedule = parse("0 3 * * *", timezone="Asia/Tokyo", exclude=["2026-11-25"])
        assert first(schedule, 2) == ["2026-11-25 18:00:00", "2026-11-26 18:00:00"]

    def test_expressions(self) -> None:
        schedule = parse("0 * * * *", exclude=["* 0-8 * * *", "* 18-23 * * *", "* * * * sat,sun"])
        assert first(schedule, 2, datetime(2026, 11, 27, 16, 30, tzinfo=UTC)) == [
            "2026-11-27 17:00:00",
            "2026-11-30 09:00:00",
        ]

    def test_five_fields_cover_whole_minutes_and_six_single_seconds(self) -> None:
        assert first(parse("*/30 * * * * *", exclude=["4 3 * * *"]), 1) == ["2026-11-24 03:05:00"]
        assert first(parse("*/30 * * * * *", exclude=["0 4 3 * * *"]), 1) == ["2026-11-24 03:04:30"]

    def test_backwards_and_forwards_agree(self) -> None:
        schedule = parse("0 * * * *", "*/7 3 * * *", exclude=["* 0-8 1-15 * *", "2026-12-05..2026-12-20"])
        for days in range(0, 60, 2):
            until = START + timedelta(days=days, hours=days)
            walked = list(schedule.between(START, until))
            assert schedule.latest(START, until) == (walked[-1] if walked else None)
            assert schedule.count(START, until) == len(walked)

    @pytest.mark.parametrize(
        "exclude",
        [
            ["* * * * *"],
            ["* 0-11 * * *", "* 12-23 * * *"],
            ["2020-01-01..2040-01-01"],
            ["0001-01-01..9999-12-31"],
        ],
    )
    def test_leaving_nothing_is_an_error(self, exclude: list[str]) -> None:
        with pytest.raises(ScheduleError, match="leave no occurrence for 8 years") as caught:
            parse("* * * * *", exclude=exclude)
        assert caught.value.key == "exclude"

    @pytest.mark.parametrize(
        ("exclude", "accepted"),
        [
            (["2028-02-29"], True),  # from 2024 to 2032
            (["2028-02-29", "2032-02-29"], False),  # from 2024 to 2036
            (["2096-02-29"], False),  # from 2092 to 2104, as 2100 is no leap year
        ],
    )
    def test_dates_may_not_tear_a_gap_of_over_8_years_anywhere(
        self, exclude: list[str], accepted: bool
    ) -> None:
        if accepted:
            assert parse("0 0 29 2 *", exclude=exclude).next_after(START) is not None
        else:
            with pytest.raises(ScheduleError, match="leave no occurrence for 8 years"):
                parse("0 0 29 2 *", exclude=exclude)

    def test_a_list_lives_as_long_as_one_of_its_expressions(self) -> None:
        schedule = parse("0 9 * * *", "0 0 29 2 *", exclude=["2028-02-29", "2032-02-29"])
        assert schedule.next_after(datetime(2028, 2, 28, 12, tzinfo=UTC)) == datetime(
            2028, 3, 1, 9, tzinfo=UTC
        )

    def test_one_expression_may_lose_everything_while_another_lives(self) -> None:
        schedule = parse("0 9 * * mon", "0 9 * * tue", exclude=["* * * * mon"])
        assert first(schedule, 2) == ["2026-11-24 09:00:00", "2026-12-01 09:00:00"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("2026-02-30", "neither a date nor a cron expression"),
            ("20261225", "neither a date"),
            ("christmas", "neither a date"),
            ("", "neither a date"),
            ("2026-12-26..2026-12-24", "ends before it begins"),
            ("* * * foo *", "month 'foo' is not known"),
            ("0 0 31 2 *", "never occurs"),
        ],
    )
    def test_refusals_point_at_the_entry(self, text: str, message: str) -> None:
        with pytest.raises(ScheduleError) as caught:
            parse("0 9 * * *", exclude=["2026-12-25", text])
        assert message in caught.value.message
        assert (caught.value.key, caught.value.index) == ("exclude", 1)

    def test_seconds_in_a_long_exclusion_are_not_walked(self) -> None:
        schedule = parse("* * * * * *", exclude=["* * * 1-11 *", "* 0-22 * 12 *", "2026-12-01..2033-12-30"])
        assert first(schedule, 1) == ["2033-12-31 23:00:00"]
