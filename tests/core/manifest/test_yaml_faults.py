"""What is said of text that is no YAML: where, why, and a hint that works when pasted."""

from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.manifest.yaml_text import YamlError, load


def fault(text: str) -> tuple[int, int, str, str]:
    with pytest.raises(YamlError) as caught:
        load(text)
    error = caught.value
    assert error.code == "yaml_syntax"
    return error.line, error.column, error.message, error.hint or ""


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        ("schedule: */5 * * * *\n", 1, '"*/5 * * * *"'),
        ("schedule: * * * * *\n", 1, '"* * * * *"'),
        ("schedule: */5 * * * * # every five\nrun: x\n", 1, '"*/5 * * * *"'),
        ("schedule:\n  - */5 * * * *\nrun: x\n", 2, '"*/5 * * * *"'),
        ("jobs:\n  - {id: a, schedule: */5 * * * *, run: x}\n", 2, '"*/5 * * * *"'),
        ('schedule: [*/5 1,2 * * *, "@daily"]\n', 1, '"*/5 1,2 * * *"'),
        ("schedule: @daily\n", 1, '"@daily"'),
        ("jobs:\n  - {id: a, schedule: @daily, run: x}\n", 2, '"@daily"'),
        ("name: >9 lives\n", 1, '">9 lives"'),
        ("run: &\n", 1, '"&"'),
        ("run: *\\d\n", 1, r"'*\d'"),
    ],
)
def test_text_that_begins_with_a_character_of_yaml_is_shown_quoted(text: str, line: int, value: str) -> None:
    found = fault(text)
    assert found[0] == line
    assert "unless it is quoted" in found[2]
    assert found[3].startswith("quote text that starts with `")
    assert found[3].endswith(f": {value}")
    assert load(f"a: {value}").value == {"a": value[1:-1]}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("name: 'it's'\n", 'quote all of it: "it\'s"'),
        ('run: "a" b\n', "quote all of it: '\"a\" b'"),
        ('run: "a b" "c d"\n', 'quote all of it: \'"a b" "c d"\''),
        ('name: "say "hi""\n', "quote all of it: 'say \"hi\"'"),
        ("env: {A: 'it's', B: y}\n", 'quote all of it: "it\'s"'),
        ('args: ["a" "b"]\n', "put a comma between the entries"),
        ("name: [x] y\n", 'quote text that starts with `[`: "[x] y"'),
        ("run: echo a: b # c\n", 'quote text that contains ": ": "echo a: b"'),
    ],
)
def test_a_value_that_ends_too_early_for_yaml_is_shown_quoted(text: str, hint: str) -> None:
    assert fault(text)[3] == hint


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ('schedule: "*/5 * * * *\nrun: x\n', 1, 11, "never closed", 'close it with "'),
        ('run: "abc\nname: "x"\n', 1, 6, "closes in line 2", "close it in line 1"),
        ("run: x\n  timeout: 1m\n", 2, 10, "deeper than line 1", "indent it like line 1"),
        ("jobs:\n- id: a\n  run: x\n   name: y\n", 4, 8, "deeper than line 3", "indent it like line 3"),
        ("jobs:\n  - id: a\n - id: b\n", 3, 2, "fits nothing above", "in column 1"),
        ("key value\nrun: x\n", 2, 4, "line 1 is no `key: value`", "a space after the colon"),
        ("a: [1, 2\nb: 3\n", 2, 2, "did not find", "the bracket that was opened in line 1"),
        ('a: ["x"', 1, 8, "did not find", "the bracket that was opened in line 1"),
        ("{a: b}}\n", 1, 7, "never opened", "remove it"),
        ("a:\n\t- b\n", 2, 1, "a tab", "spaces instead of tabs"),
        ("run: |\n\techo\n", 2, 1, "a tab", "spaces instead of tabs"),
        ('run: "a\\q"\n', 1, 8, "escape", "double it"),
        ('a: "x\x01"\n', 1, 6, "control characters", r'"\x01"'),
    ],
)
def test_a_fault_is_named_where_it_began(text: str, line: int, column: int, message: str, hint: str) -> None:
    found = fault(text)
    assert found[:2] == (line, column)
    assert message in found[2]
    assert hint in found[3]


@given(st.text("ab :-#,'\"*&>|@[]{}\\\n\t", max_size=30))
def test_every_complaint_can_be_explained(text: str) -> None:
    with suppress(YamlError):
        load(text)


def test_a_value_too_long_to_show_is_left_out_of_the_hint() -> None:
    assert fault("run: */" + "x" * 200 + "\n")[3] == "quote text that starts with `*`"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: b\n" + "\n" * 1_000_000 + "  c: d\n", 1_000_002, "indented deeper than line 1"),
        ("a\n" + " \n" * 500_000 + "c: d\n", 500_002, "line 1 is no `key: value`"),
        ("a: [" + "a," * 190_000 + "'x' y]\n", 1, "did not find expected ','"),
        ("a: [" + "a," * 190_000 + "\n", 2, "node content"),
        ("a: " + "[" * 40 + "'x' y\n", 1, "text follows"),
        ("a: '" + "x\n " * 300_000, 1, "never closed"),
    ],
)
def test_what_is_wrong_is_found_at_once_in_a_text_of_any_size(text: str, line: int, message: str) -> None:
    before = process_time()
    found = fault(text)
    assert process_time() - before < 5  # a second at most; it took hours
    assert (found[0], message in found[2]) == (line, True), found
