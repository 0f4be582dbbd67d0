"""Schemas of payloads in manifests: what can be used, where mistakes stand, and that checking has an end."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import READER, assert_error, read

from jeeves_runner.core.manifest.payload_schemas import MAX_SCHEMA, faults_of, text_in
from jeeves_runner.core.payload_schema import misfit
from jeeves_runner.errors import InvalidValue


def spec_of(text: str, files: dict[str, bytes] | None = None) -> dict[str, Any]:
    def content(path: str) -> bytes:
        found = (files or {}).get(path)
        if found is None:
            raise InvalidValue("the file is missing")
        return found

    (entry,) = READER.read("jobs.d/q.yaml", text.encode(), content=content).entries
    return dict(json.loads(entry.text))


def test_stands_in_the_spec_as_one_text_for_all_that_mean_the_same() -> None:
    inline = spec_of("queues: [{id: q, payload_schema: {type: object, minProperties: 1}}]")
    assert inline["payload_schema"] == '{"minProperties":1,"type":"object"}'
    assert inline["payload_schema_file"] is None
    file = spec_of(
        "queues: [{id: q, payload_schema: schemas/q.json}]",
        {"/p/schemas/q.json": b' {"type": "object",\n "minProperties": 1.0}'},
    )
    assert file["payload_schema"] == inline["payload_schema"]
    assert file["payload_schema_file"] == "/p/schemas/q.json"


def test_a_mistake_is_told_with_its_place() -> None:
    assert_error(
        "queues:\n  - id: q\n    payload_schema:\n      properties:\n        id: {type: text}\n",
        5,
        20,
        "`payload_schema`: `type` names no type: ",
        "known types are string, integer",
    )
    assert_error(
        "queues:\n  - id: q\n    payload_schema:\n      pattern: (?=a)\n", 4, 16, "without look-around"
    )
    assert_error("queues:\n  - id: q\n    payload_schema: 5\n", 3, 21, "must be a JSON Schema, or the path")


def test_a_file_that_cannot_be_used_is_told_where_the_manifest_names_it() -> None:
    assert_error(
        "queues:\n  - id: q\n    payload_schema: a.json\n",
        3,
        21,
        "`payload_schema`: the file is not read here",
    )
    result = READER.read(
        "jobs.d/q.yaml",
        b"queues:\n  - id: q\n    payload_schema: a.json\n",
        content=lambda _: b'{"properties": {"id": {"minimum": "x"}}}',
    )
    (problem,) = result.problems
    assert (problem.line, problem.column) == (3, 21)
    assert "/p/a.json, at /properties/id/minimum: it is no JSON Schema" in problem.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "is not UTF-8"),
        (b"{", "is not JSON"),
        (b"[]", "holds no object"),
        (b'{"a": NaN}', "is not JSON"),
        (b"[" * 5000, "is not JSON"),
        (b" " * (MAX_SCHEMA + 1), "more than 64 KiB"),
    ],
)
def test_a_file_holds_one_schema(content: bytes, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        text_in(content)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"$ref": "other.json"}, "names no part of this schema"),
    ({"$ref": "https://example.com/a.json"}, "names no part of this schema"),
    ({"$ref": "#/$defs/none"}, "names no part of this schema"),
    ({"properties": {"a": {"$ref": "#/x-own"}}, "x-own": {}}, "names no part of this schema"),
    ({"$ref": "#"}, "contains itself"),
    ({"properties": {"children": {"items": {"$ref": "#"}}}}, "contains itself"),
    ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}, "contains itself"),
    ({"$dynamicRef": "#a"}, "`$dynamicRef` is not supported"),
    ({"properties": {"a": {"$id": "b"}}}, "may stand only at the top"),
    ({"$schema": "http://json-schema.org/draft-04/schema#"}, "no dialect that is known"),
    ({"$schema": "https://example.com/mine"}, "no dialect that is known"),
    ({"pattern": "("}, "missing )"),
    ({"patternProperties": {"(?=a)": {}}}, "without look-around"),
    ({"required": "a"}, "schema.required must be a list, not a string"),
    ({"description": "x" * MAX_SCHEMA}, "more than 64 KiB"),
]


@pytest.mark.parametrize(("schema", "message"), REFUSED, ids=range(len(REFUSED)))
def test_is_refused(schema: dict[str, Any], message: str) -> None:
    found = faults_of(json.dumps(schema))
    assert found
    assert message in found[0].message


USABLE: list[dict[str, Any]] = [
    {},
    {"$id": "https://example.com/q.json", "$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
    {"properties": {"a": {"$ref": "#/allOf/0"}}, "allOf": [{"type": ["object", "string"]}]},
    {"properties": {"$ref": {"type": "string"}, "0": {"$ref": "#/properties/$ref"}}},
    {"$ref": "#/$defs/a~1b", "$defs": {"a/b": True}},
    {"enum": [{"$ref": "elsewhere"}], "default": {"$dynamicRef": "#"}},
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "dependencies": {"a": ["b"], "c": {"type": "object"}},
    },
]


@pytest.mark.parametrize("schema", USABLE, ids=range(len(USABLE)))
def test_can_be_used(schema: dict[str, Any]) -> None:
    assert faults_of(json.dumps(schema)) == ()


def test_what_would_be_checked_without_end_is_refused_at_once() -> None:
    doubled = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    chain: dict[str, Any] = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(1500)}
    began = time.process_time()
    for defs, last in ((doubled, "a40"), (chain, "a1500")):
        (fault,) = faults_of(json.dumps({"$ref": "#/$defs/a0", "$defs": {**defs, last: {}}}))
        assert "references followed" in fault.message
    assert time.process_time() - began < 2


def test_a_pattern_takes_time_in_proportion_to_the_text() -> None:
    schema = json.dumps({"pattern": "^(a+)+$"})
    assert faults_of(schema) == ()
    began = time.process_time()
    assert misfit(schema, json.dumps("a" * 50_000 + "!")) == 'payload must match "^(a+)+$"'
    assert time.process_time() - began < 1


def test_many_queues_that_name_one_long_file_are_too_much_for_a_manifest() -> None:
    schema = json.dumps({"description": "x" * 60_000}).encode()
    text = "queues:\n" + "".join(f"  - {{id: q{n}, payload_schema: a.json}}\n" for n in range(100))
    result = READER.read("jobs.d/q.yaml", text.encode(), content=lambda _: schema)
    assert result.broken
    assert "with the schemas that it names" in result.problems[0].message


def test_a_queue_without_one_takes_any_payload() -> None:
    (entry,) = read("queues: [{id: q}]").entries
    assert json.loads(entry.text)["payload_schema"] is None


KEYWORDS = [
    *("$ref", "$id", "$schema", "$defs", "definitions", "$anchor", "type", "enum", "const", "properties"),
    *("patternProperties", "additionalProperties", "propertyNames", "required", "dependentRequired", "items"),
    *("dependentSchemas", "dependencies", "prefixItems", "contains", "minContains", "uniqueItems", "pattern"),
    *("minLength", "maximum", "multipleOf", "format", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"),
    *("unevaluatedProperties", "unevaluatedItems", "default", "a", "0"),
]
TEXTS = [
    "",
    "#",
    "#/$defs/a",
    "#/allOf/0",
    "#/properties/a",
    "string",
    "array",
    "a+",
    "(?=",
    "[",
    "date",
    "é",
]
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from(TEXTS)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)
SCHEMAS = st.dictionaries(st.sampled_from(KEYWORDS), VALUES, max_size=5)


@given(SCHEMAS, VALUES)
@settings(deadline=None)
def test_whatever_a_schema_holds_it_is_refused_in_words_or_judges_any_payload(
    schema: dict[str, Any], payload: object
) -> None:
    text = json.dumps(schema)
    faults = faults_of(text)
    for fault in faults:
        assert fault.message
    if not faults:
        wrong = misfit(text, json.dumps(payload))
        assert wrong is None or wrong.startswith("payload")
