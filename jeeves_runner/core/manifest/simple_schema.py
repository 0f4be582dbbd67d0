"""A check by a simple JSON Schema, such as the config's.

Every command reads the config, and to load a library for JSON Schema takes longer than most of them run.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_NOTES: Final = frozenset(
    {"$schema", "title", "description", "default", "examples", "x-expected", "x-own", "x-secret", "x-type"}
)
"""Keywords that allow any value."""

_TYPES: Final[Mapping[str, type]] = {"object": dict, "array": list, "string": str, "integer": int}


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is certainly right.

    False also if the schema has a keyword that is not known here, or one of another type than the value's. So
    a full validator has the last word on a value that does not fit.
    """
    return all(_keeps(value, keyword, wanted, schema) for keyword, wanted in schema.items())


def matches(pattern: str, text: str) -> bool:
    """``pattern`` as the standard means it: in Python, ``$`` would let a trailing line break pass."""
    strict = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    return re.search(strict, text) is not None


def _keeps(value: Any, keyword: str, wanted: Any, schema: Mapping[str, Any]) -> bool:
    match keyword, value:
        case "type", _:
            # True and 1.0 are no integers.
            return isinstance(wanted, str) and type(value) is _TYPES.get(wanted)
        case "anyOf", _:
            return any(fits(value, branch) for branch in wanted)
        case "enum", str():
            return bool(value in wanted)
        case "minimum", int():
            return bool(value >= wanted)
        case "maximum", int():
            return bool(value <= wanted)
        case "minLength", str():
            return bool(len(value) >= wanted)
        case "pattern", str():
            return matches(wanted, value)
        case _, list() | dict():
            return _parts_keep(value, keyword, wanted, schema)
        case _:
            return keyword in _NOTES


def _parts_keep(value: Any, keyword: str, wanted: Any, schema: Mapping[str, Any]) -> bool:
    """The same of what a list or a mapping holds."""
    match keyword, value:
        case "items", list():
            return all(fits(item, wanted) for item in value)
        case "properties", dict():
            return all(fits(value[key], part) for key, part in wanted.items() if key in value)
        case "additionalProperties", dict():
            others = value.keys() - schema.get("properties", {}).keys()
            return all(wanted is not False and fits(value[key], wanted) for key in others)
        case "required", dict():
            return value.keys() >= set(wanted)
        case "propertyNames", dict():
            return all(fits(key, wanted) for key in value)
        case _:
            return keyword in _NOTES
