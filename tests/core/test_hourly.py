"""Starts by the hours of a zone's clocks."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from jeeves_runner.core.hourly import by_hour, midnight

BERLIN = ZoneInfo("Europe/Berlin")


def test_starts_stand_in_the_hours_of_the_zone() -> None:
    load = {datetime(2026, 5, 31, 22, 10, tzinfo=UTC): 3, datetime(2026, 5, 31, 22, 50, tzinfo=UTC): 4}
    (day,) = by_hour(load, date(2026, 6, 1), 1, BERLIN)
    assert day.hours[0] == (datetime(2026, 5, 31, 22, tzinfo=UTC), 7, 4)
    assert day.starts == 7
    assert not day.is_shifted
    assert [hour.starts for hour in day.hours[1:] if hour] == [0] * 23


def test_an_hour_that_clocks_skip_is_none() -> None:
    before, day = by_hour({}, date(2026, 3, 28), 2, BERLIN)
    assert (before.is_shifted, day.is_shifted) == (False, True)
    assert [number for number, hour in enumerate(day.hours) if hour is None] == [2]
    assert day.hours[3] is not None
    assert day.hours[3].begin == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_clocks_repeat_has_both() -> None:
    load = {datetime(2026, 10, 25, 0, 30, tzinfo=UTC): 1, datetime(2026, 10, 25, 1, 30, tzinfo=UTC): 2}
    (day,) = by_hour(load, date(2026, 10, 25), 1, BERLIN)
    assert day.hours[2] == (datetime(2026, 10, 25, tzinfo=UTC), 3, 2)
    assert day.is_shifted


def test_zones_may_be_off_by_parts_of_an_hour() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    begin = midnight(date(2026, 6, 1), kathmandu)
    assert begin == datetime(2026, 5, 31, 18, 15, tzinfo=UTC)
    (day,) = by_hour({begin: 1, datetime(2026, 5, 31, 19, 14, tzinfo=UTC): 2}, date(2026, 6, 1), 1, kathmandu)
    assert day.hours[0] == (begin, 3, 2)
