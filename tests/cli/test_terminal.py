"""Text as it may go to a terminal."""

import re

from jeeves_runner.cli.terminal import Styled, folded, line

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def test_a_line_is_bare_without_colour() -> None:
    parts = ("is ", Styled("ok", "bold green"), ".")
    assert line(*parts, color=False) == "is ok."
    coloured = line(*parts, color=True)
    assert coloured != "is ok."
    assert ESCAPES.sub("", coloured) == "is ok."


def test_nothing_in_a_line_steers_the_terminal_or_begins_another() -> None:
    shown = line("one\n", Styled("t\x1b[2Jwo\n", ""), "\u202e\x9b", color=True)
    assert shown == r"one\nt\x1b[2Jwo\n\u202e\x9b"


def test_lines_of_a_width_break_no_word() -> None:
    assert folded("one two three-and-more four", 20) == ["one two", "three-and-more four"]
    assert folded("one two", 7) == ["one two"]
    assert folded("one two three", None) == ["one two three"]
    path = "/srv/a/very/long/path/of/its/own"
    assert folded(f"in {path} now", 16) == ["in", path, "now"]
    assert folded("on a terminal of very few columns", 2) == ["on a terminal of", "very few columns"]
