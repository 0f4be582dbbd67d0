"""Where the boxes and lines of a picture of a graph are, in pixels."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from jeeves_runner.dashboard.layering import Layering, Pair, Slot, layering

WIDTH: Final = 168
HEIGHT: Final = 36
"""Of a box."""

_APART: Final = 48
"""Between two columns."""
_GAP: Final = 12
"""Between two boxes of a column, and beside lines that pass."""
_PASSES: Final = 6
_BETWEEN: Final = 28
"""Between two parts that nothing ties together."""
_BROAD: Final = 1080
"""How broad a picture may be before the next part stands below."""
_MARGIN: Final = 4
_BELOW: Final = 22
"""How far below the boxes a line passes that goes back."""


class Spot(NamedTuple):
    """Where something is."""

    x: float
    """Its left side."""
    y: float
    """Its upper side."""


class Drawing(NamedTuple):
    """A picture."""

    width: int
    """In pixels."""
    height: int
    """Likewise."""
    boxes: Mapping[str, Spot]
    """The boxes by node."""
    lines: Mapping[Pair, str]
    """The lines by their ends, each as the path of an SVG."""
    back: Collection[Pair]
    """Those of them that close a way round."""


def draw(nodes: Sequence[str], pairs: Collection[Pair]) -> Drawing:
    """The picture of a graph. ``pairs``: each line once; both ends are among the nodes, and differ."""
    parts = [_part(those, ties) for those, ties in _parts(nodes, pairs)]
    parts.sort(key=lambda part: -len(part.boxes))
    boxes: dict[str, Spot] = {}
    lines: dict[Pair, str] = {}
    back: set[Pair] = set()
    x = y = _MARGIN
    broad = tall = 0
    for part in parts:
        if x > _MARGIN and x + part.width > max(_BROAD, broad):
            x, y = _MARGIN, y + tall + _BETWEEN
            tall = 0
        boxes |= {key: Spot(spot.x + x, spot.y + y) for key, spot in part.boxes.items()}
        lines |= _lines(part.layering, part.spots, x, y)
        back |= set(part.layering.back)
        broad, tall = max(broad, x + part.width), max(tall, part.height)
        x += part.width + _BETWEEN
    return Drawing(broad + _MARGIN, y + tall + _MARGIN, boxes, lines, back)


class _Part(NamedTuple):
    layering: Layering
    spots: Mapping[Slot, Spot]
    width: int
    height: int

    @property
    def boxes(self) -> dict[str, Spot]:
        return {slot: spot for slot, spot in self.spots.items() if isinstance(slot, str)}


def _parts(nodes: Sequence[str], pairs: Collection[Pair]) -> Iterable[tuple[list[str], list[Pair]]]:
    """The graph in parts that nothing ties together."""
    beside: dict[str, list[str]] = {node: [] for node in nodes}
    for start, end in pairs:
        beside[start].append(end)
        beside[end].append(start)
    number: dict[str, int] = {}
    for first in nodes:
        if first in number:
            continue
        number[first] = len(number)
        found = [first]
        for node in found:
            for each in beside[node]:
                if each not in number:
                    number[each] = number[first]
                    found.append(each)
    parts: dict[int, tuple[list[str], list[Pair]]] = {}
    for node in nodes:
        parts.setdefault(number[node], ([], []))[0].append(node)
    for pair in pairs:
        parts[number[pair[0]]][1].append(pair)
    return parts.values()


def _part(nodes: Sequence[str], pairs: Collection[Pair]) -> _Part:
    made = layering(nodes, pairs)
    middles = _middles(made)
    top = min((middle - _tall(slot) / 2 for slot, middle in middles.items()), default=0)
    spots = {
        slot: Spot(at * (WIDTH + _APART), middles[slot] - top - _tall(slot) / 2)
        for at, column in enumerate(made.columns)
        for slot in column
    }
    low = max((spot.y + _tall(slot) for slot, spot in spots.items()), default=0)
    height = low + (_BELOW if made.back else 0)
    return _Part(made, spots, len(made.columns) * (WIDTH + _APART) - _APART, round(height))


def _tall(slot: Slot) -> int:
    return HEIGHT if isinstance(slot, str) else 0


def _middles(made: Layering) -> dict[Slot, float]:
    """How far down the middle of each place is: beside its neighbours, as far as there is room."""
    beside = made.beside()
    middles: dict[Slot, float] = {}
    for column in made.columns:
        middles |= zip(column, _apart(column, [0.0] * len(column)), strict=True)
    for turn in range(_PASSES):
        side = turn % 2
        for column in made.columns if side == 0 else reversed(made.columns):
            wanted = []
            for slot in column:
                ends = beside[slot][side] or beside[slot][1 - side]
                wanted.append(sum(middles[end] for end in ends) / len(ends) if ends else middles[slot])
            middles |= zip(column, _apart(column, wanted), strict=True)
    return middles


def _apart(column: Sequence[Slot], wanted: Sequence[float]) -> list[float]:
    """The nearest to what is wanted in this order, without boxes that lie on one another: the regression by
    pool-adjacent-violators, of what is wanted less the room that those above take."""
    taken, room = [], 0.0
    for at, slot in enumerate(column):
        if at:
            room += (_tall(column[at - 1]) + _tall(slot)) / 2 + _GAP
        taken.append(room)
    pools: list[tuple[float, int]] = []
    for value in (want - less for want, less in zip(wanted, taken, strict=True)):
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean = (mean * count + other * others) / (count + others)
            count += others
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [value + less for value, less in zip(flat, taken, strict=True)]


def _lines(made: Layering, spots: Mapping[Slot, Spot], x: float, y: float) -> dict[Pair, str]:
    moved = {slot: Spot(spot.x + x, spot.y + y) for slot, spot in spots.items()}
    found = {pair: _onward(way, moved) for pair, way in made.ways.items()}
    return found | {pair: _backward(*(moved[end] for end in pair)) for pair in made.back}


def _onward(way: Sequence[Slot], spots: Mapping[Slot, Spot]) -> str:
    first = spots[way[0]]
    x, y = first.x + WIDTH, first.y + HEIGHT / 2
    path = [f"M{x:.0f} {y:.0f}"]
    for slot in way[1:]:
        spot = spots[slot]
        end = spot.y + _tall(slot) / 2
        bend = min(_APART, (spot.x - x)) / 2
        path.append(f"C{x + bend:.0f} {y:.0f} {spot.x - bend:.0f} {end:.0f} {spot.x:.0f} {end:.0f}")
        x, y = spot.x, end
        if not isinstance(slot, str):
            x += WIDTH
            path.append(f"H{x:.0f}")
    return "".join(path)


def _backward(start: Spot, end: Spot) -> str:
    """Below both boxes, from the right one to the left one."""
    low = max(start.y, end.y) + HEIGHT + _BELOW
    right, left = start.x + WIDTH * 0.6, end.x + WIDTH * 0.4
    return (
        f"M{right:.0f} {start.y + HEIGHT:.0f}C{right:.0f} {low:.0f} {left:.0f} {low:.0f}"
        f" {left:.0f} {end.y + HEIGHT:.0f}"
    )
