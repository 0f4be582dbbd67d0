"""Values of scripts are shown as text, bounded, and every character of them can be seen."""

import json

import pytest

from jeeves_runner.dashboard.shown_values import last_line, plain, shown_value, size_in_words


def test_a_short_value_is_on_one_line_and_a_longer_one_on_several() -> None:
    short = shown_value('{"n":1}', 7, room=100)
    assert (short.line, short.text) == ('{"n":1}', '{\n  "n": 1\n}')
    assert (short.is_short, short.is_cut) == (True, False)
    text = json.dumps({"to": "x" * 300})
    longer = shown_value(text, len(text), room=1000)
    assert (len(longer.line), longer.is_short, longer.is_cut) == (121, False, False)
    assert json.loads(longer.text) == json.loads(text)


def test_a_long_value_is_cut() -> None:
    text = json.dumps(["é" * 50] * 50)
    size = len(text.encode())
    assert shown_value(text, size, room=100).is_cut
    assert len(shown_value(text, size, room=100).text) == 100
    beginning = shown_value(text[:200], size, room=1000)
    assert (beginning.text, beginning.is_cut) == (text[:200], True)
    unread = shown_value(None, size, room=100)
    assert (unread.text, unread.is_cut, unread.size) == ("", True, size)


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert shown_value("no\x00 json", 8, room=100).text == "no\\u0000 json"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("line\n\ttab", "line\n\ttab"),
        ("Grüße, 漢字 👩\u200d🚀", "Grüße, 漢字 👩\u200d🚀"),
    ],
)
def test_no_character_hides(text: str, seen: str) -> None:
    assert plain(text) == seen


def test_the_last_line_of_an_error_is_what_it_came_to() -> None:
    assert last_line("Traceback:\n  File x\nValueError: no\n\n") == "ValueError: no"
    assert last_line(" \n") == ""


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1_200, "1.2 kB"), (25_000, "25 kB"), (3_040_000, "3.0 MB")],
)
def test_sizes_are_told_in_words(size: int, words: str) -> None:
    assert size_in_words(size) == words
