"""YAML text to plain values, with the positions of everything and without YAML 1.1's surprises.

Built on libyaml's events. Plain scalars follow YAML 1.2's core schema: only ``true``/``false`` are
booleans, ``0777`` and ``12:30`` are text. Duplicate keys, second documents, tags, merge keys and
aliases that expand to too much are errors, each with a line and a column.
"""

import math
import re
from collections.abc import Callable
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

from jeeves_runner.core.manifest.yaml_faults import explain
from jeeves_runner.core.problem import KeyPath, Position
from jeeves_runner.core.wording import brief

MAX_SIZE: Final = 1024 * 1024
"""Bytes that a file may have."""
MAX_NODES: Final = 200_000
MAX_DEPTH: Final = 64

_LONGEST_NUMBER: Final = 20
"""Characters of the longest integer accepted; with thousands of digits Python itself would raise."""

_WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_STARTS: Final = frozenset("0123456789+-.")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
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


class _PositionsNeeded(Exception):
    """The quick pass has found something it can only describe with positions."""


class YamlDocument(NamedTuple):
    """The value of a text, and where its parts stand."""

    value: Any
    """Mappings, lists, texts, numbers, booleans and None."""
    holds_float: bool
    """Whether a number in it has a point or an exponent."""
    item_lines: dict[str, list[int]]
    """For each list directly below the top, the lines on which its items begin, from 1."""
    positions: dict[KeyPath, Position]
    """Where each key's value and each item begins; empty unless asked for."""
    keys: dict[KeyPath, Position]
    """Where each key itself begins; empty unless asked for."""

    def position(self, path: KeyPath) -> Position:
        """Where the value at ``path`` stands, or the nearest thing around it."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, (1, 1))

    def key_position(self, path: KeyPath) -> Position:
        """Where the key of ``path`` stands."""
        return self.keys.get(path) or self.position(path)


def decode(data: bytes) -> str:
    """The text of a manifest's bytes: UTF-8, with or without a mark, and not too large."""
    if len(data) > MAX_SIZE:
        raise YamlError(1, 1, "too_large", "the file is larger than 1 MiB", "split it into several manifests")
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


def load(text: str, *, positions: bool = False) -> YamlDocument:
    """The one document of ``text``; YamlError says what is wrong and where."""
    try:
        return _Builder(text, positions).document()
    except _PositionsNeeded:
        return load(text, positions=True)
    except YAMLError as error:
        fault = explain(error, text)
        raise YamlError(fault.line, fault.column, "yaml_syntax", fault.message, fault.hint) from None
    except ValueError as error:  # libyaml refuses lone surrogates and the like before it parses
        raise YamlError(
            1, 1, "yaml_syntax", f"the text cannot be read: {error}", "save it as UTF-8"
        ) from None


class _Builder:
    """Builds values from events; the stack is Python's own, bounded by MAX_DEPTH."""

    def __init__(self, text: str, positions: bool) -> None:
        # Any: the stubs allow None and events without a place in the text; libyaml gives neither.
        self._next: Callable[[], Any] = CParser(text).get_event
        self._record = positions
        self._holds_float = False
        self._item_lines: dict[str, list[int]] = {}
        self._positions: dict[KeyPath, Position] = {}
        self._keys: dict[KeyPath, Position] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def document(self) -> YamlDocument:
        self._next()  # the start of the stream
        event = self._next()
        if type(event) is StreamEndEvent:
            raise nothing_declared()
        assert type(event) is DocumentStartEvent
        event = self._next()
        if type(event) is ScalarEvent and event.value == "" and not event.style:
            raise nothing_declared()
        value = self._value(event, (), 0)
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
        return YamlDocument(value, self._holds_float, self._item_lines, self._positions, self._keys)

    def _value(self, event: Any, path: KeyPath, depth: int) -> Any:
        self._nodes += 1
        if self._record:
            self._positions[path] = _place(event)
        kind = type(event)
        if kind is ScalarEvent:
            value = self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, 1)
            return value
        if kind is AliasEvent:
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise YamlError(
                *_place(event),
                "too_deep",
                f"values are nested more than {MAX_DEPTH} deep",
                "see whether brackets are closed where they should be",
            )
        if event.tag is not None and event.tag != "!":
            raise _tag_error(event)
        before = self._nodes
        built: Any = self._mapping(path, depth) if kind is MappingStartEvent else self._sequence(path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (built, self._nodes - before + 1)
        return built

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        get, record = self._next, self._record
        while type(event := get()) is not MappingEndEvent:
            key = self._key(event, path, values)
            event = get()
            # Short texts are nearly everything; a call for each would cost a tenth of the whole.
            if type(event) is ScalarEvent and event.anchor is None and event.tag is None and not record:
                self._nodes += 1
                text = event.value
                plain = not event.style and (text in _WORDS or text[0] in _NUMBER_STARTS)
                values[key] = self._scalar(event) if plain else text
            else:
                values[key] = self._value(event, (*path, key) if record or depth == 0 else path, depth + 1)
        return values

    def _key(self, event: Any, path: KeyPath, values: dict[str, Any]) -> str:
        if type(event) is not ScalarEvent:
            raise YamlError(
                *_place(event), "key", "a key must be plain text", "quote text that starts with [ { * or &"
            )
        key: str = event.value
        if not event.style and (key in _WORDS or key == "<<"):
            raise _key_error(event)
        if key in values:
            if not self._record:
                raise _PositionsNeeded
            first = self._keys[(*path, key)][0]
            message = f"the key `{brief(key)}` stands here for the second time, first in line {first}"
            raise YamlError(*_place(event), "duplicate_key", message, "keep one of them")
        if self._record:
            self._keys[(*path, key)] = _place(event)
        return key

    def _sequence(self, path: KeyPath, depth: int) -> list[Any]:
        values: list[Any] = []
        lines: list[int] | None = None
        if depth == 1 and len(path) == 1:
            lines = self._item_lines[str(path[0])] = []
        while type(event := self._next()) is not SequenceEndEvent:
            if lines is not None:
                lines.append(event.start_mark.line + 1)
            values.append(self._value(event, (*path, len(values)) if self._record else path, depth + 1))
        return values

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if event.tag is not None and event.tag not in _CORE_TAGS:
            raise _tag_error(event)
        if event.style or event.tag is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in _NUMBER_STARTS:
            value = _number(text, event)
            if type(value) is float:
                self._holds_float = True
            return value
        return text

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise YamlError(
                *_place(event),
                "alias",
                f"`*{brief(event.anchor)}` refers to an anchor that is not there",
                f'quote text that starts with `*`: "*{brief(event.anchor)}"',
            )
        value, size = self._anchors[event.anchor]
        self._nodes += size
        if self._nodes > MAX_NODES:
            raise YamlError(
                *_place(event),
                "aliases",
                f"aliases expand to more than {MAX_NODES:,} values",
                "write out what differs, or split the file",
            )
        return value


def _number(text: str, event: ScalarEvent) -> Any:
    if (decimal := _INTEGER.fullmatch(text)) or _BASED.fullmatch(text):
        if len(text) > _LONGEST_NUMBER:
            raise YamlError(
                *_place(event),
                "number",
                f"the number {brief(text)} is too large",
                "quote it if it is text",
            )
        return int(text) if decimal else int(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
    elif not _NOT_FINITE.fullmatch(text):
        return text
    raise YamlError(
        *_place(event), "number", f"`{brief(text)}` is not a finite number", "quote it if it is text"
    )


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
