"""What callers hand to state and queues: JSON values, names and numbers.

Every way in (client, command line, HTTP) checks them here, so all refuse the same things with the
same words: ``InvalidValue``, whose message begins with ``what``, the thing as the caller knows it.
"""

import json
import math
import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final, TypeVar

from jeeves_runner.errors import DatabaseError, InvalidValue

T = TypeVar("T")

ID_PATTERN: Final = r"[a-z0-9][a-z0-9._-]{0,127}"
"""The whole of what can be the id of a job, a queue or a pool; a file of that name fits any system."""
ID_WORDS: Final = "lower-case letters, digits, `.`, `_` and `-`, at most 128, the first a letter or digit"
"""The same for people."""

MAX_NAME_LENGTH: Final = 512
MAX_JSON_LENGTH: Final = 64 * 1024 * 1024
MAX_WHOLE: Final = 2**31 - 1
EXACT: Final = 2**53
"""Up to here a float tells whole numbers from one another."""
PAGE: Final = 50
"""How many rows of a list a caller gets without saying how many."""
MAX_DIGITS: Final = 4300
"""Digits of a whole number: Python refuses more."""
_TOO_MANY_DIGITS: Final = "integer string conversion"
"""What Python says of them."""
MAX_DEPTH: Final = 100
"""Levels of lists and objects in a value: few enough that no script runs out of stack reading it."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_STRING_OR_BRACKET: Final = r'"(?:[^"\\]|\\.)*"|[\[{\]}]'


class Expect(Enum):
    """What a guarded write may expect besides a value."""

    ANYTHING = "anything"
    MISSING = "missing"


def to_json(value: object, what: str, *, levels: int = MAX_DEPTH) -> str:
    """The compact JSON text of ``value``.

    NaN, infinities, cycles, foreign types, keys that are not strings and more than so many
    levels are refused.
    """
    try:
        text = _encode(value)
        text.encode()
    except RecursionError as error:
        raise too_deep(what, levels) from error
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{what} holds a lone surrogate, which is no character") from error
    except (TypeError, ValueError) as error:
        raise InvalidValue(
            f"{what} is not a JSON value: {why_no_json(error)}",
            hint="use null, true and false, finite numbers, strings, and lists and objects of these",
        ) from error
    if len(text) > MAX_JSON_LENGTH:
        raise InvalidValue(f"{what} is longer than {MAX_JSON_LENGTH // 1024 // 1024} MiB as JSON")
    check_levels(value, what, levels)
    return text


def decode_json(text: str) -> Any:
    """The value of a JSON text; ValueError for anything else, RecursionError for one nested too deep.

    ``json.loads`` would take NaN, infinities and numbers too large for a float: what it makes of them could
    not be written as JSON again.
    """
    return _decode(text)


def parse_json(text: str) -> Any:
    """As ``decode_json``, but ValueError for a text that is nested too deep as well.

    A text within MAX_DEPTH raises RecursionError where the caller's stack has no room left for it.
    """
    try:
        return decode_json(text)
    except RecursionError:
        if _depth(text) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from None
        raise


def canonical_json(text: str) -> str:
    """One text for all JSON texts that are ``same_json``; ValueError if this is no JSON text."""
    return _encode_sorted(_with_whole_floats_as_int(parse_json(text)))


def from_json(text: str, where: str) -> Any:
    """The value of a JSON text of the database; DatabaseError naming ``where`` if it is none."""
    try:
        return parse_json(text)
    except ValueError as error:
        raise DatabaseError(
            f"{where} does not hold JSON: {why_no_json(error)}",
            hint="another program has written it; write it anew or delete it",
        ) from error


def fields_of(text: str, kind: type[T], names: Iterable[str], where: str) -> list[T]:
    """The values of a JSON object of the database under these names, each of type ``kind``.

    DatabaseError when one is missing or of another type.
    """
    held = from_json(text, where)
    wanted = [held.get(name) if isinstance(held, dict) else None for name in names]
    kinds: tuple[type[Any], ...] = (
        (int, float) if kind is float else (kind,)
    )  # 2.0 may have been written as 2
    fields: list[T] = [field for field in wanted if isinstance(field, kinds)]
    if len(fields) != len(wanted):
        raise DatabaseError(
            f"{where} does not hold {', '.join(names)} as this program writes them",
            hint="another program has changed it; put it right, or delete the row",
        )
    return fields


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, true and 1 are not (in Python they would be)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def is_id(text: str) -> bool:
    """Whether a text can be an id: see ID_WORDS."""
    return re.fullmatch(ID_PATTERN, text) is not None


def check_queue_id(queue_id: str) -> None:
    """InvalidValue for what no queue can be called."""
    if not is_id(queue_id):
        raise InvalidValue(f"{queue_id!r} cannot be the id of a queue", hint=f"use {ID_WORDS}")


def check_name(name: object, what: str) -> str:
    """``name`` if it can name a namespace, key or item: 1 to 512 characters, none of them NUL."""
    if not isinstance(name, str):
        raise InvalidValue(f"{what} must be a string, not {type(name).__name__}")
    if not name:
        raise InvalidValue(f"{what} is empty")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidValue(f"{what} is longer than {MAX_NAME_LENGTH} characters")
    return check_text(name, what)


def check_text(text: str, what: str) -> str:
    """``text`` if databases and programs can take it: no NUL, and nothing but characters."""
    if "\0" in text:
        raise InvalidValue(f"{what} holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{what} holds a lone surrogate, which is no character") from error
    return text


def check_whole(number: object, what: str, minimum: int, maximum: int = MAX_WHOLE) -> int:
    """``number`` if it is an integer from ``minimum`` to ``maximum`` (2,147,483,647)."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidValue(f"{what} must be a whole number, not {number!r}")
    if not minimum <= number <= maximum:
        raise InvalidValue(f"{what} must be between {minimum} and {maximum}, not {number}")
    return number


