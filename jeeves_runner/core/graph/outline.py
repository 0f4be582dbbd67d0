"""A graph as an outline: what follows from a node stands below it, and each node is unfolded once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.order import components
from jeeves_runner.core.graph.value import Graph
from jeeves_runner.core.node_spec import NodeKind

DEEPEST: Final = 12
"""How many levels stand below a beginning, before the outline goes on at the margin."""

_ORDER: Final = (
    NodeKind.SOURCE,
    NodeKind.PROCESS,
    NodeKind.QUEUE,
    NodeKind.DATASTORE,
    NodeKind.SINK,
    NodeKind.AUTH,
)
_PLACES: Final[Mapping[str, int]] = {kind: place for place, kind in enumerate(_ORDER)}


class Mark(StrEnum):
    """Why nothing stands below a node though something may follow it."""

    ABOVE = "above"
    """It is unfolded further up."""
    CYCLE = "cycle"
    """The same, and it comes before what stands above it here as well as after."""
    LATER = "later"
    """It is unfolded at the margin, further down."""
    USER = "user"
    """It is a job that uses the node above, and stands where its data comes from."""


MARKS: Final = MappingProxyType(
    {Mark.ABOVE: "see above", Mark.CYCLE: "a cycle, see above", Mark.LATER: "see below"}
)
"""What is said of it to people; of a user nothing."""

_Place = tuple[str, str, tuple[bool, ...]]
"""A node, the one above it or nothing, and ``OutlineLine.last``."""


class OutlineLine(NamedTuple):
    """A node at one of its places."""

    key: str
    """The node."""
    relations: tuple[Relation, ...]
    """What ties it to the node above; of a node at the margin nothing."""
    last: tuple[bool, ...]
    """For each level down to its own, whether nothing else follows there; at the margin none."""
    mark: Mark | None
    """None: what follows it stands below."""


@dataclass(frozen=True)
class Outline:
    """A graph as people read it from top to bottom."""

    lines: tuple[OutlineLine, ...]
    """Each edge once, but for ties of the same two nodes, which share a line."""
    alone: tuple[str, ...]
    """The nodes without edges, in order."""


def outline(graph: Graph, first: str | None = None) -> Outline:
    """The outline that begins with what comes from nowhere, or with ``first``.

    What is only used, a credential say, leads nowhere: below it stand its users, and nothing below them.
    """
    ties = _ties(graph)
    order = {key: place for place, key in enumerate(sorted(graph.nodes, key=_by_kind))}
    below: dict[str, Sequence[str]] = {}
    leading: dict[str, Sequence[str]] = {}
    for start, ends in ties.items():
        leads = [end for end in ends if not _is_use(ends[end])]
        leads.sort(key=order.__getitem__)
        used = [end for end in ends if _is_use(ends[end])] if len(leads) < len(ends) else []
        leading[start] = leads
        below[start] = [*leads, *sorted(used, key=order.__getitem__)]
    groups = components(order, lambda key: leading.get(key, ()))
    group_of = {key: number for number, members in enumerate(groups) for key in members}
    inner = {
        group_of[end] for start, ends in leading.items() for end in ends if group_of[start] != group_of[end]
    }
    tied = {*ties, *(end for ends in ties.values() for end in ends)}
    beginnings = [
        first if first in members else members[0]
        for number, members in enumerate(groups)
        if number not in inner and members[0] in tied
    ]
    beginnings.sort(key=lambda key: (key != first, not leading.get(key) and key in below, order[key]))
    lines = _unfolded(beginnings, ties, below, group_of)
    return Outline(tuple(lines), tuple(key for key in order if key not in tied))


def _by_kind(key: str) -> tuple[int, str]:
    return _PLACES.get(key.partition(":")[0], len(_ORDER)), key


def _is_use(relations: Sequence[Relation]) -> bool:
    return len(relations) == 1 and relations[0] is Relation.USES


def _ties(graph: Graph) -> dict[str, dict[str, list[Relation]]]:
    ties: dict[str, dict[str, list[Relation]]] = {}
    for start, edges in graph.outgoing.items():
        ends = ties[start] = {}
        for edge in edges:
            ends.setdefault(edge.end, []).append(edge.relation)
    return ties


def _unfolded(
    beginnings: Sequence[str],
    ties: Mapping[str, Mapping[str, Sequence[Relation]]],
    below: Mapping[str, Sequence[str]],
    group_of: Mapping[str, int],
) -> Iterator[OutlineLine]:
    """The lines below each beginning, and what was put off until later at the margin."""
    unfolded: set[str] = set()
    margin = list(beginnings)
    for start in margin:
        walk: list[_Place] = [(start, "", ())] if start not in unfolded else []
        while walk:
            key, above, last = walk.pop()
            relations = tuple(ties[above][key]) if above else ()
            mark = None
            if above and _is_use(relations):
                mark = Mark.USER
            elif key in unfolded:
                mark = Mark.CYCLE if group_of[key] == group_of[above] else Mark.ABOVE
            elif len(last) == DEEPEST and key in below:
                mark = Mark.LATER
                margin.append(key)
            else:
                unfolded.add(key)
            yield OutlineLine(key, relations, last, mark)
            if mark is None:
                ends = below.get(key, ())
                following = [(end, key, (*last, n == len(ends) - 1)) for n, end in enumerate(ends)]
                walk += reversed(following)
