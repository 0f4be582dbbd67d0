"""Texts from outside, made fit for a line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.wording import no_command, one_line, printable_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Grüße, 日本, 🙂", "plain, Grüße, 日本, 🙂"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("one\ntwo\r\tthree\u2028four", r"one\ntwo\r\tthree\u2028four"),
        ("\u202etxt\u2066", r"\u202etxt\u2066"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_cannot_be_printed_is_escaped_as_in_python(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text())
def test_a_line_holds_nothing_else(text: str) -> None:
    assert one_line(text).isprintable()


@given(st.text())
def test_json_that_can_be_printed_is_the_same_value(text: str) -> None:
    shown = printable_json(json.dumps({"text": text}, ensure_ascii=False, indent=2))
    assert json.loads(shown) == {"text": text}
    assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("  ::add-mask::x", r"  \x3a:add-mask::x"),
        ("a.yaml:1:1: error: ::error::x", "a.yaml:1:1: error: ::error::x"),
        (": x", ": x"),
        ("", ""),
    ],
)
def test_a_line_is_no_command_of_github(line: str, shown: str) -> None:
    assert no_command(line) == shown
