"""Text for a terminal: with styles, and without characters that could steer the terminal."""

import os
import sys
from typing import Final, NamedTuple

import click

from jeeves_runner.core.wording import no_command, one_line


class Styled(NamedTuple):
    """A text with a style."""

    text: str
    style: str
    """In the words of rich, such as ``bold red``; empty for none."""


_NARROWEST: Final = 16

Cell = str | Styled
"""A part of a line, or a cell of a table."""


def line(*parts: Cell, color: bool) -> str:
    """The parts on one line, with nothing in them that could steer the terminal, or CI.

    With ``color``, styles become escape codes.
    """
    texts = [one_line(plain(part)) for part in parts]
    first = next((n for n, text in enumerate(texts) if text.strip()), None)
    if first is not None:
        texts[first] = no_command(texts[first])
    if not color:
        return "".join(texts)
    return "".join(_with_style(text, part) for text, part in zip(texts, parts, strict=True))


def plain(cell: Cell) -> str:
    """Its text, as it came."""
    return cell.text if isinstance(cell, Styled) else cell


def _with_style(text: str, part: Cell) -> str:
    style = part.style if isinstance(part, Styled) else ""
    if not style:
        return text
    words = set(style.split())
    hue = next(iter(words - {"bold", "dim"}), None)
    return click.style(text, fg=hue, bold="bold" in words or None, dim="dim" in words or None)


def can_show(text: str) -> bool:
    """Whether the encoding of standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def terminal_width() -> int | None:
    """The width of the terminal behind standard output, in characters; None if it is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def folded(text: str, width: int | None) -> list[str]:
    """The text in lines of ``width`` characters, of which none breaks a word; in one, where it fits or there
    is no width."""
    whole = one_line(text)
    if width is None or len(whole) <= width:
        return [whole]
    from textwrap import wrap

    return wrap(whole, max(width, _NARROWEST), break_long_words=False, break_on_hyphens=False)
