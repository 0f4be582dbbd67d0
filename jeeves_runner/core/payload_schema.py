"""Payloads against the schema of their queue: what is wrong with one, in words that name the place in it.

Scripts import this module only where a queue has a schema, and the library with it.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from jeeves_runner.core.values import parse_json
from jeeves_runner.core.wording import brief

_TOLD: Final = 3
"""Faults that a message tells of."""
_LISTED: Final = 10
"""Values of an enum that a message lists."""

KINDS: Final = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
"""The types of JSON values, in words."""

_LIMITS: Final = {
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} keys",
    "maxProperties": "must have at most {} keys",
    "pattern": "must match {}",
    "format": "must have the form {}",
}
_WORDS: Final = {
    "uniqueItems": "must not hold the same item twice",
    "contains": "lacks an item that must be in it",
    "falseSchema": "must not be there",
    "not": "has a form that is not allowed",
    "oneOf": "must have exactly one of the forms that are allowed",
    "anyOf": "has none of the forms that are allowed",
    "unevaluatedItems": "has more items than are allowed",
    "additionalItems": "has more items than are allowed",
}

Place = Sequence[str | int]
"""The way to a value: keys of objects and, from 0, places in lists."""


def misfit(schema: str, payload: str, name: str = "payload") -> str | None:
    """What is wrong with a payload, both as JSON texts; None if nothing is. ``name``: what it is called.

    ValueError for a schema that cannot be used.
    """
    validator = compiled(schema)
    value = parse_json(payload)
    if validator.is_valid(value):
        return None
    return in_words(validator.iter_errors(value), name)


@lru_cache(maxsize=16)
def compiled(schema: str) -> Any:
    """What checks values by a schema, given as a JSON text. ValueError for one that cannot be used.

    Nothing is fetched, and its patterns take time in proportion to the text.
    """
    import jsonschema_rs

    return jsonschema_rs.validator_for(
        json.loads(schema), validate_formats=True, pattern_options=jsonschema_rs.RegexOptions(), offline=True
    )


def in_words(errors: Iterator[Any], name: str) -> str:
    """What a library's errors come to: the first few, each a clause that begins with the place."""
    found: dict[str, None] = {}
    for error in errors:
        found.update(dict.fromkeys(_faults(error, name)))
        if len(found) > _TOLD:
            break
    told = list(found)
    return "; ".join(told[:_TOLD]) + (" …" if len(told) > _TOLD else "")


def _faults(error: Any, name: str) -> Iterator[str]:
    place, kind = error.instance_path, error.kind
    match kind.name:
        case "required":
            yield f"{_called(name, [*place, kind.property])} is missing"
        case "additionalProperties" | "unevaluatedProperties":
            yield from (f"{_called(name, [*place, key])} is not allowed" for key in kind.unexpected)
        case "propertyNames":
            yield f"{_called(name, [*place, kind.error.instance])} is no allowed key"
        case "anyOf" | "oneOf" if (meant := _meant(kind)) is not None:
            for each in meant:
                yield from _faults(each, name)
        case _:
            yield f"{_called(name, place)} {_clause(kind, error.instance)}"


def _clause(kind: Any, value: object) -> str:
    match kind.name:
        case "type":
            return f"must be {' or '.join(KINDS[each] for each in kind.types)}, not {_kind_of(value)}"
        case "enum":
            options = [_shown(each) for each in kind.options[:_LISTED]]
            of = "one of " if len(options) > 1 else ""
            return f"must be {of}{', '.join(options)}{' …' if len(kind.options) > _LISTED else ''}"
        case "const":
            return f"must be {_shown(kind.expected_value)}"
        case keyword if keyword in _LIMITS:
            return _LIMITS[keyword].format(_shown(kind.value))
        case keyword:
            return _WORDS.get(keyword, "does not meet the schema")


def _meant(kind: Any) -> Sequence[Any] | None:
    """Of several forms the one that fits best: it alone is right at the top."""
    deeper = [branch for branch in getattr(kind, "context", ()) if all(each.instance_path for each in branch)]
    return deeper[0] if len(deeper) == 1 else None


def _called(name: str, place: Place) -> str:
    """The value at a place, as people write it: ``payload.thread.ids[2]``."""
    for step in place:
        if isinstance(step, int):
            name += f"[{step}]"
        else:
            name += f".{step}" if step.isidentifier() else f"[{_shown(step)}]"
    return name


def _shown(value: object) -> str:
    return brief(json.dumps(value, ensure_ascii=False))


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"
