"""Durations and sizes: what people write, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.durations import (
    MAX_SPAN_MS,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "ms"),
    [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("0s", 0)],
)
def test_durations_in_words(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["", "30", "5 m", "-5m", "1.5h", "30m1h", "5m5m", "5M", "5m\n", "١m", "99999d"]
)
def test_what_is_no_duration_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|ten years"):
        parse_duration(text)


@given(st.integers(0, MAX_SPAN_MS))
def test_a_formatted_duration_reads_as_the_same(ms: int) -> None:
    assert parse_duration(format_duration(ms)) == ms


def test_sizes() -> None:
    assert parse_size("10MiB") == 10 * 1024 * 1024
    for text in ("10", "10MB", "1.5GiB", "10MiB\n"):
        with pytest.raises(ValueError, match="no size"):
            parse_size(text)


@given(st.integers(0, 2**50))
def test_a_formatted_size_reads_as_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size
    assert format_size(10 * 1024**2) == "10MiB"
