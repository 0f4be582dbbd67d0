"""JSON Schemas of documents, made of their types.

The server does not use them. The description of the API is made of them, and tests hold every answer to the
schema of its route, so that the types say truly what clients get.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
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


class Field(NamedTuple):
    """One field of a document."""

    name: str
    """Its key."""
    shape: object
    """Its type."""
    required: bool
    """Whether every document has it."""


def has_fields(shape: object) -> bool:
    """Whether documents of this type are objects with fields of their own: TypedDicts and NamedTuples."""
    return is_typeddict(shape) or (
        isinstance(shape, type) and issubclass(shape, tuple) and hasattr(shape, "_fields")
    )


def fields_in(shape: Any) -> tuple[Field, ...]:
    """The fields of such a type, in their order."""
    required = shape.__required_keys__ if is_typeddict(shape) else shape._fields
    hints = get_type_hints(shape, include_extras=True)
    return tuple(Field(name, hint, name in required) for name, hint in hints.items())


def whole(named: type[Any]) -> JsonSchema:
    """The schema of a type with a name, which stands for itself: nothing in it refers to another one.

    An object has the fields of its type and no others.
    """
    if issubclass(named, Enum):
        return words_of(named)
    return {**object_of(named, whole), "additionalProperties": False}


Named = Callable[[type[Any]], JsonSchema]
"""What is written where an object with fields of its own, or a word of an enum, stands in a schema."""


def schema_of(shape: object, named: Named = whole) -> JsonSchema:
    """The schema of a document's type.

    ``object`` is any JSON value, a path is text, and ``Annotated[str, AnEnum]`` one of its words. TypeError
    for what no document is of.
    """
    if shape in _SIMPLE:
        return _SIMPLE[shape]
    if isinstance(shape, type) and has_fields(shape):
        return named(shape)
    return _composed(shape, named)


def object_of(shape: type[Any], named: Named) -> dict[str, object]:
    """The schema of an object with the fields of its type, and maybe others."""
    fields = fields_in(shape)
    return {
        "type": "object",
        "properties": {field.name: schema_of(field.shape, named) for field in fields},
        "required": sorted(field.name for field in fields if field.required),
    }


def words_of(enum: type[Enum]) -> dict[str, object]:
    """The schema of one of its words."""
    return {"type": "string", "enum": [word.value for word in enum]}


def _composed(shape: object, named: Named) -> JsonSchema:
    parts = get_args(shape)
    match get_origin(shape):
        case origin if origin is Annotated:
            return _annotated(parts, named)
        case origin if origin in (NotRequired, Required):
            return schema_of(parts[0], named)
        case origin if origin is Literal:
            return {"enum": list(parts)}
        case origin if origin in (Union, UnionType):
            return {"anyOf": [schema_of(part, named) for part in parts]}
        case origin if origin in (list, tuple):
            return {"type": "array", "items": schema_of(parts[0], named)}
        case origin if origin in (dict, Mapping):
            return {"type": "object", "additionalProperties": schema_of(parts[1], named)}
    raise TypeError(f"no document is of the type {shape}")


def _annotated(parts: Sequence[object], named: Named) -> JsonSchema:
    kind, note = parts[0], parts[1]
    if isinstance(note, type) and issubclass(note, Enum):
        return named(note)
    return schema_of(kind, named)
