"""JSON as the program reads it: the standard's, which knows no NaN and no infinity."""

import pytest

from jeeves_runner.core.values import canonical_json, decode_json, from_json, parse_json, to_json
from jeeves_runner.errors import DatabaseError, InvalidValue


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, -0.0, 1e3]}', {"a": [1, 2.5, 0.0, 1000.0]}),
        ('"NaN"', "NaN"),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1e-999", 0.0),
        (" null ", None),
    ],
)
def test_a_json_text_has_a_value(text: str, value: object) -> None:
    assert decode_json(text) == value
    assert parse_json(text) == value
    assert from_json(text, "state a/b") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is not JSON"),
        ('{"a": [Infinity]}', "Infinity is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e999", "1e999 is too large a number"),
        ("[-1e999]", "-1e999 is too large a number"),
        ("1" * 5000, "digits"),
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        ("[" * 5000 + "]" * 5000, "nested deeper than 100 levels"),
    ],
)
def test_any_other_text_has_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(text)
    with pytest.raises(ValueError, match=message):
        canonical_json(text)
    with pytest.raises(DatabaseError, match=f"state a/b does not hold JSON: .*{message}"):
        from_json(text, "state a/b")


def test_a_number_of_too_many_digits_is_told_in_words_of_ours() -> None:
    with pytest.raises(InvalidValue) as refused:
        to_json({"n": 10**5000}, "the payload")
    assert refused.value.message == "the payload is not a JSON value: a number has more than 4,300 digits"
    with pytest.raises(DatabaseError) as unreadable:
        from_json("1" * 5000, "state a/b")
    assert unreadable.value.message == "state a/b does not hold JSON: a number has more than 4,300 digits"
