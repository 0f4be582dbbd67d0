"""Text for a terminal: with styles, and without characters that could steer the terminal."""

import os
import sys
from typing import NamedTuple

import click

from jeeves_runner.core.wording import one_line


class Styled(NamedTuple):
    """A text with a style."""

    text: str
    style: str
    """In the words of rich, such as ``bold red``; empty for none."""


Cell = str | Styled
"""A part of a line, or a cell of a table."""


def line(*parts: Cell, color: bool) -> str:
    """The parts on one line, with nothing in them that could steer the terminal.

    With ``color``, styles become escape codes.
    """
    return "".join(_part(part, color) for part in parts)


def _part(part: Cell, color: bool) -> str:
    text, style = part if isinstance(part, Styled) else (part, "")
    text = one_line(text)
    if not (color and style):
        return text
    words = set(style.split())
    hue = next(iter(words - {"bold", "dim"}), None)
    return click.style(text, fg=hue, bold="bold" in words or None, dim="dim" in words or None)


def terminal_width() -> int | None:
    """The width of the terminal behind standard output, in characters; None if it is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
