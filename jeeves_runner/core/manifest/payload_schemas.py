"""The schema of a queue's payloads, as its manifest or a file has it: what is wrong with it.

It is applied while the database is locked, by each script that adds items. So it may name nothing outside
itself, and it must have an end: one that contained itself could keep a payload for hours.
"""

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from jeeves_runner.core.expressions import problem_of
from jeeves_runner.core.payload_schema import KINDS, compiled, in_words
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.values import canonical_json, parse_json, why_no_json
from jeeves_runner.core.wording import brief, shown
from jeeves_runner.errors import InvalidValue

MAX_SCHEMA: Final = 64 * 1024
"""Bytes that a schema may have, in its file and in the spec."""
MAX_PARTS: Final = 10_000
"""Schemas within a schema, each counted as often as it is referred to."""
MAX_LEVELS: Final = 64
"""How deep they may lie within one another, references followed."""

Content = Callable[[str], bytes]
"""The content of the file at an absolute path; InvalidValue, in words for people, if it cannot be read."""

_KEY: Final = ("payload_schema",)
_ONE: Final = (
    *("additionalProperties", "propertyNames", "items", "contains", "additionalItems", "unevaluatedItems"),
    *("unevaluatedProperties", "not", "if", "then", "else", "contentSchema"),
)
_SEVERAL: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED: Final = ("properties", "patternProperties", "dependentSchemas", "dependencies")
_APART: Final = ("$defs", "definitions")
"""What lies there counts where it is referred to."""
_REFUSED: Final = (
    *("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary"),
)
_DIALECTS: Final = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
)


class Fault(NamedTuple):
    """What is wrong with a schema."""

    place: KeyPath
    """The way to it from the top of the schema."""
    message: str
    """A clause without a full stop."""
    hint: str | None = None
    """What to do about it."""


def settle_schema(
    given: object, project_root: str, content: Content, findings: list[Finding]
) -> tuple[str | None, str | None]:
    """The schema as canonical JSON, and the file that it is from; what is wrong goes to ``findings``."""
    if not isinstance(given, str):
        text = canonical(given)
        for fault in faults_of(text):
            message = f"`payload_schema`: {fault.message}"
            findings.append(Finding((*_KEY, *fault.place), "wrong_value", message, fault.hint))
        return text, None
    path = posixpath.normpath(posixpath.join(project_root, given))
    try:
        text = text_in(content(path))
    except InvalidValue as error:
        message = f"`payload_schema`: {error.message}: {path}"
        findings.append(Finding(_KEY, "payload_schema", message, error.hint))
        return None, path
    for fault in faults_of(text):
        place = f", at {_pointer(fault.place)}" if fault.place else ""
        findings.append(
            Finding(_KEY, "payload_schema", f"`payload_schema`: {path}{place}: {fault.message}", fault.hint)
        )
    return text, path


def canonical(schema: object) -> str:
    """One text for all that mean the same."""
    return canonical_json(json.dumps(schema, ensure_ascii=False))


def text_in(content: bytes) -> str:
    """The canonical text of the schema that a file holds; InvalidValue if it holds none."""
    if len(content) > MAX_SCHEMA:
        raise InvalidValue(f"the file has more than {MAX_SCHEMA // 1024} KiB", hint="shorten the schema")
    try:
        value = parse_json(content.decode())
    except UnicodeDecodeError:
        raise InvalidValue("the file is not UTF-8", hint="save it as UTF-8") from None
    except ValueError as error:
        fault = f"the file is not JSON: {why_no_json(error)}"
        raise InvalidValue(fault, hint="let it hold one JSON Schema") from None
    if not isinstance(value, dict):
        raise InvalidValue("the file holds no object", hint="let it hold one JSON Schema")
    return canonical(value)


@lru_cache(maxsize=64)
def faults_of(text: str) -> tuple[Fault, ...]:
    """What is wrong with a schema, a canonical text; empty if it can be used."""
    if len(text.encode()) > MAX_SCHEMA:
        return (Fault((), f"the schema has more than {MAX_SCHEMA // 1024} KiB", "shorten it"),)
    schema = json.loads(text)
    if (fault := _meaningless(schema)) is not None:
        return (fault,)
    parts = dict(_parts((), schema))
    faults = tuple(fault for place, part in parts.items() for fault in _of_part(place, part, parts))
    if not faults:
        try:
            _Unrolled(parts).count((), ())
        except _NoEnd as error:
            return (error.fault,)
        try:
            compiled(text)
        except ValueError as error:
            return (Fault((), brief(str(error), 200)),)
    return faults