def too_deep(what: str, levels: int = MAX_DEPTH) -> InvalidValue:
    """The error for a value beyond so many levels."""
    return InvalidValue(
        f"{what} is nested deeper than {levels} levels", hint="keep the parts apart, or store them as text"
    )


def check_levels(value: object, what: str, levels: int = MAX_DEPTH) -> None:
    """InvalidValue beyond so many levels, and for keys that are not strings. The value has no cycles."""
    level = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for outer in level:
            if isinstance(outer, dict):
                _check_keys(outer, what)
                below += outer.values()
            elif isinstance(outer, list | tuple):
                below += outer
        if not below:
            return
        level = below
    raise too_deep(what, levels)


def _check_keys(mapping: dict[object, object], what: str) -> None:
    for key in mapping:
        if not isinstance(key, str):
            raise InvalidValue(
                f"{what} has the key {key!r}, which is not a string",
                hint="JSON knows strings only; use str(key)",
            )


def why_no_json(error: Exception) -> str:
    """What is wrong with a text or a value that is no JSON, by the exception that says so."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    return in_our_words(str(error))


def in_our_words(said: str) -> str:
    """What Python says of a value, without what it advises its own programmers."""
    return f"a number has more than {MAX_DIGITS:,} digits" if _TOO_MANY_DIGITS in said else said


def refuse_constant(name: str) -> None:
    """Of NaN and the infinities: ValueError. For decoders."""
    raise ValueError(f"{name} is not JSON")


def finite(text: str) -> float:
    """The number of a text; ValueError for one that no float holds. For decoders."""
    if math.isinf(value := float(text)):
        raise ValueError(f"{text} is too large a number")
    return value


_decode: Final = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite).decode


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in re.finditer(_STRING_OR_BRACKET, text):
        if match[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "]}":
            depth -= 1
    return deepest


def _with_whole_floats_as_int(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_whole_floats_as_int(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _with_whole_floats_as_int(inner) for key, inner in value.items()}
    return value
