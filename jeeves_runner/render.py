"""How values look to people: tables, statuses, times, durations. Pure but for ``terminal_width``."""

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


def styled(text: str, style: str, *, color: bool) -> str:
    """``text`` as it goes to a terminal: with escape codes only when ``color``."""
    if not color:
        return printable(text)
    import click

    words = set(style.split())
    hue = next(iter(words - {"bold", "dim"}), None)
    return click.style(printable(text), fg=hue, bold="bold" in words or None, dim="dim" in words or None)


def printable(text: str) -> str:
    """``text`` on one line and without control characters, which could steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def _visible(char: str) -> str:
    return " " if char in "\n\r\t" else char.encode("unicode_escape").decode("ascii")


def table(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, color: bool = False, width: int | None = None
) -> str:
    """Aligned columns under their headers. ``width`` None: as wide as need be, nothing cut or folded."""
    lines = _aligned(headers, rows) if width is None and not color else _fitted(headers, rows, color, width)
    return "\n".join(line.rstrip() for line in lines)


def _aligned(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    """Plain lines for a pipe: a hundredth of the time rich takes, which matters with thousands of jobs."""
    from rich.cells import cell_len

    texts = [[printable(cell.text if isinstance(cell, Styled) else cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(headers, *texts, strict=True)]
    for row in (headers, *texts):
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        yield GAP.join(cells)


def _fitted(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], color: bool, width: int | None
) -> Iterable[str]:
    """Lines for a terminal: long cells fold within ``width``."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
    for header in headers:
        grid.add_column(header, overflow="fold", no_wrap=width is None)
    for row in rows:
        grid.add_row(*(_text(cell) for cell in row))
    output = StringIO()
    console = Console(
        file=output,
        width=width or UNLIMITED,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )
    console.print(grid)
    return output.getvalue().splitlines()


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
