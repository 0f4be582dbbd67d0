"""What a right value looks like, as a hint: of the ``examples`` that a schema gives, or of what it allows."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jeeves_runner.core.manifest_text import flow_text
from jeeves_runner.core.problem import KeyPath
from jeeves_runner.core.wording import brief

_NONE: Final = object()
_SHAPES: Final = {"string": "write one text", "object": "write `key: value` lines below it"}
"""What to write where a schema has no example."""
_SUCH_AS: Final = re.compile(r' such as (.+?)(?:, or |, "| or ".*|; |$)')


def example_hint(path: KeyPath, schema: Mapping[str, Any]) -> str | None:
    """``for example `timeout: 1h` ``: what can stand at the end of ``path``; None without an example."""
    text = _text_of(schema)
    if text is None:
        return _SHAPES.get(str(schema.get("type")))
    return f"for example `{_under(path, text)}`"


def key_hint(key: str, schema: Mapping[str, Any]) -> str:
    """``add `limit: 3` ``: of a key that is missing, by the schema of its value."""
    return f"add `{key}: {_text_of(schema) or '…'}`"


def name_hint(schema: Mapping[str, Any]) -> str | None:
    """``for example `LANG` ``: of a name that is not allowed."""
    text = _text_of(schema)
    return None if text is None else f"for example `{text}`"


def _under(path: KeyPath, text: str) -> str:
    """As a line of a manifest; an entry of a list stands alone."""
    return f"{brief(path[-1])}: {text}" if path and isinstance(path[-1], str) else text


def _text_of(schema: Mapping[str, Any]) -> str | None:
    value = _example(schema)
    return None if value is _NONE else flow_text(value) if not isinstance(value, _Written) else value.text


class _Written:
    """An example as the schema's words have it."""

    def __init__(self, text: str) -> None:
        self.text = text


def _example(schema: Mapping[str, Any]) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("default"):
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "boolean":
        return True
    if schema.get("type") in ("integer", "number") and "minimum" in schema:
        return max(schema["minimum"], 1)
    if (found := _SUCH_AS.search(schema.get("x-expected", ""))) is not None:
        return _Written(found[1])
    return next((each for each in map(_example, _choices(schema)) if each is not _NONE), _of_mapping(schema))


def _of_mapping(schema: Mapping[str, Any]) -> Any:
    """A mapping of one key, by its first one or by what all of its values are."""
    inner = {"NAME": schema["additionalProperties"]} if schema.get("additionalProperties") else {}
    for key, part in (*schema.get("properties", {}).items(), *inner.items()):
        value = _example(part)
        if value is not _NONE and not isinstance(value, _Written):
            return {key: value}
    return _NONE


def _choices(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    choices: Sequence[Mapping[str, Any]] = schema.get("anyOf", ())
    return choices
