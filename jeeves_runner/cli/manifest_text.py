"""The YAML of a new job: plain where that is safe, else in JSON's notation, which YAML reads as well."""

import json
import re
from collections.abc import Mapping
from typing import Final

#: Words no version of YAML takes for a number, a time or a truth value, once ``_TRAPS`` are out.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*[A-Za-z0-9]|\d+(?:ms|[smhd])")
_TRAPS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null"})


def manifest_text(keys: Mapping[str, object], schema: str | None = None) -> str:
    """The manifest of one job with these keys, under the line that tells editors its ``schema``."""
    lines = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines += [f"{key}: {_yaml(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _yaml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_quoted(item) for item in value) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _TRAPS:
        return value
    return _block(value) if _fits_block(value) else _quoted(value)


def _quoted(text: object) -> str:
    """A JSON string; characters that JSON allows and YAML does not are escaped YAML's way."""
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in shown)


def _fits_block(text: str) -> bool:
    """Whether a literal block keeps the text to the letter."""
    lines = text.removesuffix("\n").split("\n")
    flush = not lines[0].startswith(" ") and lines[0] and lines[-1]
    readable = all(line.isprintable() and (line.strip() or not line) for line in lines)
    return len(lines) > 1 and bool(flush) and readable


def _block(text: str) -> str:
    head = "|" if text.endswith("\n") else "|-"
    lines = text.removesuffix("\n").split("\n")
    return "\n".join([head, *(f"  {line}" if line else "" for line in lines)])
