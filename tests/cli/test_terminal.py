"""Text as it may go to a terminal."""

import re

from jeeves_runner.cli.terminal import Styled, line

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
