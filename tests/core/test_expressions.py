"""Regular expressions of users: what they mean, what is refused, and how long they may take."""

import subprocess
import sys
import time

import pytest

from jeeves_runner.core.expressions import (
    MAX_PATTERN,
    MAX_TEXT,
    fullmatch,
    problem_of,
    search,
)
from jeeves_runner.errors import InvalidValue, TextTooLong


def test_search_looks_anywhere_and_fullmatch_at_all_of_it() -> None:
    assert search("b+", "abba")
    assert not fullmatch("b+", "abba")
    assert fullmatch("ab+a", "abba")
    assert not search("c", "abba")


def test_an_alternative_is_taken_whole() -> None:
    assert not fullmatch("a|ab", "abc")
    assert fullmatch("a|ab", "ab")


def test_what_is_said_of_a_long_expression_has_its_beginning_alone_and_one_line() -> None:
    said = problem_of("(\n" + "a" * 4000) or ""
    assert said.startswith("missing ): `(\\na")
    assert len(said) < 100


def test_the_end_is_the_end_of_the_text_and_not_of_its_last_line() -> None:
    assert not search("done$", "done\n")
    assert search("(?m)done$", "done\n")
    assert not fullmatch("[0-9]+", "5\n")


def test_letters_of_all_scripts_are_characters() -> None:
    assert fullmatch(r"\pL+", "größer")
    assert fullmatch("...", "äöü")
    assert fullmatch("größe", "größe")


def test_a_lone_surrogate_fits_no_letter() -> None:
    assert not fullmatch(r"\pL+", "\ud800")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)b", "`(?=` is not known; expressions run in linear time"),
        ("(?<!a)b", "is not known; expressions run in linear time"),
        (r"(a)\1", r"`\1` is not known; expressions run in linear time"),
        (r"a\Z", r"the end of the text is `\z`"),
        ("[a-", "missing ]: `[a-`"),
        ("(a", "missing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("*", "no argument for repetition operator: `*`"),
        ("a{2000}", "`{2000}` repeats too often"),
        ("((a{100}){100}){100}", "repeats too often"),
        (r"[^q]{1000}\pL{300}", "it is too large"),
        (r"(?:\pL{40}|\pN{40}){20}", "it is too large"),
        ("x" * (MAX_PATTERN + 1), "it has 4,097 characters, where 4,096 are allowed"),
        ("\ud800", "lone surrogate"),
    ],
)
def test_what_cannot_be_used_is_told_in_words(
    pattern: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = problem_of(pattern)
    assert problem is not None
    assert said in problem
    with pytest.raises(InvalidValue) as refused:
        search(pattern, "a")
    assert refused.value.message == problem
    assert capfd.readouterr() == ("", "")  # RE2 would write to stderr by itself


@pytest.mark.parametrize("pattern", ["", "a", r"^\d{4}-\d\d-\d\d$", r"(?i)yes|no", "x" * MAX_PATTERN])
def test_what_can_be_used_has_no_problem(pattern: str) -> None:
    assert problem_of(pattern) is None


def test_a_text_that_is_too_long_is_an_answer_of_its_own() -> None:
    assert search("a", "a" * MAX_TEXT)
    for ask in (search, fullmatch):
        with pytest.raises(TextTooLong, match="64 KiB at most"):
            ask("a", "a" * (MAX_TEXT + 1))
    with pytest.raises(TextTooLong):
        search("ä", "ä" * (MAX_TEXT // 2) + "a")  # counted in bytes


def test_what_keeps_other_engines_for_ages_is_answered_at_once() -> None:
    begun = time.thread_time()
    assert not fullmatch("(x+x+)+y", "x" * MAX_TEXT)
    assert not fullmatch("(a|aa)*b", "a" * MAX_TEXT)
    assert not search("(?:a?){500}a{500}b", "a" * 400)
    assert time.thread_time() - begun < 5


def test_the_library_is_loaded_with_the_first_expression_only() -> None:
    code = (
        "import sys; from jeeves_runner.core import expressions as e; assert 're2' not in sys.modules; "
        "assert e.search('a', 'a'); assert 're2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
