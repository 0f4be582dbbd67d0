"""Tables: columns aligned under their headers, cells folded where the terminal is too narrow."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.terminal import Cell, Styled, plain
from jeeves_runner.core.wording import no_command, one_line

if TYPE_CHECKING:
    from rich.text import Text

GAP: Final = "  "
UNLIMITED: Final = 1_000_000
NARROWEST: Final = 16
"""Characters a column of prose must have: with less room, no column is folded."""


class Prose(str):
    """The header of a column whose cells may be broken into lines. Under other headers they stay whole."""

    __slots__ = ()


def table(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, color: bool = False, width: int | None = None
) -> str:
    """Aligned columns under their headers. Columns of prose are folded to fit into ``width`` characters.

    If that leaves them too little room, or if ``width`` is None, lines are as wide as they need to be. A
    terminal then breaks them, and every word can still be copied.
    """
    texts = [[one_line(plain(cell)) for cell in row] for row in rows]
    whole = _natural_widths(headers, texts)
    widths = whole if width is None else _fitted_widths(headers, whole, width) or whole
    if widths == whole and not color:
        lines = _aligned((headers, *texts), widths)
    else:
        lines = _folded(headers, rows, widths, color)
    return "\n".join(no_command(line.rstrip()) for line in lines)


def _natural_widths(headers: Sequence[str], texts: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(headers, *texts, strict=True)]


def _fitted_widths(headers: Sequence[str], whole: Sequence[int], width: int) -> list[int] | None:
    """The columns' widths, ``width`` in sum: the wide columns of prose share what the others leave.

    None if one of them would be too narrow to read.
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
    """Plain lines, in a hundredth of the time that rich takes: thousands of jobs need that."""
    from rich.cells import cell_len

    for row in lines:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        yield GAP.join(cells)


def _folded(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[int], color: bool
) -> Iterator[str]:
    """Lines whose cells are folded to the width of their column."""
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
        return Text(one_line(cell.text), style=cell.style)
    return Text(one_line(cell))
