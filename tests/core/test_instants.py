"""Instants on the clocks of a zone: each has one, also at the ends of the calendar."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import jeeves_runner
from jeeves_runner.core.instants import coming_instant, end_of_span, later_end, on_clocks, past_instant
from jeeves_runner.errors import InvalidValue

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
VIENNA = ZoneInfo("Europe/Vienna")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def test_an_instant_is_on_the_clocks_of_the_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert on_clocks(noon, TOKYO).isoformat() == "2026-03-01T21:00:00+09:00"


@pytest.mark.parametrize(
    ("begin", "text", "expected"),
    [
        pytest.param("22:00", "23:00", ("01T21:00", "01T22:00"), id="both to come"),
        pytest.param("22:00", "6:00", ("01T21:00", "02T05:00"), id="over midnight"),
        pytest.param("9:00", "9:00", ("02T08:00", "03T08:00"), id="a day"),
        pytest.param("13:00", "1h", ("01T12:00", "01T13:00"), id="now is one; a length counts from now"),
        pytest.param("-3h", "10:30", ("01T09:00", "01T09:30"), id="after a beginning in the past"),
    ],
)
def test_a_span_that_is_to_come(begin: str, text: str, expected: tuple[str, str]) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    first = coming_instant(begin, now, VIENNA, "from")
    found = first, end_of_span(text, first, now, VIENNA, "to")
    assert found == tuple(datetime.fromisoformat(f"2026-03-{each}:00Z") for each in expected)


@pytest.mark.parametrize(
    ("begin", "text", "expected"),
    [
        pytest.param("10:00", "11:00", ("01T09:00", "01T10:00"), id="of today"),
        pytest.param("22:00", "2:00", ("-1T21:00", "01T01:00"), id="of the last night"),
        pytest.param("12:00", "15:00", ("01T11:00", "01T14:00"), id="which is not over"),
        pytest.param(None, "22:00", (None, "-1T21:00"), id="without a beginning the last there was"),
    ],
)
def test_a_span_of_the_past(begin: str | None, text: str, expected: tuple[str | None, str]) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    first = None if begin is None else past_instant(begin, now, VIENNA, "since")
    found = first, end_of_span(text, first, now, VIENNA, "until")
    assert found == tuple(
        each and datetime.fromisoformat(f"2026-{'02-28' if each[:2] == '-1' else '03-01'}{each[2:]}:00Z")
        for each in expected
    )


@pytest.mark.parametrize(("instant", "zone"), [(FIRST, NEW_YORK), (LAST, TOKYO)])
def test_where_its_clocks_cannot_be_written_those_of_utc_are(instant: datetime, zone: ZoneInfo) -> None:
    assert on_clocks(instant, zone) == instant
    assert on_clocks(instant, zone).tzinfo is UTC


def test_no_other_module_puts_times_on_the_clocks_of_a_zone() -> None:
    folder = Path(jeeves_runner.__file__).parent
    others = [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*.py"))
        if re.search(r"\.astimezone\((?!UTC\))", path.read_text())
    ]
    assert others == ["core/instants.py"]


def end(text: str, now: str, zone: ZoneInfo = VIENNA) -> str:
    return later_end(text, datetime.fromisoformat(now), zone, "--until").instant.isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        pytest.param("18:00", "2026-03-01T12:00Z", "2026-03-01T17:00+00:00", id="today"),
        pytest.param("18:00", "2026-03-01T17:00Z", "2026-03-02T17:00+00:00", id="that is now, tomorrow"),
        pytest.param("9:30", "2026-03-01T22:59Z", "2026-03-02T08:30+00:00", id="of one digit"),
        pytest.param("00:00", "2026-03-01T23:30Z", "2026-03-02T23:00+00:00", id="by the day of these clocks"),
        pytest.param("02:30:00", "2026-03-28T23:30Z", "2026-03-29T01:30+00:00", id="that the clocks skip"),
        pytest.param("02:30", "2026-10-24T23:30Z", "2026-10-25T00:30+00:00", id="the first of two"),
        pytest.param("02:30", "2026-10-25T00:45Z", "2026-10-25T01:30+00:00", id="the second of two"),
        pytest.param("02:30", "2026-10-25T01:30Z", "2026-10-26T01:30+00:00", id="after both"),
    ],
)
def test_an_end_at_a_time_of_day_is_the_next_one(text: str, now: str, expected: str) -> None:
    assert end(text, now) == expected


@pytest.mark.parametrize("text", ["24:00", "18:60", "18", "18:0", "6pm", "18:00Z"])
def test_what_is_no_time_of_day_is_refused_with_one_as_a_hint(text: str) -> None:
    with pytest.raises(InvalidValue, match="--until") as caught:
        end(text, "2026-03-01T12:00Z")
    assert "such as 18:00" in (caught.value.hint or "")


def test_no_time_of_day_comes_after_the_end_of_the_calendar() -> None:
    with pytest.raises(InvalidValue):
        end("18:00", "9999-12-31T23:30+00:00", NEW_YORK)


@pytest.mark.parametrize(
    ("text", "now", "last"),
    [
        ("22:00", "2026-11-30T21:30:00+00:00", "2026-11-30T21:00+00:00"),
        ("22:30", "2026-11-30T21:30:00+00:00", "2026-11-30T21:30+00:00"),
        ("23:00", "2026-11-30T21:30:00+00:00", "2026-11-29T22:00+00:00"),
        ("02:30", "2026-10-25T03:00:00+00:00", "2026-10-25T01:30+00:00"),
    ],
)
def test_a_time_of_day_that_has_passed_is_the_last_one(text: str, now: str, last: str) -> None:
    found = past_instant(text, datetime.fromisoformat(now), "Europe/Vienna", "--since")
    assert found.isoformat(timespec="minutes") == last


def test_no_time_of_day_is_refused_for_the_past_too() -> None:
    with pytest.raises(InvalidValue, match="--since is no time of day: 25:00"):
        past_instant("25:00", datetime.fromisoformat("2026-11-30T21:30:00+00:00"), "UTC", "--since")
