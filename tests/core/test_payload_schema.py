"""What is wrong with a payload, in words that name the place."""

import json
from typing import Any

import pytest

from jeeves_runner.core.payload_schema import misfit

THREAD = {"properties": {"thread": {"type": "object", "properties": {"id": {"type": "string"}}}}}

WRONG: list[tuple[dict[str, Any], object, str]] = [
    (THREAD, {"thread": {"id": 5}}, "payload.thread.id must be a string, not a number"),
    (THREAD, {"thread": None}, "payload.thread must be an object, not null"),
    ({"type": ["string", "null"]}, True, "payload must be null or a string, not true"),
    ({"items": {"type": "integer"}}, [1, 2, 1.5], "payload[2] must be a whole number, not a number"),
    ({"properties": {"a b": {"minimum": 3}}}, {"a b": 1}, 'payload["a b"] must be 3 or more'),
    ({"required": ["id"]}, {}, "payload.id is missing"),
    (
        {"additionalProperties": False, "properties": {"id": {}}},
        {"idd": 1},
        "payload.idd is not allowed",
    ),
    ({"enum": ["a", 1]}, "b", 'payload must be one of "a", 1'),
    ({"const": 1}, 2, "payload must be 1"),
    ({"maxLength": 2}, "abc", "payload must have at most 2 characters"),
    ({"minItems": 2}, [], "payload must have at least 2 items"),
    ({"pattern": "^a"}, "b", 'payload must match "^a"'),
    ({"format": "date-time"}, "yesterday", 'payload must have the form "date-time"'),
    ({"uniqueItems": True}, [1, 1], "payload must not hold the same item twice"),
    ({"propertyNames": {"pattern": "^x"}}, {"y": 1}, "payload.y is no allowed key"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "payload.b is missing"),
    ({"properties": {"a": False}}, {"a": 1}, "payload.a must not be there"),
    ({"not": {}}, 1, "payload has a form that is not allowed"),
    ({"unevaluatedProperties": False}, {"a": 1}, "payload.a is not allowed"),
    ({"contains": {"const": 1}}, [2], "payload lacks an item that must be in it"),
    (
        {"anyOf": [{"type": "integer"}, THREAD | {"type": "object"}]},
        {"thread": {"id": 5}},
        "payload.thread.id must be a string, not a number",
    ),
    (
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        [],
        "payload has none of the forms that are allowed",
    ),
    (
        {"required": ["a", "b", "c", "d"]},
        {},
        "payload.a is missing; payload.b is missing; payload.c is missing …",
    ),
]


@pytest.mark.parametrize(("schema", "payload", "words"), WRONG, ids=[words for _, _, words in WRONG])
def test_is_told_with_its_place(schema: dict[str, Any], payload: object, words: str) -> None:
    assert misfit(json.dumps(schema), json.dumps(payload)) == words


@pytest.mark.parametrize("number", [1.0, 10**30, -(2**63)])
def test_whole_numbers_are_those_of_json(number: float) -> None:
    assert misfit('{"type": "integer"}', json.dumps(number)) is None


def test_a_payload_is_called_as_its_caller_knows_it() -> None:
    assert misfit('{"type": "null"}', "1", "payloads[3]") == "payloads[3] must be null, not a number"


def test_a_schema_that_another_program_spoilt_is_an_error() -> None:
    with pytest.raises(ValueError, match="text"):
        misfit('{"type": "text"}', "1")
