"""Values as people read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from jeeves_runner.cli.formats import counted, duration, relative, size, timestamp

NOW = datetime(2026, 11, 24, 3, 3, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "-"),
        (0, "0ms"),
        (999, "999ms"),
        (1_000, "1.0s"),
        (1_234, "1.2s"),
        (9_999, "9.9s"),
        (10_000, "10s"),
        (59_999, "59s"),
        (60_000, "1m"),
        (185_000, "3m 5s"),
        (7_800_000, "2h 10m"),
        (349_200_000, "4d 1h"),
        (86_400_000, "1d"),
    ],
)
def test_a_duration_has_two_units_at_most(ms: int | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (0.4, "now"),
        (-0.4, "now"),
        (0.6, "in 1s"),
        (-1, "1s ago"),
        (59.4, "in 59s"),
        (59.7, "in 1m"),
        (-59.7, "1m ago"),
        (180, "in 3m"),
        (90, "in 1m 30s"),
        (119.4, "in 1m 59s"),
        (119.6, "in 2m"),
        (7_199, "in 1h 59m"),
        (-3_601, "1h ago"),
        (-7_300, "2h 1m ago"),
        (-86_400 * 1.5, "1d 12h ago"),
        (3_599.8, "in 1h"),
        (-86_400 * 3, "3d ago"),
        (86_400 * 2 + 3_600 * 20, "in 2d 20h"),
        (86_400 * 2 + 3_600 * 20 + 59 * 60, "in 2d 20h"),
        (9.4, "in 9s"),
    ],
)
def test_a_time_is_told_from_now(seconds: float, text: str) -> None:
    assert relative(NOW + timedelta(seconds=seconds), NOW) == text


def test_no_time_is_a_dash() -> None:
    assert relative(None, NOW) == timestamp(None) == size(None) == "-"


def test_a_timestamp_names_its_zone() -> None:
    vienna = timezone(timedelta(hours=1))
    assert timestamp(NOW) == "2026-11-24 03:03:35Z"
    assert timestamp(NOW.astimezone(vienna)) == "2026-11-24 04:03:35+01:00"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (3_565_158, "3.4 MiB"), (512 * 2**20, "512 MiB"), (3 * 2**40, "3.0 TiB")],
)
def test_a_size_has_three_digits(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs")])
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert counted(number, "job") == text


def test_a_count_may_bring_its_verb() -> None:
    assert counted(1, "change waits", "changes wait") == "1 change waits"
    assert counted(2, "change waits", "changes wait") == "2 changes wait"
