"""A long text, and what is shown of it where there is no room for all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.alerts.texts import clean, cleaned
from jeeves_runner.core.alerts.whole_text import END, ending, excerpt, measured, of_text

LINES = "".join(f"line {number}\n" for number in range(20_000))


@given(st.lists(st.text(), max_size=20))
def test_it_is_read_as_it_was_measured_as_often_as_one_likes(pieces: list[str]) -> None:
    text = measured(lambda: iter(pieces))
    whole = "".join(pieces).encode("utf-8", "replace")
    assert (text.size, text.chars) == (len(whole), len("".join(pieces)))
    assert b"".join(text.read()) == b"".join(text.read()) == whole


@pytest.mark.parametrize("now", [["a"], ["a", "bc"], []])
def test_one_that_has_changed_is_not_passed_off_as_it(now: list[str]) -> None:
    pieces = ["ab"]
    text = measured(lambda: iter(pieces))
    pieces[:] = now
    with pytest.raises(OSError, match="has changed"):
        list(text.read())


def test_what_fits_is_shown_whole() -> None:
    assert ending(of_text("a\nb\n"), 4) == excerpt(of_text("a\nb\n"), 8_000) == "a\nb\n"


def test_an_end_begins_with_a_line_and_says_what_is_missing() -> None:
    shown = ending(of_text(LINES), 4_000)
    mark, _, end = shown.partition("\n")
    assert len(shown) <= 4_000
    assert (LINES.endswith(end), end.startswith("line ")) == (True, True)
    assert mark == f"… {len(LINES) - len(end):,} characters cut"
    assert len(ending(of_text("x" * 1_000_000), 10**9)) <= END


@pytest.mark.parametrize("text", [LINES, "x" * 1_000_000], ids=["lines", "one line"])
def test_an_excerpt_is_the_beginning_and_the_end(text: str) -> None:
    shown = excerpt(of_text(text), 8_000)
    head, rest = shown.split("\n… ")
    cut, tail = rest.split(" characters cut …\n")
    assert len(shown) <= 8_000
    assert (text.startswith(head), text.endswith(tail)) == (True, True)
    assert len(head) + int(cut.replace(",", "")) + len(tail) == len(text)
    assert (len(head) > 2_900, len(tail) > 4_800) == (True, True)


@given(st.text(st.sampled_from("ab\r\n\t\x1b[3m\x00")), st.lists(st.integers(0, 50)))
def test_in_pieces_it_is_cleaned_as_in_one(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert "".join(cleaned(pieces)) == clean(text)


def test_of_a_progress_bar_without_line_ends_the_last_is_left() -> None:
    bar = [f"\r{number:>60000} %" for number in range(30)]
    assert "".join(cleaned(bar)) == f"{29:>60000} %"
