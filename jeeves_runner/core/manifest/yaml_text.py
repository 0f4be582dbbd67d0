"""YAML text to plain values, with the positions of what is asked for and without YAML 1.1's surprises.

Built on libyaml's events. Duplicate keys, second documents, tags, merge keys and text that comes to more
than ``budget`` allows are errors, each with a line and a column.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from jeeves_runner.core.manifest.budget import MAX_DEPTH, MAX_SIZE, MAX_VALUES, SPLIT, Size
from jeeves_runner.core.manifest.yaml_faults import explain
from jeeves_runner.core.manifest.yaml_places import Place, Places
from jeeves_runner.core.manifest.yaml_scalars import NUMBER_STARTS, WORDS, NotANumber, plain_value
from jeeves_runner.core.problem import KeyPath, Position
from jeeves_runner.core.wording import brief

DEFAULTS: Final = "defaults"
"""The key at the top of a file whose value counts for each of its jobs."""

_CORE_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:str"})


class YamlError(Exception):
    """The text is not acceptable YAML. Line and column count from 1."""

    def __init__(self, line: int, column: int, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.code = code
        self.message = message
        self.hint = hint


class _LinesNeeded(Exception):
    """A key stands twice: to name the line of the first one, all keys' lines must be noted."""


class YamlDocument(NamedTuple):
    """The value of a text, and what is needed of the text besides."""

    value: Any
    """Mappings, lists, texts, numbers, booleans and None."""
    holds_float: bool
    """Whether a number in it has a point or an exponent."""
    item_lines: dict[str, list[int]]
    """For each list directly below the top, the lines on which its items begin, from 1."""
    size: Size
    """How much it comes to, aliases included."""
    of_defaults: Size
    """The part of it below the key ``DEFAULTS`` at the top."""


def decode(data: bytes) -> str:
    """The text of a manifest's bytes: UTF-8, with or without a mark, and not too large."""
    if len(data) > MAX_SIZE:
        raise YamlError(1, 1, "too_large", "the file is larger than 1 MiB", SPLIT)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise YamlError(
            line,
            column,
            "not_utf8",
            f"the file is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}",
            "save it as UTF-8",
        ) from None
    return text


def nothing_declared() -> YamlError:
    """The error of a file that is empty, or as good as that: it may be half saved."""
    return YamlError(1, 1, "empty", "the file declares nothing", "delete it, or write `jobs: []`")


def load(text: str) -> YamlDocument:
    """The one document of ``text``; YamlError says what is wrong and where."""
    try:
        return _Builder(text).document()
    except _LinesNeeded:
        return _Builder(text, with_lines=True).document()
    except YAMLError as error:
        fault = explain(error, text)
        raise YamlError(fault.line, fault.column, "yaml_syntax", fault.message, fault.hint) from None
    except ValueError as error:  # libyaml refuses lone surrogates and the like before it parses
        raise YamlError(
            1, 1, "yaml_syntax", f"the text cannot be read: {error}", "save it as UTF-8"
        ) from None


def locate(text: str, paths: Iterable[KeyPath]) -> Places:
    """Where the values at ``paths`` stand in a text that can be loaded."""
    places = Places(paths)
    _Builder(text, places.top).document()
    return places


class _Anchored(NamedTuple):
    """What an alias stands for."""

    value: Any
    size: Size
    written: str | None
    """A plain scalar as it is written."""


