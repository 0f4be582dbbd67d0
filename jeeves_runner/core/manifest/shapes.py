"""A right value in the wrong shape: a text where a list is wanted, or one value in place of a mapping."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jeeves_runner.core.manifest.simple_schema import fits, matches
from jeeves_runner.core.manifest_text import flow_text
from jeeves_runner.core.problem import KeyPath
from jeeves_runner.core.wording import LONGEST

_SHELL: Final = re.compile(r"[|&;<>$`*?~#]")
_LENGTH: Final = re.compile(
    "([0-9]{1,6}) *(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)",
    re.ASCII,
)
_FOREIGN: Final = re.compile(r"[^a-z0-9._-]+")


def shape_hint(path: KeyPath, value: Any, schema: Mapping[str, Any]) -> str | None:
    """How the same is written as the schema wants it; None if it is not that."""
    if not path or not isinstance(path[-1], str) or len(repr(value)) > 2 * LONGEST:
        return None
    key = path[-1]
    if key == "run" and isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "write one text: `run: |`, and each line below it"
    found = next(_shapes(key, value, schema), None)
    if found is None:
        return None
    written = flow_text(found)
    return f"write `{key}: {written}`" if len(written) <= LONGEST else None


def _shapes(key: str, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    """The same value in other shapes, those that fit."""
    if isinstance(value, str) and schema.get("type") == "array" and value.strip():
        parts = _words(key, value)
        if parts and all(fits(part, schema.get("items", {})) for part in parts):
            yield parts
    if isinstance(value, str) and "duration" in schema.get("x-expected", ""):
        yield from _durations(value)
    if isinstance(value, str) and "pattern" in schema and value:
        name = _FOREIGN.sub("-", value.lower()).strip("-._")
        if name and matches(schema["pattern"], name) and fits(name, schema):
            yield name
    if schema.get("type") == "object" and isinstance(value, str | int) and not isinstance(value, bool):
        properties = schema.get("properties", {})
        for inner in dict.fromkeys([*schema.get("examples", [{}])[0], *properties]):
            if inner in properties and fits(value, properties[inner]):
                yield {inner: value}


def _durations(text: str) -> Iterator[str]:
    """``5 minutes``, ``1 hr`` and ``2w`` as durations."""
    if (found := _LENGTH.fullmatch(text.strip().lower())) is not None:
        number, unit = int(found[1]), found[2]
        yield (
            f"{number * 7}d"
            if unit.startswith("w")
            else f"{number}{'ms' if unit.startswith(('ms', 'mil')) else unit[0]}"
        )


def _words(key: str, text: str) -> list[str]:
    """The entries that a text was meant to be; none where a shell would read it otherwise."""
    if key not in ("command", "args"):
        return [part for each in text.split(",") if (part := each.strip())]
    try:
        return [] if _SHELL.search(text) else shlex.split(text)
    except ValueError:
        return []
