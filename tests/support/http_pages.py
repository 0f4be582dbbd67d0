"""The pages on HTTP, made of the API's description. ``make schemas`` writes them; a test holds them to it.

``docs/reference/http.md`` is written by hand but for what stands between its marks. Each subject has a page
of its own in ``docs/reference/http``, all of it made.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import Final

from support.docs import DOCS, anchor
from support.http_types import Schema, Types

from jeeves_runner.api.openapi import PROBLEMS
from jeeves_runner.api.parameters import MAX_ID, parameters_of
from jeeves_runner.api.route import Route, Subject

PAGE: Final = DOCS / "reference" / "http.md"
FOLDER: Final = DOCS / "reference" / "http"

_NOTE: Final = "<!-- Made by `make schemas` of the routes and the types of their documents. -->\n"
_WIDTH: Final = 118
_MARKS: Final = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_RELATIVE: Final = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
_NO_END: Final = f" to {MAX_ID}"


def pages(subjects: Sequence[Subject], document: Schema) -> dict[Path, str]:
    """What each page should hold. Nothing else is to be in the folder of those that are made."""
    made = {"routes": _overview(subjects), "problems": _problems()}
    types = Types(subjects, document)
    return {
        PAGE: _MARKS.sub(
            lambda found: f"{found[1]}\n{made[found[2]]}\n{found[3]}", PAGE.read_text(encoding="utf-8")
        ),
        **{FOLDER / file_of(subject): _Page(subject, types).text() for subject in subjects},
    }


def file_of(subject: Subject) -> str:
    """The name of its page."""
    return f"{subject.name.lower()}.md"


def _example(body: object) -> str:
    """On one line if it has room there."""
    line = json.dumps(body, ensure_ascii=False)
    return line if len(line) <= _WIDTH else json.dumps(body, ensure_ascii=False, indent=2)


def _heading(route: Route) -> str:
    return f"`{route.method} {route.path}`"


def _overview(subjects: Sequence[Subject]) -> str:
    parts = []
    for subject in subjects:
        file = f"http/{file_of(subject)}"
        rows = [
            (f"[{_heading(route)}]({file}#{anchor(_heading(route))})", f"`{route.role}`", route.summary)
            for route in subject.routes
        ]
        parts.append(f"### {subject.name}\n\n{_table(('route', 'role', 'what it is for'), rows)}")
    return "\n".join(parts)


def _problems() -> str:
    return _table(
        ("status", "when"), ((str(status), _cell(text)) for status, text in sorted(PROBLEMS.items()))
    )


class _Page:
    """The page of one subject."""

    def __init__(self, subject: Subject, types: Types) -> None:
        self._subject = subject
        self._types = types
        self._told: dict[str, Route] = {}

    def text(self) -> str:
        subject = self._subject
        parts = [f"# {subject.name} over HTTP\n", _NOTE, _paragraphs(subject.about)]
        parts += [self._route(route) for route in subject.routes]
        rest = [name for name in self._types.of(subject) if name not in self._told]
        if rest:
            parts += ["## Documents\n", *(self._type(name) for name in rest)]
        return "\n".join(parts)

    def _route(self, route: Route) -> str:
        operation = self._types.document["paths"][route.path][route.method.lower()]
        parts = [f"## {_heading(route)}\n", _paragraphs(f"{route.summary}. {_who(route)}")]
        if route.description:
            parts.append(_paragraphs(route.description))
        parts += [*self._parameters(route, operation), *self._body(operation)]
        parts += [
            self._answer(route, status, operation["responses"][str(status)]) for status in route.answers
        ]
        if route.problems:
            statuses = ", ".join(map(str, sorted(route.problems)))
            parts.append(f"Besides the [problems](../http.md#problems) of any route: {statuses}.\n")
        return "\n".join(parts)

    def _parameters(self, route: Route, operation: Schema) -> Iterator[str]:
        told = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "query"}
        rows = [
            (
                f"`{parameter.name}`",
                parameter.kind.words.removesuffix(_NO_END),
                f"`{parameter.written_default}`" if parameter.written_default else "",
                _cell(told[parameter.name]["description"]),
            )
            for parameter in parameters_of(route.query)
        ]
        if rows:
            yield _table(("parameter", "takes", "default", "what it is for"), rows)

    def _body(self, operation: Schema) -> Iterator[str]:
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            yield self._fields(self._types.named(content["schema"]), "in the body", "must be there")
            yield f"```json\n{_example(content['example'])}\n```\n"

    def _answer(self, route: Route, status: int, answer: Schema) -> str:
        if "content" not in answer:
            return f"Answer {status}, without a body.\n"
        contents = answer["content"]
        if "application/json" not in contents:
            kinds = " or ".join(f"`{kind}`" for kind in contents)
            return f"Answer {status}: {kinds}.\n{self._events(contents.values())}"
        content = contents["application/json"]
        name = self._types.name(content["schema"])
        if name is None or self._types.homes[name] != self._subject:
            return f"Answer {status}: {self._words(content['schema'])}.\n"
        if name in self._told:
            first = _heading(self._told[name])
            return f"Answer {status}: as of [{first}](#{anchor(first)}).\n"
        self._told[name] = route
        return f"Answer {status}:\n\n{self._fields(self._types.schemas[name])}"

    def _events(self, contents: Iterable[Schema]) -> str:
        """The events of a stream, with the types of their data."""
        rows = [
            (f"`{name}`", self._words(schema))
            for content in contents
            for name, schema in content.get("x-events", {}).items()
        ]
        return f"\n{_table(('event', 'its data'), rows)}" if rows else ""

    def _type(self, name: str) -> str:
        schema = self._types.schemas[name]
        what = _paragraphs(self._words(schema)) if "enum" in schema else self._all_fields(name)
        return f"### {name}\n\n{_paragraphs(schema['description'])}\n{what}"

    def _all_fields(self, name: str) -> str:
        """The fields of a type; what it has of another one on this page is told there alone."""
        schema, shorter = self._types.schemas[name], self._types.part_of(name, self._subject)
        if shorter is None:
            return self._fields(schema)
        own = {key: part for key, part in schema["properties"].items() if key not in shorter.keys}
        link = f"[`{shorter.name}`](#{anchor(shorter.name)})"
        return f"All of {link}, and:\n\n{self._fields({**schema, 'properties': own})}"

    def _fields(self, schema: Schema, first: str = "field", when_required: str = "") -> str:
        """``when_required``: what is said of required fields; nothing: of the others it is said that they may
        be absent."""
        rows = []
        for key, part in schema["properties"].items():
            required = key in schema["required"]
            note = when_required if required else "" if when_required else "may be absent"
            words = [self._words(part), *([note] if note else [])]
            rows.append((f"`{key}`", ", ".join(words), _cell(part.get("description", ""))))
        return _table((first, "type", "what it says"), rows)

    def _words(self, schema: Schema) -> str:
        return self._types.words(schema, self._link)

    def _link(self, name: str) -> str:
        home = self._types.homes[name]
        file = "" if home == self._subject else file_of(home)
        if name in self._told and home == self._subject:
            return f"[`{name}`](#{anchor(_heading(self._told[name]))})"
        return f"[`{name}`]({file}#{anchor(self._types.place(name, _heading))})"


def _who(route: Route) -> str:
    """Who may ask."""
    run = "" if route.run_may == "never" else f"; with the token of a run: {route.run_may}"
    return f"Role `{route.role}`{run}."


def _cell(text: str) -> str:
    """A text in a table, without its last full stop."""
    return text.removesuffix(".").replace("|", "\\|")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _paragraphs(text: str) -> str:
    """A text of a route in lines, with its links from the folder of the pages that are made."""
    text = _RELATIVE.sub(r"](../\1)", text)
    lines = (
        fill(part, _WIDTH, break_long_words=False, break_on_hyphens=False) for part in text.split("\n\n")
    )
    return "\n\n".join(lines) + "\n"
