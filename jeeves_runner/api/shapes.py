"""JSON Schemas of documents, made of their types.

The server does not use them. Tests hold every answer to the schema of its route, so that the types say
truly what clients get.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from jeeves_runner.api.parameters import JsonSchema

_SIMPLE: Mapping[object, JsonSchema] = {
    object: {},
    NoneType: {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Path: {"type": "string"},
    IPv4Network: {"type": "string"},
    IPv6Network: {"type": "string"},
}


def schema_of(shape: object) -> JsonSchema:
    """The schema of a document's type, which stands for itself: nothing in it refers to another one.

    TypedDicts and NamedTuples are objects that have these fields and no others. ``object`` is any JSON
    value, a path is text, and ``Annotated[str, AnEnum]`` one of its words. TypeError for other types.
    """
    if shape in _SIMPLE:
        return _SIMPLE[shape]
    if is_typeddict(shape):
        return _object(shape, getattr(shape, "__required_keys__", frozenset()))
    if isinstance(shape, type) and issubclass(shape, tuple) and hasattr(shape, "_fields"):
        return _object(shape, shape._fields)
    return _composed(shape)


def _object(shape: Any, required: Sequence[str] | frozenset[str]) -> JsonSchema:
    hints = get_type_hints(shape, include_extras=True)
    return {
        "type": "object",
        "properties": {name: schema_of(hint) for name, hint in hints.items()},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _composed(shape: object) -> JsonSchema:
    parts = get_args(shape)
    match get_origin(shape):
        case origin if origin is Annotated:
            return _annotated(parts)
        case origin if origin in (NotRequired, Required):
            return schema_of(parts[0])
        case origin if origin is Literal:
            return {"enum": list(parts)}
        case origin if origin in (Union, UnionType):
            return {"anyOf": [schema_of(part) for part in parts]}
        case origin if origin in (list, tuple):
            return {"type": "array", "items": schema_of(parts[0])}
        case origin if origin in (dict, Mapping):
            return {"type": "object", "additionalProperties": schema_of(parts[1])}
    raise TypeError(f"no document is of the type {shape}")


def _annotated(parts: Sequence[object]) -> JsonSchema:
    kind, note = parts[0], parts[1]
    if isinstance(note, type) and issubclass(note, Enum):
        return {"enum": [word.value for word in note]}
    return schema_of(kind)
