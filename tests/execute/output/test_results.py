"""The line of a run's output that is its result."""

import json
import re

import pytest
from support.outputs import SECRETS, collected, cut_at

from jeeves_runner.execute.output.sink import Output


def test_the_last_result_line_counts_though_thousands_of_lines_follow() -> None:
    output = collected(
        b'JR_RESULT:{"tokens": 1}\nJR_RESULT:{"tokens": 2}\n', *(b"line %d\n" % n for n in range(5000))
    )
    assert output.result == '{"tokens": 2}'


def test_a_result_line_may_be_longer_than_any_chunk_and_lack_its_newline() -> None:
    value = {"text": "x" * 50_000}
    line = ("JR_RESULT: " + json.dumps(value)).encode()
    chunks = cut_at(line, list(range(0, len(line), 7)))
    output = collected(b"hello\n", *chunks)
    assert output.result is not None
    assert json.loads(output.result) == value


def test_only_a_whole_line_of_stdout_is_a_result() -> None:
    output = Output(None, 0)
    output.write("stdout", b'see JR_RESULT:{"tokens": 1}\n')
    output.write("stderr", b'JR_RESULT:{"tokens": 2}\n')
    output.close()
    assert (output.result, output.result_note) == (None, None)


def test_windows_line_endings_do_not_matter() -> None:
    assert collected(b'JR_RESULT:{"tokens": 2}\r\n').result == '{"tokens": 2}'


def test_secrets_are_masked_in_results_too() -> None:
    output = collected(b'JR_RESULT:{"key": "hunter2-secret"}\n', secrets=SECRETS)
    assert output.result == '{"key": "***"}'


@pytest.mark.parametrize(
    "secret", ['qu"ote\\back-secret', "pässwörd-秘密", "first line\nsecond line", "a/b/c/d/e"]
)
def test_what_json_escapes_in_a_result_is_masked_too(secret: str) -> None:
    every_character = "".join(f"\\u{ord(character):04X}" for character in secret)
    text = f'{{"{every_character}": [{json.dumps("<" + secret + ">")}, "{every_character}", 12]}}'
    output = collected(f"JR_RESULT:{text}\n".encode(), secrets=(secret,))
    assert output.result is not None
    shown = re.sub(r"\*{3}(\\n\*{3})?", "***", output.result)
    assert json.loads(shown) == {"***": ["<***>", "***", 12]}


def test_a_result_that_hides_no_secret_stays_as_it_was_written() -> None:
    text = '{"a":"\\u0061\\n",  "b":1, "c": "hunter"}'
    assert collected(f"JR_RESULT:{text}\n".encode(), secrets=SECRETS).result == text


@pytest.mark.parametrize("size", [65_537, 200_000, 1_000_000])
def test_a_result_over_64_kib_is_dropped_with_a_note(size: int) -> None:
    text = '{"a": "' + "x" * (size - 9) + '"}'
    assert len(text) == size
    output = collected(*cut_at(f"JR_RESULT:{text}\n".encode(), list(range(0, size, 65_536))), b"later\n")
    assert (output.result, output.result_note) == (None, "result dropped: over 64 KiB")


def test_a_result_of_64_kib_is_kept() -> None:
    text = '{"a": "' + "x" * (65_536 - 9) + '"}'
    assert collected(f"JR_RESULT:{text}\n".encode()).result == text


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", '{"a": NaN}', '{"a": 1e999}', "[" * 50 + "]" * 50])
def test_a_result_that_is_no_json_object_is_dropped_with_a_note(text: str) -> None:
    output = collected(f'JR_RESULT:{{"tokens": 1}}\nJR_RESULT:{text}\n'.encode())
    assert (output.result, output.result_note) == (None, "result dropped: not a JSON object")


@pytest.mark.parametrize("depth", [101, 5000])
def test_a_result_nested_too_deep_is_dropped_with_its_own_note(depth: int) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    output = collected(f"JR_RESULT:{nested}\n".encode())
    assert (output.result, output.result_note) == (
        None,
        "result dropped: nested more than 100 levels deep",
    )


@pytest.mark.parametrize("line", [" " * 65_536 + '{"a": 1}', '{"a": 1}' + " " * 65_536, "x" * 65_537])
def test_a_line_over_64_kib_is_too_long_whatever_it_holds(line: str) -> None:
    output = collected(f"JR_RESULT:{line}\n".encode())
    assert (output.result, output.result_note) == (None, "result dropped: over 64 KiB")


def test_blanks_around_a_result_do_not_matter() -> None:
    assert collected(b'JR_RESULT: \t {"a": 1}  \r\n').result == '{"a": 1}'
