"""Examples in the description of the API, made of the types of documents: no second list of their fields.

A document's example has all its fields. What a field shows is known by its name, since names mean the same
everywhere: ``job_id`` is the id of a job wherever it stands. Where one type means something else by a name,
``TYPE.name`` comes first. A text that may be null is null unless its name is known. Bodies have theirs whole,
because their fields exclude one another. Tests hold each example to its schema, and each body to what reads
it.
"""

from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Required, Union, get_args, get_origin

from jeeves_runner.api.example_values import AT, ENUMS, PLACES, QUERIES, VALUES
from jeeves_runner.api.shapes import fields_in, has_fields

_MS: Final = 60_000
_NUMBER: Final = 7
_ABSENT: Final = object()


def example_of(shape: object) -> object:
    """A document of this type. TypeError for a field of which it is not known what it shows."""
    return _value(shape, "", "", ())


def example_of_place(name: str, owner: str) -> object:
    """A value in the path of a request. KeyError for a name of which none is known."""
    return PLACES.get(f"{owner}.{name}") or PLACES[name]


def example_of_query(name: str, owner: str) -> object:
    """A value in the query of a request. KeyError likewise."""
    return QUERIES.get(f"{owner}.{name}") or QUERIES[name]


def _value(shape: Any, name: str, owner: str, above: tuple[object, ...]) -> Any:
    """``owner``: the type whose field it is; ``above``: those that it is within, for types that hold
    themselves."""
    known = _known(name, owner)
    if shape in above:
        return _ABSENT
    if isinstance(shape, type) and has_fields(shape):
        fields = {
            field.name: _value(field.shape, field.name, shape.__name__, (*above, shape))
            for field in fields_in(shape)
        }
        return {key: value for key, value in fields.items() if value is not _ABSENT}
    parts = get_args(shape)
    match get_origin(shape):
        case origin if origin is Annotated and isinstance(parts[1], type) and issubclass(parts[1], Enum):
            return known if known in [word.value for word in parts[1]] else _word(parts[1])
        case origin if origin in (Annotated, NotRequired, Required):
            return _value(parts[0], name, owner, above)
        case origin if origin in (Union, UnionType):
            is_empty = known is None or (NoneType in parts and not _is_shown(_first(parts), name, known))
            return None if is_empty else _value(_first(parts), name, owner, above)
        case origin if origin in (list, tuple):
            each = _value(parts[0], name, owner, above)
            return [] if each is _ABSENT or known is None else [each]
        case origin if origin in (dict, Mapping):
            key = known if isinstance(known, str) else name
            return known if isinstance(known, dict) else {key: _value(parts[1], "", owner, above)}
        case origin if origin is Literal:
            return known if known in parts else parts[0]
    return known if _fits(known, shape) else _by_ending(shape, name, owner)


def _known(name: str, owner: str) -> Any:
    return VALUES.get(f"{owner}.{name}", VALUES.get(name, _ABSENT))


def _fits(known: object, shape: object) -> bool:
    if known is _ABSENT:
        return False
    return shape is object or type(known) is (shape if shape in (bool, int, float) else str)


def _is_shown(shape: object, name: str, known: object) -> bool:
    """Whether a field that may be null has a value in examples."""
    return shape is not str or known is not _ABSENT or name.endswith("_at")


def _first(parts: tuple[Any, ...]) -> Any:
    return next(part for part in parts if part is not NoneType)


def _word(enum: type[Enum]) -> object:
    return ENUMS.get(enum, next(iter(enum))).value


def _by_ending(shape: object, name: str, owner: str) -> object:
    if shape is bool:
        return False
    if shape is int:
        return _MS if name.endswith("_ms") else _NUMBER if name.endswith("id") else 0
    if shape is str and name.endswith("_at"):
        return AT
    raise TypeError(f"no example shows what {owner}.{name} is: api/example_values.py")
