"""What stands in the source about a type and its fields: its docstring, and the line below each field.

Only what describes the API asks for it, and not while the server runs.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, Final, NamedTuple

from jeeves_runner.config_settings import Kind

_IN_JSON: Final = {"None": "null", "True": "true", "False": "false"}


class DocLines(NamedTuple):
    """The texts of a type, in Markdown."""

    about: str
    """The first paragraph of its docstring."""
    fields: Mapping[str, str]
    """What stands below each of its fields, those of its bases too; of a setting what it sets."""


def doc_lines(kind: type[Any]) -> DocLines:
    """The texts of a class that stands at the top of its module; KeyError for another one."""
    module = sys.modules[kind.__module__]
    found = _classes(inspect.getsource(module))[kind.__name__]
    fields: dict[str, str] = {}
    meanings = {name: note.meaning for name, note in _notes(kind) if isinstance(note, Kind)}
    for base in found.bases:
        above = getattr(module, base.id, None) if isinstance(base, ast.Name) else None
        if isinstance(above, type) and not issubclass(above, Enum):
            fields |= doc_lines(above).fields
    fields |= meanings
    for field, below in zip(found.body, found.body[1:], strict=False):
        text = _text_of(below)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and text is not None:
            name = field.target.id
            fields[name] = f"{meanings.get(name, '')} {in_markdown(text)}".strip()
    about = ast.get_docstring(found) or ""
    return DocLines(in_markdown(about.partition("\n\n")[0]), fields)


def in_markdown(text: str) -> str:
    """A text of the source on one line. Where it says what a value means, it names the value as JSON does."""
    line = re.sub(r"\s+", " ", text).strip().replace("``", "`")
    return re.sub(r"\b(None|True|False):", lambda found: f"{_IN_JSON[found[1]]}:", line)


def _notes(kind: type[Any]) -> Iterator[tuple[str, object]]:
    """What the annotations of its own fields hold beside their types."""
    for name, annotation in getattr(kind, "__annotations__", {}).items():
        for note in getattr(annotation, "__metadata__", ()):
            yield name, note


@cache
def _classes(source: str) -> Mapping[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def _text_of(node: ast.stmt) -> str | None:
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return node.value.value
    return None