def _meaningless(schema: Mapping[str, Any]) -> Fault | None:
    """What is no JSON Schema at all."""
    import jsonschema_rs

    dialect = schema.get("$schema", _DIALECTS[0])
    if not isinstance(dialect, str) or dialect.removesuffix("#") not in _DIALECTS:
        hint = f"known are {', '.join(_DIALECTS)}"
        return Fault(("$schema",), f"`$schema` names no dialect that is known: {brief(str(dialect))}", hint)
    try:
        jsonschema_rs.meta.validate(dict(schema))
    except jsonschema_rs.ValidationError as error:
        place: KeyPath = tuple(error.instance_path)
        if place[-1:] == ("type",):
            known = f"known types are {', '.join(KINDS)}, and lists of these"
            return Fault(place, f"`type` names no type: {shown(error.instance)}", known)
        return Fault(place, f"it is no JSON Schema: {in_words(iter([error]), 'schema')}")
    return None


def _parts(place: KeyPath, schema: object) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """A schema and all within it, each with the way to it; ``true`` and ``false`` say nothing."""
    if isinstance(schema, bool):
        yield place, {}
    elif isinstance(schema, Mapping):
        yield place, schema
        for key, inner in _within(schema, (*_NAMED, *_APART)):
            yield from _parts((*place, *key), inner)


def _within(schema: Mapping[str, Any], named: tuple[str, ...]) -> Iterator[tuple[KeyPath, Any]]:
    for key in _ONE:
        if isinstance(schema.get(key), Mapping | bool):
            yield (key,), schema[key]
    for key in _SEVERAL:
        if isinstance(schema.get(key), list):
            yield from (((key, n), each) for n, each in enumerate(schema[key]))
    for key in named:
        yield from (((key, name), each) for name, each in schema.get(key, {}).items())


def _of_part(
    place: KeyPath, part: Mapping[str, Any], parts: Mapping[KeyPath, Mapping[str, Any]]
) -> Iterator[Fault]:
    for key in _REFUSED:
        if key in part:
            yield Fault(
                (*place, key), f"`{key}` is not supported", "refer to parts as `$ref: '#/$defs/NAME'`"
            )
    if place and "$id" in part:
        yield Fault((*place, "$id"), "`$id` may stand only at the top", "remove it")
    if "$ref" in part and _target(part["$ref"], parts) is None:
        message = f"`$ref: {brief(part['$ref'])}` names no part of this schema"
        hint = (
            "other files and addresses are not read: bring the part under `$defs`, and name it `#/$defs/NAME`"
        )
        yield Fault((*place, "$ref"), message, hint)
    if "pattern" in part and (wrong := problem_of(part["pattern"])) is not None:
        yield Fault((*place, "pattern"), f"`pattern`: {wrong}")
    for pattern in part.get("patternProperties", ()):
        if (wrong := problem_of(pattern)) is not None:
            yield Fault((*place, "patternProperties", pattern), f"`patternProperties`: {wrong}")


def _target(reference: str, parts: Mapping[KeyPath, object]) -> KeyPath | None:
    """The way to the part that a reference names; None if it names none of these."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    from urllib.parse import unquote

    place: KeyPath = ()
    for step in reference.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        place = (*place, int(name) if name.isdecimal() and place[-1:] and place[-1] in _SEVERAL else name)
    return next((each for each in (place, tuple(map(str, place))) if each in parts), None)


class _NoEnd(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class _Unrolled:
    """A schema with each reference replaced by what it names: counted, so that it has an end."""

    def __init__(self, parts: Mapping[KeyPath, Mapping[str, Any]]) -> None:
        self._parts = parts
        self._counts: dict[KeyPath, int] = {}

    def count(self, place: KeyPath, above: tuple[KeyPath, ...]) -> int:
        """How many schemas there are at a place and below. Raises _NoEnd for more than are allowed."""
        if place in above:
            message = (
                "the schema contains itself by `$ref`, and payloads could take without end to be checked"
            )
            raise _NoEnd(Fault(place, message, "write out as many levels as a payload may have"))
        if len(above) > MAX_LEVELS:
            raise _NoEnd(Fault((), f"it lies more than {MAX_LEVELS} levels deep, references followed"))
        if place not in self._counts:
            part = self._parts[place]
            below = [way for key, _ in _within(part, _NAMED) if (way := (*place, *key)) in self._parts]
            if "$ref" in part and (target := _target(part["$ref"], self._parts)) is not None:
                below.append(target)
            total = 1 + sum(self.count(each, (*above, place)) for each in below)
            if total > MAX_PARTS:
                message = f"it comes to more than {MAX_PARTS:,} schemas, references followed"
                raise _NoEnd(Fault(place, message, "refer less often, or say less"))
            self._counts[place] = total
        return self._counts[place]


def _pointer(place: KeyPath) -> str:
    return "".join(f"/{step}" for step in place)
