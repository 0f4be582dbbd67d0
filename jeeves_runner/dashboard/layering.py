"""The nodes of a picture of a graph in columns: what follows stands further right, and lines cross little.

The way of Sugiyama, Tagawa and Toda (1981): ways round are cut open, each node comes as far right as the
longest way to it says, lines that pass columns get a place in each of these, and each column is put in the
order in which its nodes have their neighbours.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 8
_LONGEST: Final = 30
"""Over how many columns a line has places; a longer one goes straight."""

Pair = tuple[str, str]
"""Where a line starts, and where it ends."""

Bend = tuple[str, int]
"""The place at which the lines from a node pass a column."""

Slot = str | Bend
"""What has a place in a column: a node, or lines that pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layering:
    """Nodes and lines in columns."""

    columns: Sequence[Sequence[Slot]]
    """From left to right, each from top to bottom."""
    ways: Mapping[Pair, Sequence[Slot]]
    """Each line that goes to the right: what it passes, with both of its ends."""
    back: Collection[Pair]
    """The lines that close a way round: they go to the left."""

    def beside(self) -> Mapping[Slot, tuple[Sequence[Slot], Sequence[Slot]]]:
        """What each place is tied to on its left and on its right."""
        left: dict[Slot, dict[Slot, None]] = {slot: {} for column in self.columns for slot in column}
        right: dict[Slot, dict[Slot, None]] = {slot: {} for slot in left}
        for way in self.ways.values():
            for one, other in pairwise(way):
                right[one][other] = None
                left[other][one] = None
        return {slot: (tuple(left[slot]), tuple(right[slot])) for slot in left}


def layering(nodes: Sequence[str], pairs: Collection[Pair]) -> Layering:
    """The columns of the nodes. ``pairs``: each line once; both ends are among the nodes, and differ."""
    below: dict[str, list[str]] = {node: [] for node in nodes}
    for start, end in pairs:
        below[start].append(end)
    order, back = _opened(nodes, below)
    onward = [pair for pair in pairs if pair not in back]
    column = _columns(order, onward)
    ways = {pair: _way(*pair, column) for pair in onward}
    slots: dict[Slot, int] = {node: column[node] for node in order}
    for start, end in onward:
        for slot in ways[start, end]:
            if isinstance(slot, tuple):
                slots[slot] = slot[1]
    columns: list[list[Slot]] = [[] for _ in range(max(slots.values(), default=-1) + 1)]
    for slot, number in slots.items():
        columns[number].append(slot)
    made = Layering(columns=columns, ways=ways, back=back)
    _put_in_order(columns, made.beside())
    return made


def _opened(nodes: Sequence[str], below: Mapping[str, Sequence[str]]) -> tuple[list[str], set[Pair]]:
    """The nodes in an order that follows all lines but some, and these: a search in depth finds them. The
    stack is its own, because a pipeline may be longer than Python's is deep."""
    entered = {end for ends in below.values() for end in ends}
    done: dict[str, None] = {}
    open_now: set[str] = set()
    back: set[Pair] = set()
    for start in (*(node for node in nodes if node not in entered), *nodes):
        if start in done:
            continue
        walk = [(start, iter(below[start]))]
        open_now.add(start)
        while walk:
            node, rest = walk[-1]
            end = next(rest, None)
            if end is None:
                walk.pop()
                open_now.discard(node)
                done[node] = None
            elif end in open_now:
                back.add((node, end))
            elif end not in done:
                open_now.add(end)
                walk.append((end, iter(below[end])))
    return list(reversed(done)), back


def _columns(order: Sequence[str], onward: Iterable[Pair]) -> dict[str, int]:
    above: dict[str, list[str]] = {node: [] for node in order}
    below: dict[str, list[str]] = {node: [] for node in order}
    for start, end in onward:
        above[end].append(start)
        below[start].append(end)
    column: dict[str, int] = {}
    for node in order:
        column[node] = max((column[each] for each in above[node]), default=-1) + 1
    for node in reversed(order):  # what comes from nowhere stands right before what it leads to
        if not above[node] and below[node]:
            column[node] = min(column[each] for each in below[node]) - 1
    return column


def _way(start: str, end: str, column: Mapping[str, int]) -> Sequence[Slot]:
    between = range(column[start] + 1, column[end])
    if len(between) > _LONGEST:
        return start, end
    return start, *((start, number) for number in between), end


def _put_in_order(
    columns: Sequence[list[Slot]], beside: Mapping[Slot, tuple[Sequence[Slot], Sequence[Slot]]]
) -> None:
    place = {slot: float(at) for column in columns for at, slot in enumerate(column)}
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for column in columns if side == 0 else reversed(columns):
            column.sort(key=_middle(beside, side, place))
            place.update((slot, float(at)) for at, slot in enumerate(column))


def _middle(
    beside: Mapping[Slot, tuple[Sequence[Slot], Sequence[Slot]]], side: int, place: Mapping[Slot, float]
) -> Callable[[Slot], float]:
    """Where the neighbours of a place are, on the average; without any, where it is."""

    def middle(slot: Slot) -> float:
        ends = beside[slot][side]
        return sum(place[end] for end in ends) / len(ends) if ends else place[slot]

    return middle
