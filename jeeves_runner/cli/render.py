"""How values look to people: lines, tables, times, durations, counts. Pure but for ``terminal_width``."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from rich.text import Text

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))

NONE: Final = "-"
GAP: Final = "  "
UNLIMITED: Final = 1_000_000
NARROWEST: Final = 16
"""Characters below which a column of prose is no longer folded."""

#: Styles (in rich's words) of run and job statuses; words not listed stay plain.
STATUS_STYLES: Final[dict[str, str]] = {
    "ok": "green",
    "running": "cyan",
    "scheduled": "blue",
    "error": "red",
    "timeout": "red",
    "interrupted": "red",
    "missed": "yellow",
    "skipped": "yellow",
    "cancelled": "yellow",
    "paused": "magenta",
    "held": "yellow",
    "disabled": "dim",
    "idle": "dim",
}


class Styled(NamedTuple):
    """A text and its style in rich's words, such as ``bold red``."""

    text: str
    style: str


Cell = str | Styled


def status(word: str) -> Cell:
    """A status in its colour."""
    style = STATUS_STYLES.get(word)
    return Styled(word, style) if style else word


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
    import click

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


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 job``, ``2 jobs``; ``many`` where an s does not make the plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"


class Prose(str):
    """The header of a column whose cells may be broken into lines; ids, words and times stay whole."""

    __slots__ = ()


def table(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, color: bool = False, width: int | None = None
) -> str:
    """Aligned columns under their headers; columns of prose fold within ``width``.

    Where that leaves them too little room, or with ``width`` None, lines are as wide as need be: a
    terminal then breaks them, and every word can still be copied.
    """
    texts = [[printable(cell.text if isinstance(cell, Styled) else cell) for cell in row] for row in rows]
    whole = _natural_widths(headers, texts)
    widths = whole if width is None else _fitted_widths(headers, whole, width) or whole
    if widths == whole and not color:
        lines = _aligned((headers, *texts), widths)
    else:
        lines = _folded(headers, rows, widths, color)
    return "\n".join(line.rstrip() for line in lines)


def _natural_widths(headers: Sequence[str], texts: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(headers, *texts, strict=True)]


def _fitted_widths(headers: Sequence[str], whole: Sequence[int], width: int) -> list[int] | None:
    """Widths within ``width``: the wide columns of prose share what all others leave.

    None if one of them would get too narrow to read.
    """
    widths = list(whole)
    prose = [n for n, header in enumerate(headers) if isinstance(header, Prose)]
    prose.sort(key=whole.__getitem__)
    room = width - len(GAP) * (len(whole) - 1) - sum(whole) + sum(whole[n] for n in prose)
    for n, sharers in zip(prose, range(len(prose), 0, -1), strict=True):
        widths[n] = min(whole[n], room // sharers)
        if widths[n] < min(whole[n], NARROWEST):
            return None
        room -= widths[n]
    return widths if room >= 0 else None


def _aligned(lines: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Plain lines: a hundredth of the time rich takes, which matters with thousands of jobs."""
    from rich.cells import cell_len

    for row in lines:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        yield GAP.join(cells)


def _folded(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[int], color: bool
) -> Iterator[str]:
    """Lines for a terminal, cells folded within their column's width."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
    for header, width in zip(headers, widths, strict=True):
        grid.add_column(header, overflow="fold", width=width)
    for row in rows:
        grid.add_row(*(_text(cell) for cell in row))
    output = StringIO()
    console = Console(
        file=output,
        width=UNLIMITED,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )
    console.print(grid)
    yield from output.getvalue().splitlines()


def _text(cell: Cell) -> "Text":
    from rich.text import Text

    if isinstance(cell, Styled):
        return Text(printable(cell.text), style=cell.style)
    return Text(printable(cell))


def terminal_width() -> int | None:
    """Columns of the terminal standard output writes to; None when it is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def duration(ms: int | None) -> str:
    """A length of time as ``340ms``, ``1.2s``, ``45s``, ``3m 5s``, ``2h 10m`` or ``4d 1h``."""
    if ms is None:
        return NONE
    if ms < SECOND:
        return f"{ms}ms"
    if ms < 10 * SECOND:
        return f"{ms // SECOND}.{ms % SECOND // 100}s"
    for (unit, name), (smaller, smaller_name) in pairwise(UNITS):
        if ms >= unit:
            rest = ms % unit // smaller
            return f"{ms // unit}{name} {rest}{smaller_name}" if rest else f"{ms // unit}{name}"
    return f"{ms // SECOND}s"


def relative(then: datetime | None, now: datetime) -> str:
    """A time as seen from ``now``: ``in 3m``, ``2h ago``, ``now`` (within half a second)."""
    if then is None:
        return NONE
    seconds = round((then - now).total_seconds())
    if seconds == 0:
        return "now"
    distance = _coarse(abs(seconds) * SECOND)
    return f"in {distance}" if seconds > 0 else f"{distance} ago"


def _coarse(ms: int) -> str:
    unit, name = next((unit, name) for unit, name in UNITS if ms >= unit)
    return f"{ms // unit}{name}"


def timestamp(then: datetime | None) -> str:
    """A time to the second with its zone: ``2026-11-24 03:03:35Z``, in the zone it carries."""
    if then is None:
        return NONE
    text = then.isoformat(sep=" ", timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def size(count: int | None) -> str:
    """A number of bytes as ``512 B``, ``3.4 MiB``."""
    if count is None:
        return NONE
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
