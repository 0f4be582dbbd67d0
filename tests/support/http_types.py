"""The types of the API's description: on which page each is told, and how people read it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jeeves_runner.api.route import Route, Subject

Schema = Mapping[str, Any]

_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}
_SHARED: Final = 8
"""How many fields two types must have in common, for the longer one to be told by the shorter one."""


class Part(NamedTuple):
    """A type whose fields another one has too."""

    name: str
    """Its name."""
    keys: frozenset[str]
    """Its fields."""


class Types:
    """The types that answers are of, and the subject that tells of each."""

    def __init__(self, subjects: Sequence[Subject], document: Schema) -> None:
        self.document = document
        self.schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self.homes: dict[str, Subject] = {}
        self._top: dict[str, Route] = {}
        for subject in subjects:
            self._settle(self._answers(subject), subject, subjects)
        for subject in subjects:
            for route in subject.routes:
                for content in self._contents(route):
                    name = self.name(content["schema"])
                    if name is not None and self.homes[name] == subject:
                        self._top.setdefault(name, route)

    def of(self, subject: Subject) -> list[str]:
        """The types that the page of a subject tells."""
        return [name for name, home in self.homes.items() if home == subject]

    def name(self, schema: Schema) -> str | None:
        """The name of the type that a schema refers to, if it does."""
        place, _, name = schema.get("$ref", "").rpartition("/")
        return name if place.endswith("/schemas") else None

    def named(self, schema: Schema) -> Schema:
        """The schema that a schema refers to."""
        found: Schema = self.schemas[str(self.name(schema))]
        return found

    def place(self, name: str, heading: Callable[[Route], str]) -> str:
        """The heading under which a type is told: that of the first route that answers it, or its own."""
        return heading(self._top[name]) if name in self._top else name

    def part_of(self, name: str, subject: Subject) -> Part | None:
        """The longest of the types of a page whose fields another one has all."""
        fields = self.schemas[name]["properties"].items()
        parts = [
            Part(other, frozenset(self.schemas[other]["properties"]))
            for other in self.of(subject)
            if other != name and other not in self._top and "properties" in self.schemas[other]
            if self.schemas[other]["properties"].items() <= fields
        ]
        return max(
            (part for part in parts if len(part.keys) >= _SHARED),
            key=lambda part: len(part.keys),
            default=None,
        )

    def words(self, schema: Schema, link: Callable[[str], str]) -> str:
        """A schema as people read it; ``link`` leads to a type."""
        name = self.name(schema)
        if name is not None:
            return link(name)
        if "anyOf" in schema or "oneOf" in schema:
            return _joined(self.words(part, link) for part in schema.get("anyOf", schema.get("oneOf", ())))
        if "enum" in schema:
            return ", ".join(f"`{word}`" for word in schema["enum"])
        kind = schema.get("type", "")
        if isinstance(kind, list):
            return _joined(self.words({**schema, "type": each}, link) for each in kind)
        if kind == "array":
            return f"list of {_grouped(self.words(schema['items'], link))}"
        if kind == "object" and "properties" in schema:
            return f"`{{{', '.join(schema['properties'])}}}`"
        if kind == "object":
            values = self.words(schema.get("additionalProperties", {}), link)
            return "object" if values == "any JSON" else f"object of {_grouped(values)}"
        return _WORDS.get(kind, "any JSON")

    def _operation(self, route: Route) -> Schema:
        found: Schema = self.document["paths"][route.path][route.method.lower()]
        return found

    def _contents(self, route: Route) -> Iterator[Schema]:
        """What each answer of a route holds."""
        for status in route.answers:
            yield from self._operation(route)["responses"][str(status)].get("content", {}).values()

    def _answers(self, subject: Subject) -> list[Schema]:
        return [self._operation(route)["responses"] for route in subject.routes]

    def _settle(self, part: object, subject: Subject, subjects: Sequence[Subject]) -> None:
        """Find homes for the types that a part of the document refers to, and for those that these do: the
        subject that is in a type's name, else that of what refers to it first."""
        for schema in _schemas(part):
            name = self.name(schema)
            if name is not None and name not in self.homes:
                self.homes[name] = home = _named_after(name, subjects) or subject
                self._settle(self.schemas[name], home, subjects)


def _schemas(part: object) -> Iterator[Schema]:
    """All objects of a part of the document."""
    if isinstance(part, Mapping):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _schemas(each)


def _named_after(name: str, subjects: Sequence[Subject]) -> Subject | None:
    """The subject that the name of a type names, in the singular or the plural: ``WholeJobDocument``."""
    words = re.findall("[A-Z][a-z]*", name)
    named = [subject for subject in subjects if {subject.name, subject.name.removesuffix("s")} & set(words)]
    return named[0] if named else None


def _joined(words: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(words))


def _grouped(words: str) -> str:
    """Several types within another one."""
    return f"({words})" if " or " in words and words != _WORDS["boolean"] else words
