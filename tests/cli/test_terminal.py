"""Text as it may go to a terminal."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.cli.terminal import Styled, line, printable, printable_json

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def test_what_a_script_wrote_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\nc") == r"a\x1b[2Jb c"


def test_a_line_is_bare_without_colour() -> None:
    parts = ("is ", Styled("ok", "bold green"), ".")
    assert line(*parts, color=False) == "is ok."
    coloured = line(*parts, color=True)
    assert coloured != "is ok."
    assert ESCAPES.sub("", coloured) == "is ok."


def test_a_line_keeps_its_breaks_and_nothing_else_that_steers() -> None:
    assert line("one\n", Styled("t\x1b[2Jwo\n", ""), "\u202e", color=True) == "one\nt\\x1b[2Jwo\n\\u202e"


@given(st.text())
def test_json_for_a_terminal_is_the_same_value(text: str) -> None:
    shown = printable_json(json.dumps({"text": text}, ensure_ascii=False, indent=2))
    assert json.loads(shown) == {"text": text}
    assert all(char.isprintable() or char == "\n" for char in shown)
