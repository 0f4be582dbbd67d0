"""The YAML of jobs. A value is plain where that is safe, else written as JSON, which YAML reads too."""

import json
import re
from collections.abc import Mapping
from typing import Final

NOTHING: Final = "(none)"
"""In place of a value where a manifest has none."""

ONE_OR_MORE: Final = frozenset(
    {"schedule", "on_failure", "on_success", "output_channel", "on_failed", "renamed_from"}
)
"""The keys under which a manifest may have one value in place of a list of one."""

#: Words that no version of YAML reads as a number, a time or a truth value, except those of ``_TRAPS``.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*[A-Za-z0-9]|(?:\d+(?:ms|[smhd]))+")
_TRAPS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null"})


def manifest_text(keys: Mapping[str, object], schema: str | None = None) -> str:
    """The manifest of a job with these keys. The first line tells editors where its ``schema`` is."""
    lines = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines += [f"{key}: {_yaml(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def flow_text(value: object) -> str:
    """A value on one line, as a manifest could have it: ``{file: token}``, ``[a, "b c"]``, ``1h``."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {flow_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow_text, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _is_plain(value) else _quoted(value)


def _key(key: object) -> object:
    """A key as it is, but for the words that some versions of YAML read as a truth value."""
    return _quoted(key) if str(key).lower() in _TRAPS else key


def value_text(path: str, value: object) -> str:
    """A value as a manifest could have it under the key ``path``."""
    if value is None or value in ([], (), {}, ""):
        return NOTHING
    if isinstance(value, list | tuple) and len(value) == 1 and path in ONE_OR_MORE:
        return flow_text(value[0])
    return flow_text(value)


def _yaml(value: object) -> str:
    if isinstance(value, list):
        return (
            "["
            + ", ".join(_quoted(item) if isinstance(item, str) else flow_text(item) for item in value)
            + "]"
        )
    if isinstance(value, Mapping):
        return flow_text(value)
    if not isinstance(value, str):
        return json.dumps(value)
    if _is_plain(value):
        return value
    return _block(value) if _fits_block(value) else _quoted(value)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _TRAPS


def _quoted(text: object) -> str:
    """A JSON string. What JSON allows in one and YAML does not is escaped as YAML does."""
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in shown)


def _fits_block(text: str) -> bool:
    """Whether a literal block keeps every character of the text."""
    lines = text.removesuffix("\n").split("\n")
    flush = not lines[0].startswith(" ") and lines[0] and lines[-1]
    readable = all(line.isprintable() and (line.strip() or not line) for line in lines)
    return len(lines) > 1 and bool(flush) and readable


def _block(text: str) -> str:
    head = "|" if text.endswith("\n") else "|-"
    lines = text.removesuffix("\n").split("\n")
    return "\n".join([head, *(f"  {line}" if line else "" for line in lines)])
