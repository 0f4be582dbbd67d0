"""What callers hand to state and queues: JSON values, names and spans of time.

Every way in (client, command line, HTTP) checks them here, so all refuse the same things with the
same words: ``InvalidValue``, whose message begins with ``what``, the thing as the caller knows it.
"""

import json
import math
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from jeeves_runner.clock import to_text
from jeeves_runner.errors import DatabaseError, InvalidValue

Span = str | float | timedelta
"""A length of time: a duration such as ``"5m"``, seconds, or a timedelta."""

MAX_NAME_LENGTH: Final = 512
MAX_JSON_LENGTH: Final = 64 * 1024 * 1024
MAX_WHOLE: Final = 2**31 - 1
MAX_SPAN_MS: Final = 100 * 365 * 86_400_000

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Expect(Enum):
    """What a guarded write may expect besides a value."""

    ANYTHING = "anything"
    MISSING = "missing"


def to_json(value: object, what: str) -> str:
    """The compact JSON text of ``value``: NaN, infinities, cycles and foreign types are refused."""
    try:
        text = _encode(value)
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{what} holds a lone surrogate, which is no character") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(
            f"{what} is not a JSON value: {error}",
            hint="use null, true and false, finite numbers, strings, and lists and objects of these",
        ) from error
    if len(text) > MAX_JSON_LENGTH:
        raise InvalidValue(f"{what} is longer than {MAX_JSON_LENGTH // 1024 // 1024} MiB as JSON")
    return text


def from_json(text: str, where: str) -> Any:
    """The value of a JSON text of the database; DatabaseError naming ``where`` if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatabaseError(
            f"{where} does not hold JSON: {error}",
            hint="another program has written it; write it anew or delete it",
        ) from error


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, true and 1 are not (in Python they would be)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def check_name(name: object, what: str) -> str:
    """``name`` if it can name a namespace, key or item: 1 to 512 characters, none of them NUL."""
    if not isinstance(name, str):
        raise InvalidValue(f"{what} must be a string, not {type(name).__name__}")
    if not name:
        raise InvalidValue(f"{what} is empty")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidValue(f"{what} is longer than {MAX_NAME_LENGTH} characters")
    if "\0" in name:
        raise InvalidValue(f"{what} holds a NUL character")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{what} holds a lone surrogate, which is no character") from error
    return name


def check_whole(number: object, what: str, minimum: int) -> int:
    """``number`` if it is an integer from ``minimum`` to 2,147,483,647."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidValue(f"{what} must be a whole number, not {number!r}")
    if not minimum <= number <= MAX_WHOLE:
        raise InvalidValue(f"{what} must be between {minimum} and {MAX_WHOLE}, not {number}")
    return number


def span_ms(span: Span, what: str, *, minimum: int = 1) -> int:
    """Milliseconds of a span between ``minimum`` ms and 100 years; fractions of one count as a whole."""
    ms = _exact_ms(span, what)
    if not math.isfinite(ms) or not minimum <= ms <= MAX_SPAN_MS:
        least = "not negative" if minimum == 0 else "longer than nothing"
        raise InvalidValue(f"{what} must be {least} and at most 100 years, not {span}")
    return math.ceil(round(ms, 6))


def text_after(now: datetime, ms: int) -> str:
    """The time ``ms`` after ``now`` (before it if negative), at most 100 years away, as text."""
    return to_text(now + timedelta(milliseconds=max(-MAX_SPAN_MS, min(ms, MAX_SPAN_MS))))


def _exact_ms(span: Span, what: str) -> float:
    if isinstance(span, timedelta):
        return span / timedelta(milliseconds=1)
    if isinstance(span, str):
        # Most scripts never give a duration as text.
        from jeeves_runner.core.durations import parse_duration

        try:
            ms: int = parse_duration(span)
        except ValueError as error:
            raise InvalidValue(f"{what}: {error}") from error
        return ms
    if isinstance(span, bool) or not isinstance(span, int | float):
        raise InvalidValue(
            f"{what} is not a length of time: {span!r}", hint='write "5m", seconds, or a timedelta'
        )
    try:
        return float(span) * 1000
    except OverflowError:
        return math.inf
