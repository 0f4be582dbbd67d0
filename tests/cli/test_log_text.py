"""What a run wrote, as a terminal gets it: lines and colours, and nothing else that steers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.outputs import cut_at

from jeeves_runner.cli.log_text import LogText

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
RESET = "\x1b[0m"


def shown(*parts: bytes, color: bool = True) -> str:
    text = LogText(color=color)
    return "".join(map(text.feed, parts)) + text.close()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"one\n\ttwo\r\nthree", "one\n\ttwo\nthree"),
        ("Grüße 日本 🙂\n".encode(), "Grüße 日本 🙂\n"),
        (b"\x1b[1;31mred\x1b[m, \x1b[38;2;1;2;3mtrue", f"\x1b[1;31mred\x1b[m, \x1b[38;2;1;2;3mtrue{RESET}"),
        (b"\x1b]0;title\x07\x1b]52;c;cHduZWQ=\x1b\\", r"\x1b]0;title\x07\x1b]52;c;cHduZWQ=\x1b" + "\\"),
        (b"\x1b[2J\x1b[1;1H\x1b[?25l\x1b[31", r"\x1b[2J\x1b[1;1H\x1b[?25l\x1b[31"),
        (b"10%\r20%\r", r"10%\r20%\r"),
        ("\x9b31m \u202e \x7f \x08".encode(), r"\x9b31m \u202e \x7f \x08"),
        (b"\xff\xc3", r"\xff\xc3"),
        (b"\x1b", r"\x1b"),
    ],
)
def test_all_that_steers_is_escaped_but_lines_and_colours(written: bytes, expected: str) -> None:
    assert shown(written) == expected


@pytest.mark.parametrize(
    "written", [b"8", b"1;8", b"08;31", b"31;;8", b"38;5;8;8", b"8:1", b"48;2;8;8;8;8", b"38;8"]
)
def test_what_would_hide_text_is_escaped(written: bytes) -> None:
    """What is copied from a terminal would be more than is seen on it."""
    assert (
        shown(b"curl good.sh \x1b[" + written + b"m| evil") == f"curl good.sh \\x1b[{written.decode()}m| evil"
    )


@pytest.mark.parametrize("written", [b"38;5;8", b"48;2;8;8;8", b"38:5:8", b"58;5;8;1", b"28", b"38;2;0;8;0"])
def test_an_eight_in_a_colour_hides_nothing(written: bytes) -> None:
    assert shown(b"\x1b[" + written + b"m") == f"\x1b[{written.decode()}m{RESET}"


def test_without_colour_none_are_left() -> None:
    assert shown(b"\x1b[31mred\x1b[0m", color=False) == "red"


def test_what_has_ended_its_colours_ends_them_once_more_and_what_had_none_does_not() -> None:
    assert shown(b"\x1b[31mred\x1b[0m") == f"\x1b[31mred\x1b[0m{RESET}"
    assert shown(b"plain") == "plain"


PIECES = st.sampled_from(
    [
        b"\x1b",
        b"[",
        b"31",
        b"8",
        b";",
        b":",
        b"m",
        b"\r",
        b"\n",
        b"\t",
        b"]0;",
        b"\x07",
        b"\x9b",
        b"a",
        "ü🙂\u202e\x9b".encode(),
    ]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=4))), st.lists(st.integers(0, 200)), st.booleans())
def test_how_it_is_cut_makes_no_difference_and_nothing_else_gets_through(
    pieces: list[bytes], cuts: list[int], color: bool
) -> None:
    data = b"".join(pieces)
    whole = shown(data, color=color)
    assert shown(*cut_at(data, cuts), color=color) == whole
    rest = COLOUR.sub("", whole) if color else whole
    assert all(char.isprintable() or char in "\n\t" for char in rest)
    if COLOUR.search(whole):
        assert whole.endswith(RESET)
