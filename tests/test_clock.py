"""The one text form of times: what is read is what was written, and nothing else."""

from datetime import UTC, datetime

import pytest

from jeeves_runner.clock import from_text, to_text


def test_what_is_written_is_read() -> None:
    instant = datetime(2026, 11, 24, 3, 3, 35, 123_000, tzinfo=UTC)
    assert to_text(instant) == "2026-11-24T03:03:35.123Z"
    assert from_text("2026-11-24T03:03:35.123Z") == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T03:03:35.123",
        "2026-11-24T03:03:35.123+00:00",
        "2026-11-24T03:03:35.123+01:00",
        "2026-11-24T03:03:35Z",
        "2026-11-24 03:03:35.123Z",
        "2026-W48-2T03:03:35.123Z",
        "2026-13-24T03:03:35.123Z",
        "2026-11-24T03:03:35.123Z\n",
        "2026-11-24",
        "",
    ],
)
def test_nothing_else_is_a_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time|month must be"):
        from_text(text)
