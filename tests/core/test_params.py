"""Parameters of runs: which values a job takes, and what they are as texts."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.model import Param, ParamType
from jeeves_runner.core.params import (
    MAX_VALUE,
    Settled,
    param_variables,
    refreshed,
    row_text,
    row_values,
    settle,
    text_of,
)
from jeeves_runner.errors import InvalidValue

DAY = Param(name="day", enum=("monday", "sunday"), default="monday")
COUNT = Param(name="count", type=ParamType.INTEGER, required=True)
RATIO = Param(name="ratio", type=ParamType.NUMBER)
DRY = Param(name="dry-run", type=ParamType.BOOLEAN, default="false")
MONTH = Param(name="month", pattern="[0-9]{4}-[0-9]{2}")
TOKEN = Param(name="token", secret=True, pattern="[a-z0-9-]+")
DECLARED = (DAY, COUNT, RATIO, DRY, MONTH, TOKEN)


def refusal(given: dict[str, Any], *declared: Param) -> tuple[str, str | None]:
    with pytest.raises(InvalidValue) as refused:
        settle(declared or DECLARED, given)
    return refused.value.message, refused.value.hint


def test_of_a_required_parameter_the_form_is_told() -> None:
    year = MONTH._replace(required=True)
    hint = "give month a value: a string matching [0-9]{4}-[0-9]{2}"
    assert refusal({}, year) == ("the parameter month is required", hint)


def test_what_is_given_stands_beside_the_defaults_of_what_is_not() -> None:
    assert settle(DECLARED, {"count": "3"}) == Settled(
        {"day": "monday", "dry-run": "false", "count": "3"}, {}
    )
    assert settle(DECLARED, {"count": "3", "day": "sunday"}).shown["day"] == "sunday"


def test_secret_values_stand_apart() -> None:
    settled = settle(DECLARED, {"count": "3", "token": "hunter2"})
    assert settled.secret == {"token": "hunter2"}
    assert "token" not in settled.shown


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({}, "the parameter count is required", "give count a value: a whole number"),
        ({"count": "1", "dya": "x"}, "there is no parameter dya", "did you mean day?"),
        ({"count": "1", "DAY": "x"}, "there is no parameter DAY", "did you mean day?"),
        ({"count": "1", "zz": "x"}, "there is no parameter zz", "the parameters are day, count, ratio"),
        ({"count": "x"}, "the parameter count must be a whole number such as 42", None),
        (
            {"count": "1", "day": "mondai"},
            "must be one of monday, sunday, not mondai",
            "did you mean monday?",
        ),
        ({"count": "1", "day": ""}, "the parameter day must be one of monday, sunday, not empty", ""),
        ({"count": "1", "dry-run": "True"}, "the parameter dry-run must be true or false, not True", None),
        (
            {"count": "1", "month": "2026-1"},
            "month must match [0-9]{4}-[0-9]{2} as a whole, not 2026-1",
            None,
        ),
        ({"count": "1", "month": "x2026-01\n"}, "must match", None),
        ({"count": "1", "day": 5}, "the parameter day must be a string, not 5", None),
        ({"count": "1", "day": None}, "the parameter day must be a string, not null", None),
        ({"count": "1", "month": "a\0"}, "must match", None),
        ({"count": True}, "the parameter count must be a whole number", None),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str, hint: str | None) -> None:
    said, told = refusal(given)
    assert message in said
    assert (hint or "") in (told or "")


@pytest.mark.parametrize(("value", "hint"), [(5, 'quote it: "5"'), (True, 'quote it: "true"'), (6, None)])
def test_a_number_where_a_text_is_meant_is_told_to_be_quoted(value: object, hint: str | None) -> None:
    assert refusal({"day": value}, Param(name="day", enum=("5", "true")))[1] == hint
    assert refusal({"day": value}, Param(name="day"))[1] == f'quote it: "{json.dumps(value)}"'


def test_all_that_is_wrong_is_told_at_once() -> None:
    message, _ = refusal({"x": "1", "day": "never", "ratio": "1e999"})
    for part in (
        "no parameter x",
        "parameter day must",
        "parameter ratio must",
        "parameter count is required",
    ):
        assert part in message


def test_of_very_many_mistakes_some_are_told_at_once() -> None:
    begun = time.thread_time()
    message, _ = refusal({f"x{n}": "1" for n in range(50_000)})
    assert message.count("there is no parameter") == 10
    assert time.thread_time() - begun < 5


@pytest.mark.parametrize(
    ("count", "listed"), [(1, "v0"), (2, "one of v0, v1"), (10, "v8, v9"), (11, "v8, v9 …"), (99, "v8, v9 …")]
)
def test_of_many_values_the_first_are_listed(count: int, listed: str) -> None:
    message, _ = refusal({"v": "x"}, Param(name="v", enum=tuple(f"v{n}" for n in range(count))))
    assert message.endswith(f"{listed}, not x")


def test_a_wrong_value_is_not_said_to_be_missing_too() -> None:
    assert "required" not in refusal({"count": "x"})[0]


@pytest.mark.parametrize("value", ["HUNTER2!", "hunter2\n", 7, "\0", "hunter2" * 20_000, ["hunter2"]])
def test_a_secret_value_is_never_told(value: object) -> None:
    message, hint = refusal({"count": "1", "token": value})
    assert "parameter token must" in message
    assert "hunter" not in (message + (hint or "")).lower()
    assert not message.endswith("7")


def test_what_a_run_was_given_as_a_secret_stays_one() -> None:
    """Although its job may say otherwise by now."""
    plain = (Param(name="token", enum=("a",)),)
    with pytest.raises(InvalidValue) as refused:
        settle(plain, {"token": "hunter2"}, secret={"token"})
    assert "hunter2" not in refused.value.message
    assert settle(plain, {"token": "a"}, secret={"token"}) == Settled({}, {"token": "a"})


def test_a_job_that_declares_nothing_takes_any_texts() -> None:
    assert settle((), {"a": "1", "B": ""}) == Settled({"a": "1", "B": ""}, {})
    assert settle((), {"a": "x" * (MAX_VALUE + 1)}).shown.keys() == {"a"}
    for wrong in ({"a": 1}, {"a": "\0"}, {"": "1"}, {"a-b": "1", "A_B": "2"}):
        with pytest.raises(InvalidValue):
            settle((), wrong)


def test_a_long_value_is_refused() -> None:
    text = Param(name="text")
    assert settle((text,), {"text": "ä" * (MAX_VALUE // 2)}).shown
    assert "at most 64 KiB" in refusal({"text": "ä" * (MAX_VALUE // 2) + "a"}, text)[0]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("string", "", ""),
        ("string", " 007 ", " 007 "),
        ("string", 7, None),
        ("string", True, None),
        ("integer", "0", "0"),
        ("integer", "-42", "-42"),
        ("integer", 42, "42"),
        ("integer", 5.0, "5"),
        ("integer", 5.5, None),
        ("integer", 1e300, None),
        ("integer", "007", None),  # to a shell 010 is eight
        ("integer", "-0", None),
        ("integer", "+5", None),
        ("integer", " 5", None),
        ("integer", "5\n", None),
        ("integer", "٥", None),
        ("integer", "1_000", None),
        ("integer", "5.0", None),
        ("integer", "0x10", None),
        ("integer", "9223372036854775807", "9223372036854775807"),
        ("integer", "9223372036854775808", None),
        ("integer", "-9223372036854775808", "-9223372036854775808"),
        ("integer", "-9223372036854775809", None),
        ("integer", -(2**63), "-9223372036854775808"),
        ("integer", -(2**63) - 1, None),
        ("integer", 2**63 - 1, "9223372036854775807"),
        ("integer", 2**63, None),
        ("integer", "9" * 10_000, None),
        ("number", "1.50", "1.50"),
        ("number", "1e3", "1e3"),
        ("number", 0.1, "0.1"),
        ("number", 3, "3"),
        ("number", 2**63, "9223372036854775808"),
        ("number", "9223372036854775808", "9223372036854775808"),
        ("number", 10**400, None),
        ("number", 2**1024 - 1, None),
        ("number", ".5", None),
        ("number", "5.", None),
        ("number", "01", None),
        ("number", "1e999", None),
        ("number", "nan", None),
        ("number", "Infinity", None),
        ("number", float("nan"), None),
        ("number", "1" * 500, None),
        ("boolean", "true", "true"),
        ("boolean", False, "false"),
        ("boolean", "yes", None),
        ("boolean", 1, None),
        ("boolean", "", None),
    ],
)
def test_the_text_of_a_value(kind: str, value: object, text: str | None) -> None:
    assert text_of(ParamType(kind), value) == text


@given(st.sampled_from(ParamType), st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_a_text_is_the_text_of_itself_and_of_its_type(kind: ParamType, value: object) -> None:
    text = text_of(kind, value)
    if text is not None:
        assert text_of(kind, text) == text
        if kind is not ParamType.STRING:
            assert text_of(kind, json.loads(text)) is not None


def test_a_row_tells_that_a_secret_was_given_and_not_which() -> None:
    text = row_text(Settled({"day": "monday"}, {"token": "hunter2"}))
    assert text is not None
    assert "hunter2" not in text
    assert row_values(text) == {"day": "monday", "token": None}
    assert row_text(Settled({}, {})) is None
    assert row_values(None) == {}


def test_when_a_run_starts_what_it_was_given_stays_and_the_rest_has_its_default_by_now() -> None:
    declared = (Param(name="region", default="eu"), DAY, TOKEN)
    held = '{"day": "sunday", "token": null, "gone": "x"}'
    assert refreshed(declared, held, '["day", "token"]') == '{"region": "eu", "day": "sunday", "token": null}'
    assert refreshed(declared, held, '["token"]') == '{"region": "eu", "day": "monday", "token": null}'
    assert refreshed(declared, held, '["gone"]') == '{"region": "eu", "day": "monday", "gone": "x"}'
    assert refreshed((), '{"a": "1", "b": "2"}', '["a"]') == '{"a": "1"}'
    assert refreshed((TOKEN,), None, None) is None


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("no json", '["a"]'),
        ("[]", None),
        pytest.param(DEEP, None, id="too deep"),
        ('{"a": "1"}', "no json"),
        ('{"a": "1"}', "5"),
        ('{"a": "1"}', '{"a": 1}'),
        pytest.param('{"a": "1"}', DEEP, id="names too deep"),
    ],
)
def test_what_another_program_has_written_stays(text: str, given: str | None) -> None:
    assert refreshed((DAY,), text, given) == text


def test_what_is_no_name_was_not_given() -> None:
    assert refreshed((DAY,), '{"a": "1"}', '[["a"], 5, "a"]') == '{"day": "monday", "a": "1"}'


def test_names_become_variables() -> None:
    assert param_variables({"day": "x", "dry-run": "1"}) == {"JR_PARAM_DAY": "x", "JR_PARAM_DRY_RUN": "1"}
