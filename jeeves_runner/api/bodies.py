"""Bodies of requests: JSON objects of declared fields.

A type lists the fields of a body: a NamedTuple whose fields are ``Annotated`` with a kind. A field whose name
is a word of Python ends with an underscore there. The server uses the ``read`` of a kind; ``schema`` says the
same, and tests hold ``read`` to it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, TypeVar, get_type_hints

from aiohttp import HttpVersion11, web

from jeeves_runner.api.parameters import JsonSchema
from jeeves_runner.api.room import Room
from jeeves_runner.core.durations import DURATION_FORM, span_ms
from jeeves_runner.core.values import (
    MAX_DEPTH,
    check_levels,
    finite,
    refuse_constant,
    to_json,
    too_deep,
    why_no_json,
)
from jeeves_runner.core.wording import brief, in_quotes, known_words
from jeeves_runner.errors import InvalidValue, Overloaded
from jeeves_runner.side_thread import SideThread

T = TypeVar("T")

_SCALARS: Final = (str, int, float, bool)
_GO_ON: Final = "100-continue"
_LATER: Final = "send it again later"
_AS_IT_IS: Final = "identity"
_SMALL: Final = 1 << 14
"""Bytes that are read as JSON in the event loop. A million take 50 ms there."""

_LONG_TEXTS: Final = SideThread("bodies for HTTP")

_LEVELS: Final = MAX_DEPTH + 5
"""Of lists and objects in a body: a value that may be stored, and what is around it."""


class BodyKind(Protocol):
    """What a field of a body may be."""

    @property
    def schema(self) -> JsonSchema:
        """The same as JSON Schema."""

    def read(self, value: object, name: str) -> object:
        """The value that a handler gets; InvalidValue, its message beginning with ``name``."""


class TextField:
    """A text, or null for none."""

    schema: ClassVar[JsonSchema] = {"type": ["string", "null"]}
    says_all: ClassVar = True
    """Whether ``read`` takes all that the schema does. Of kinds that do not say so it is not known."""

    def read(self, value: object, name: str) -> str | None:
        if value is not None and not isinstance(value, str):
            raise InvalidValue(f"{name} must be a string")
        return value


class FormField(TextField):
    """A text of a form that its handler reads, such as a time or an address; or null for none."""

    says_all = False


class LengthField:
    """A length of time such as ``2h``, more than nothing; or null for none."""

    schema: ClassVar[JsonSchema] = {"type": ["string", "null"], "minLength": 2, "pattern": DURATION_FORM}
    says_all: ClassVar = False

    def read(self, value: object, name: str) -> timedelta | None:
        text = TextField().read(value, name)
        return None if text is None else timedelta(milliseconds=span_ms(text, name))


class FlagField:
    """True or false."""

    schema: ClassVar[JsonSchema] = {"type": "boolean"}
    says_all: ClassVar = True

    def read(self, value: object, name: str) -> bool:
        if not isinstance(value, bool):
            raise InvalidValue(f"{name} must be true or false")
        return value


class ParamsField:
    """The parameters of a run by name, or null for none. Which values they may have the job says."""

    schema: ClassVar[JsonSchema] = {
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }
    says_all: ClassVar = False

    def read(self, value: object, name: str) -> dict[str, object] | None:
        if value is None:
            return None
        message = f"{name} must be an object of strings, numbers, true and false"
        if not isinstance(value, dict):
            raise InvalidValue(message)
        for key, each in value.items():
            if not isinstance(each, _SCALARS):
                hint = "leave it out where it has no value" if each is None else None
                raise InvalidValue(f"{message}, and {brief(key)} is none of these", hint=hint)
        return value


class BodyField(NamedTuple):
    """One field of a body."""

    key: str
    """Its key in the JSON object."""
    kind: BodyKind
    """What it may be."""
    attribute: str
    """Its name in the type."""
    required: bool
    """Whether a body must have it."""


def fields_of(values: type) -> tuple[BodyField, ...]:
    """The fields that a NamedTuple declares."""
    found = _fields.get(values)
    if found is None:
        hints = get_type_hints(values, include_extras=True)
        defaults: Mapping[str, object] = getattr(values, "_field_defaults", {})
        found = _fields[values] = tuple(
            BodyField(name.rstrip("_"), hint.__metadata__[0], name, name not in defaults)
            for name, hint in hints.items()
        )
    return found


_fields: Final[dict[type, tuple[BodyField, ...]]] = {}


def read_fields(kinds: Sequence[type], given: Mapping[str, object], where: str = "") -> list[Any]:
    """The values of these types that one object holds together, with defaults for what it leaves out.

    ``where``: its place in the body, by which messages name its fields; empty for the body itself.
    InvalidValue for keys that are unknown or lacking, and for what a field may not be.
    """
    fields = {field.key: field for kind in kinds for field in fields_of(kind)}
    what = where or "the body"
    found = {}
    for key, value in given.items():
        field = fields.get(key)
        if field is None:
            raise InvalidValue(
                f"{what} has an unknown key {in_quotes(key)}", hint=known_words(key, fields, "keys")
            )
        found[key] = field.kind.read(value, f"{where}.{key}" if where else key)
    for key, field in fields.items():
        if field.required and key not in given:
            raise InvalidValue(f"{what} has no {key}")
    return [
        kind(**{field.attribute: found[field.key] for field in fields_of(kind) if field.key in found})
        for kind in kinds
    ]


def no_room() -> Overloaded:
    """The error for a body too many."""
    return Overloaded("too many bodies of requests are on their way", hint=_LATER)


class BodyReader(Generic[T]):
    """Makes the values of one type from the bodies of requests."""

    def __init__(self, values: type[T], room: Room, seconds: float) -> None:
        """``room``: for all bodies that are on their way; ``seconds``: until one must have come."""
        self._values = values
        self._room = room
        self._seconds = seconds

    @property
    def nothing(self) -> T:
        """The values of a request without a body."""
        return self._values()

    async def read(self, request: web.Request) -> T:
        """The values, with defaults for what the body leaves out or where there is none.

        InvalidValue for another body; HTTPRequestTimeout when it does not arrive in time,
        HTTPRequestEntityTooLarge for one that is too large, HTTPUnsupportedMediaType for one that says it is
        no JSON, and Overloaded while too many others are on their way.
        """
        text = await self.text(request)
        if text.strip():
            _check_type(request)
        return self._parse(text) if len(text) <= _SMALL else await self._parse_beside(text)

    def _parse(self, text: bytes) -> T:
        return self._of(_object(text))

    def _of(self, given: Mapping[str, object]) -> T:
        found: T
        [found] = read_fields([self._values], given)
        return found

    async def text(self, request: web.Request) -> bytes:
        """The body as it was sent; empty where there is none. The exceptions of ``read``, but for those that
        tell of its words."""
        if not request.can_read_body:
            return b""
        if request.headers.get("Content-Encoding", _AS_IT_IS).strip().lower() != _AS_IT_IS:
            raise web.HTTPUnsupportedMediaType
        size, most = request.content_length or 0, request.client_max_size
        if size > most:
            raise web.HTTPRequestEntityTooLarge(most, size)
        await go_on(request)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._parts(request)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None

    async def _parse_beside(self, text: bytes) -> T:
        """The values of a long text, read beside the event loop; in it where there can be no thread."""
        try:
            return await _LONG_TEXTS.call(partial(self._parse, text))
        except TimeoutError:
            raise Overloaded("too many long bodies are being read", hint=_LATER) from None
        except OSError:
            return self._parse(text)

    async def _parts(self, request: web.Request) -> bytes:
        most = request.client_max_size
        text = bytearray()
        try:
            async for part in request.content.iter_any():
                if len(text) + len(part) > most:
                    raise web.HTTPRequestEntityTooLarge(most, len(text) + len(part))
                if not self._room.take(len(part)):
                    raise no_room()
                text += part
            return bytes(text)
        finally:
            self._room.give_back(len(text))


async def expectation(request: web.Request) -> None:
    """Refuse what a client may not expect. What it may, comes when its body is read: see ``go_on``."""
    if request.version >= HttpVersion11 and request.headers.get("Expect", _GO_ON).lower() != _GO_ON:
        raise web.HTTPExpectationFailed


async def go_on(request: web.Request) -> None:
    """Tell a client that waits for it to send its body."""
    if request.version >= HttpVersion11 and "Expect" in request.headers:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


def _check_type(request: web.Request) -> None:
    """A body that says nothing of its type is taken for JSON."""
    if "Content-Type" not in request.headers:
        return
    kind, charset = request.content_type, (request.charset or "utf-8").lower()
    if not (kind == "application/json" or kind.endswith("+json")) or charset not in ("utf-8", "utf8"):
        raise web.HTTPUnsupportedMediaType


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON; InvalidValue if a key stands in it twice, because only one of them would count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:  # there may be a hundred thousand of them: each is looked at once
            if key in seen:
                raise InvalidValue(f"the body has the key {in_quotes(key)} more than once")
            seen.add(key)
    return found


def _object(text: bytes) -> Mapping[str, object]:
    """The JSON object of a text; an empty one has no fields."""
    if not text.strip():
        return {}
    try:
        value = json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=_without_twins,
            parse_constant=refuse_constant,
            parse_float=finite,
        )
    except RecursionError:
        raise too_deep("the body", _LEVELS) from None
    except ValueError as error:
        raise InvalidValue(f"the body is not JSON: {why_no_json(error)}") from error
    if not isinstance(value, dict):
        raise InvalidValue("the body must be a JSON object")
    if rb"\u" in text:  # only so can half a character come
        to_json(value, "the body", levels=_LEVELS)
    else:
        check_levels(value, "the body", _LEVELS)
    return value
