"""What a job expects of the final text of its session."""

import pytest

from jeeves_runner.execute.session.expected import MAX_LOOKED_AT, answer_in, fault_of


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("done", "done"),
        ("  done \n", "done"),
        ('JR_RESULT:{"tokens": 1}\ndone\nJR_RESULT:{}', "done"),
        ("```json\n{}\n```", "{}"),
        ('```\n{}\n```\nJR_RESULT:{"a": 1}', "{}"),
        ("~~~~\n[1]\n~~~~\n", "[1]"),
        ("see\n```\n{}\n```", "see\n```\n{}\n```"),
        ("```\none\n```\nand\n```\ntwo\n```", "```\none\n```\nand\n```\ntwo\n```"),
        ("```\nhalf", "```\nhalf"),
        ("```\n```", ""),
        ("  JR_RESULT:{}", "JR_RESULT:{}"),
        ("", ""),
    ],
)
def test_result_lines_and_one_fence_around_all_are_left_out(text: str, answer: str) -> None:
    assert answer_in(text) == answer


@pytest.mark.parametrize(
    "text", ['{"a": 1}', "[]", '```json\n{"a": [1]}\n```', ' [1]\nJR_RESULT:{"tokens": 2}']
)
def test_json_is_an_object_or_a_list(text: str) -> None:
    assert fault_of("json", text, is_cut=False) is None


@pytest.mark.parametrize("text", ["", "3", "null", '"text"', "{} {}", "{'a': 1}", "NaN", "[" * 100_000])
def test_everything_else_is_no_json_that_is_expected(text: str) -> None:
    fault = fault_of("json", text, is_cut=False)
    assert fault is not None
    assert fault.startswith("expected an object or a list as JSON, and got ")


def test_a_regular_expression_fits_some_part() -> None:
    assert fault_of("merged [0-9]+", "I have merged 12 of them", is_cut=False) is None
    assert (
        fault_of("merged [0-9]+", "I could not\nhelp", is_cut=False)
        == "expected a text that fits `merged [0-9]+`, and got 'I could not\\nhelp'"
    )
    assert fault_of("x", "", is_cut=False) == "expected a text that fits `x`, and got nothing"


def test_a_text_that_is_too_long_for_an_expression_is_not_tried() -> None:
    fault = fault_of("x", "x" * 70_000, is_cut=False)
    assert fault is not None
    assert "70,000 bytes" in fault


@pytest.mark.parametrize("expected", ["json", "x"])
def test_a_text_that_would_keep_the_server_busy_is_not_looked_at(expected: str) -> None:
    """Not even for its result lines."""
    assert fault_of("json", "[" + " " * (MAX_LOOKED_AT - 2) + "]", is_cut=False) is None
    fault = fault_of(expected, "[" + "1," * MAX_LOOKED_AT + "1]", is_cut=False)
    assert fault is not None
    assert fault.endswith("the text has 2,097,155 characters, where at most 1,048,576 are looked at")


def test_of_a_text_that_was_cut_it_is_said() -> None:
    assert fault_of("x", "x y", is_cut=True) is None
    fault = fault_of("json", '{"a": "xxxx', is_cut=True)
    assert fault is not None
    assert fault.endswith("; the gateway has cut the text")


def test_blanks_without_end_take_no_time() -> None:
    assert fault_of("json", "```\n" + " " * 2_000_000 + "x", is_cut=False) is not None
