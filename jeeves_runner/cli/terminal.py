"""Text as it may go to a terminal: styled, and without anything that could steer the terminal."""

import json
import os
import sys
from typing import NamedTuple

import click


class Styled(NamedTuple):
    """A text and its style in rich's words, such as ``bold red``."""

    text: str
    style: str


Cell = str | Styled


def line(*parts: Cell, color: bool) -> str:
    """The parts one after the other, as they go to a terminal: with escape codes only when ``color``.

    Line breaks stay; whatever else in them could steer the terminal is shown instead.
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
    """``text`` on one line and without control characters, which could steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def _visible(char: str) -> str:
    return " " if char in "\n\r\t" else char.encode("unicode_escape").decode("ascii")


def printable_json(text: str) -> str:
    """A JSON document as it may go to a terminal: the same value, with JSON's own escapes."""
    return "\n".join(line if line.isprintable() else _escaped_json(line) for line in text.split("\n"))


def _escaped_json(text: str) -> str:
    return "".join(char if char.isprintable() else _json_escape(char) for char in text)


def _json_escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if char.isascii() else json.dumps(char)[1:-1]


def terminal_width() -> int | None:
    """Columns of the terminal standard output writes to; None when it is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
