"""How many runs ran at once, as a line that SVG draws."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jeeves_runner.db.timeline import Level

_HEIGHT: Final = 100
"""Units that the picture is high: as the limit, or as the most that ran if those were more."""


class AtOnce(NamedTuple):
    """How many runs of scripts ran at once, over the time that is shown."""

    limit: int
    """How many may run."""
    most: int
    """How many ran at the worst moment."""
    cells: int
    """How wide the picture is."""
    height: int
    """How high it is, in units of its own."""
    area: str
    """The path of its area, in cells and in these."""
    full: str
    """The same of the cells in which no other could start."""
    limit_at: float
    """How far down the limit is."""


def at_once(levels: Sequence[Level], limit: int, cells: int, until: int | None) -> AtOnce:
    """The picture of so many ``cells``, up to the cell ``until``; None: it goes on to the end."""
    heights = _heights(levels, cells if until is None else until + 1)
    most = max(heights, default=0)
    top = max(limit, most)
    return AtOnce(
        limit=limit,
        most=most,
        cells=cells,
        height=_HEIGHT,
        area=_path(heights, top),
        full=_path([height if height >= limit else 0 for height in heights], top),
        limit_at=round(_HEIGHT - limit / top * _HEIGHT, 1),
    )


def _heights(levels: Sequence[Level], cells: int) -> Sequence[int]:
    heights: list[int] = []
    left = 0
    for level in levels:
        heights += [left] * (level.cell - len(heights))
        heights.append(level.most)
        left = level.left
    return (heights + [left] * (cells - len(heights)))[:cells]


def _path(heights: Sequence[int], top: int) -> str:
    """A closed path for each stretch of cells that are not empty."""
    parts = []
    before = 0
    for cell, height in enumerate([*heights, 0]):
        if height == before:
            continue
        y = round(_HEIGHT - height / top * _HEIGHT, 1)
        if not before:
            parts.append(f"M{cell} {_HEIGHT}V{y:g}")
        else:
            parts.append(f"H{cell}V{y:g}" if height else f"H{cell}V{_HEIGHT}Z")
        before = height
    return "".join(parts)
