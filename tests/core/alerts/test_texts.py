"""Times and outputs in messages."""

from datetime import UTC, datetime

import pytest

from jeeves_runner.core.alerts.texts import clean, last_lines, moment


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-11-29 23:30 UTC"),
        ("Europe/London", "2026-11-29 23:30 UTC"),
        ("Europe/Berlin", "2026-11-30 00:30 Europe/Berlin (2026-11-29 23:30 UTC)"),
        ("America/New_York", "2026-11-29 18:30 America/New_York (23:30 UTC)"),
        ("No/Where", "2026-11-29 23:30 UTC"),
    ],
)
def test_a_time_is_shown_on_the_clocks_of_its_zone_and_in_utc(zone: str, text: str) -> None:
    assert moment(datetime(2026, 11, 29, 23, 30, tzinfo=UTC), zone) == text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10 %\r50 %\r100 %\n", "100 %\n"),
        ("a\r\nb", "a\nb"),
        ("a\x00\x08\u202eb\tc", "ab\tc"),
    ],
)
def test_what_steers_a_terminal_is_taken_out(written: str, shown: str) -> None:
    assert clean(written) == shown


def test_of_a_long_output_the_last_lines_are_shown() -> None:
    assert last_lines("\n".join(map(str, range(100)))) == "\n".join(map(str, range(80, 100)))
    assert len(last_lines("x" * 10_000_000) or "") == 2_500
    assert last_lines(" \n\n") is None
    assert last_lines(None) is None