class _Builder:
    """Builds values from events; the stack is Python's own, bounded by MAX_DEPTH.

    ``top``: the places to fill in. ``with_lines``: a key that stands twice is told with both lines.
    """

    def __init__(self, text: str, top: Place | None = None, *, with_lines: bool = False) -> None:
        # Any: the stubs allow None and events without a place in the text; libyaml gives neither.
        self._next: Callable[[], Any] = CParser(text).get_event
        self._top = top
        self._with_lines = with_lines
        self._holds_float = False
        self._item_lines: dict[str, list[int]] = {}
        self._of_defaults = Size()
        self._anchors: dict[str, _Anchored] = {}
        self._length = len(text)
        self._values = 0
        self._copied = 0
        """Characters that aliases have brought in."""

    def document(self) -> YamlDocument:
        self._next()  # the start of the stream
        event = self._next()
        if type(event) is StreamEndEvent:
            raise nothing_declared()
        assert type(event) is DocumentStartEvent
        event = self._next()
        if type(event) is ScalarEvent and event.value == "" and not event.style:
            raise nothing_declared()
        value = self._value(event, self._top, 0)
        self._next()  # the end of the document
        event = self._next()
        if type(event) is not StreamEndEvent:
            line, column = _place(event)
            raise YamlError(
                line,
                column,
                "second_document",
                "a second document starts here",
                "one document per file: use `jobs:`",
            )
        return YamlDocument(value, self._holds_float, self._item_lines, self._size, self._of_defaults)

    @property
    def _size(self) -> Size:
        """What has been read so far, as if the rest of the file held no value."""
        return Size(self._values, self._length + self._copied)

    def _value(self, event: Any, place: Place | None, depth: int, key: str = "") -> Any:
        """``key``: the one at the top that the value has, if it is directly below the top."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise self._too_much(event)
        if place is not None:
            place.value = _place(event)
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, place, key)
        values, copied = self._values, self._copied
        if kind is ScalarEvent:
            built = self._scalar(event)
            written = None if event.style else event.value
            if place is not None:
                place.written = written
            end = event
        else:
            if depth > MAX_DEPTH:
                raise YamlError(
                    *_place(event),
                    "too_deep",
                    f"values are nested more than {MAX_DEPTH} deep",
                    "see whether brackets are closed where they should be",
                )
            if event.tag is not None and event.tag != "!":
                raise _tag_error(event)
            written = None
            if kind is MappingStartEvent:
                built, end = self._mapping(place, depth)
            else:
                built, end = self._sequence(place, depth, key)
        if event.anchor is not None or key == DEFAULTS:
            length = end.end_mark.index - event.start_mark.index
            size = Size(self._values - values + 1, self._copied - copied + length)
            self._note(key, event.anchor, _Anchored(built, size, written))
        return built

    def _note(self, key: str, anchor: str | None, anchored: _Anchored) -> None:
        if key == DEFAULTS:
            self._of_defaults = anchored.size
        if anchor is not None:
            self._anchors[anchor] = anchored

    def _too_much(self, event: Any) -> YamlError:
        message = f"the file holds {self._size.excess}"
        return YamlError(*_place(event), "too_much", message, SPLIT)

    def _mapping(self, place: Place | None, depth: int) -> tuple[dict[str, Any], Any]:
        """The values, and the event that ends them."""
        values: dict[str, Any] = {}
        lines: dict[str, int] | None = {} if self._with_lines else None
        below = place.below if place is not None else None
        inner: Place | None = None
        get = self._next
        while type(event := get()) is not MappingEndEvent:
            key = self._key(event, values, lines)
            if below and (inner := below.get(key)) is not None:
                inner.key = _place(event)
            event = get()
            # Short texts are nearly everything; a call for each would cost a tenth of the whole.
            if type(event) is ScalarEvent and event.anchor is None and event.tag is None and inner is None:
                self._values += 1
                text = event.value
                plain = not event.style and (text in WORDS or text[0] in NUMBER_STARTS)
                values[key] = self._scalar(event) if plain else text
            else:
                values[key] = self._value(event, inner, depth + 1, key if depth == 0 else "")
        self._values += len(values)  # its keys
        if self._values > MAX_VALUES:
            raise self._too_much(event)
        return values, event

    def _key(self, event: Any, values: dict[str, Any], lines: dict[str, int] | None) -> str:
        if type(event) is not ScalarEvent:
            raise YamlError(
                *_place(event), "key", "a key must be plain text", "quote text that starts with [ { * or &"
            )
        key: str = event.value
        if not event.style and (key in WORDS or key == "<<"):
            raise _key_error(event)
        if key in values:
            if lines is None:
                raise _LinesNeeded
            message = f"the key `{brief(key)}` stands here for the second time, first in line {lines[key]}"
            raise YamlError(*_place(event), "duplicate_key", message, "keep one of them")
        if lines is not None:
            lines[key] = _place(event)[0]
        return key

    def _sequence(self, place: Place | None, depth: int, key: str) -> tuple[list[Any], Any]:
        """The items, and the event that ends them."""
        values: list[Any] = []
        lines = self._item_lines.setdefault(key, []) if depth == 1 and key else None
        below = place.below if place is not None else None
        while type(event := self._next()) is not SequenceEndEvent:
            if lines is not None:
                lines.append(event.start_mark.line + 1)
            inner = below.get(len(values)) if below else None
            if type(event) is ScalarEvent and event.anchor is None and event.tag is None and inner is None:
                self._values += 1
                if self._values > MAX_VALUES:
                    raise self._too_much(event)
                text = event.value
                plain = not event.style and (text in WORDS or text[0] in NUMBER_STARTS)
                values.append(self._scalar(event) if plain else text)
            else:
                values.append(self._value(event, inner, depth + 1))
        return values, event

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if event.tag is not None and event.tag not in _CORE_TAGS:
            raise _tag_error(event)
        if event.style or event.tag is not None:
            return text
        try:
            value = plain_value(text)
        except NotANumber as error:
            raise YamlError(*_place(event), "number", str(error), "quote it if it is text") from None
        if type(value) is float:
            self._holds_float = True
        return value

    def _alias(self, event: Any, place: Place | None, key: str) -> Any:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise YamlError(
                *_place(event),
                "alias",
                f"`*{brief(event.anchor)}` refers to an anchor that is not there",
                f'quote text that starts with `*`: "*{brief(event.anchor)}"',
            )
        self._values += anchored.size.values
        self._copied += anchored.size.characters
        if (excess := self._size.excess) is not None:
            raise YamlError(
                *_place(event),
                "aliases",
                f"aliases expand the file to {excess}",
                "write out what differs, or split the file",
            )
        if place is not None:
            place.written = anchored.written
        self._note(key, None, anchored)
        return anchored.value


def _place(event: Any) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1)


def _key_error(event: ScalarEvent) -> YamlError:
    if event.value == "<<":
        return YamlError(
            *_place(event),
            "merge_key",
            "merge keys (`<<`) are not supported",
            "use `defaults:` or _defaults.yaml",
        )
    return YamlError(*_place(event), "key", f"the key `{event.value}` is not text", "quote it")


def _tag_error(event: Any) -> YamlError:
    return YamlError(
        *_place(event), "tag", f"tags such as `{brief(event.tag)}` are not supported", "remove the tag"
    )
