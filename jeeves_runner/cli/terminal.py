"""Text for a terminal: with styles, and without characters that could steer the terminal."""

import json
import os
import sys
from typing import NamedTuple

import click


class Styled(NamedTuple):
    """A text with a style."""

    text: str
    style: str
    """In the words of rich, such as ``bold red``; empty for none."""


Cell = str | Styled
"""A part of a line, or a cell of a table."""


def line(*parts: Cell, color: bool) -> str:
    """The parts, joined. With ``color``, styles become escape codes.

    Line breaks stay. Other characters that could steer the terminal are shown as escapes.
    """
    return "".join(_part(part, color) for part in parts)


def _part(part: Cell, color: bool) -> str:
    text, style = part if isinstance(part, Styled) else (part, "")
    text = text if text.isprintable() else "\n".join(map(printable, text.split("\n")))
    if not (color and style):
        return text
    words = set(style.split())
    hue = next(iter(words - {"bold", "dim"}), None)
    return click.style(text, fg=hue, bold="bold" in words or None, dim="dim" in words or None)


def printable(text: str) -> str:
    """``text`` on one line, its control characters shown as escapes: they could steer the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def _visible(char: str) -> str:
    return " " if char in "\n\r\t" else char.encode("unicode_escape").decode("ascii")


def printable_json(text: str) -> str:
    """The same JSON document, its control characters in the escapes of JSON."""
    return "\n".join(line if line.isprintable() else _escaped_json(line) for line in text.split("\n"))


def _escaped_json(text: str) -> str:
    return "".join(char if char.isprintable() else _json_escape(char) for char in text)


def _json_escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if char.isascii() else json.dumps(char)[1:-1]


def terminal_width() -> int | None:
    """The width of the terminal behind standard output, in characters; None if it is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
