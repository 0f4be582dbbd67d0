"""What a plan changes of the graph: the edges that it brings and takes, and what is left over."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.edge_spec import Edge, Relation
from jeeves_runner.core.graph.value import GraphEdge
from jeeves_runner.core.node_spec import NodeKind, split_key
from jeeves_runner.core.plan import Change, Key, LiveRow

READING: Final = frozenset({Relation.READS, Relation.ON_QUEUE, Relation.ON_CHANGE})
"""The relations of a job that takes what is in a node."""

_NAMED: Final = 3


class LeftOver(NamedTuple):
    """A node of which a plan takes the last reader, or the last writer."""

    node: str
    """``KIND:NAME``."""
    lacks: Literal["reader", "writer"]
    """What it had and has no more."""
    jobs: tuple[str, ...]
    """The jobs on its other side, by id: they go on to write it, or to read it."""

    @property
    def message(self) -> str:
        """The same in a sentence."""
        names = ", ".join(self.jobs[:_NAMED])
        if (more := len(self.jobs) - _NAMED) > 0:
            names += f" and {more} more"
        if self.lacks == "reader":
            return f"{self.node} is read by no job any more, and written by {names}"
        return f"{self.node} is written by no job any more, and read by {names}"


class EdgeChanges(NamedTuple):
    """What a plan changes of the graph."""

    gained: tuple[GraphEdge, ...]
    """Edges that come, by job, relation and node."""
    lost: tuple[GraphEdge, ...]
    """Edges that go, likewise; those of a job that gets another id by the one that it has."""
    left: tuple[LeftOver, ...]
    """By node."""


def edge_changes(changes: Iterable[Change], live: Mapping[Key, LiveRow]) -> EdgeChanges:
    """What these changes of what is live do to the graph. A job that only gets another id keeps its edges."""
    gained: list[GraphEdge] = []
    lost: list[GraphEdge] = []
    after = {name: row.edges for (kind, name), row in live.items() if kind == "job" and row.edges}
    before = dict(after)
    for change in changes:
        if change.kind == "job":
            had = frozenset(after.pop(change.live_id, ()))
            gained += (GraphEdge(change.id, *edge) for edge in change.edges if edge not in had)
            lost += (GraphEdge(change.live_id, *edge) for edge in had.difference(change.edges))
            after[change.id] = change.edges
    left = _left_over({edge.node for edge in lost}, before, after)
    return EdgeChanges(tuple(sorted(gained)), tuple(sorted(lost)), tuple(left))


def _left_over(
    nodes: Iterable[str], before: Mapping[str, Iterable[Edge]], after: Mapping[str, Iterable[Edge]]
) -> Iterator[LeftOver]:
    concerned = frozenset(key for key in nodes if split_key(key)[0] != NodeKind.PROCESS)
    if not concerned:
        return
    had, has = _sides(concerned, before), _sides(concerned, after)
    for node in sorted(concerned):
        reads, writes = (node, "reader"), (node, "writer")
        if reads in had and reads not in has and writes in has:
            yield LeftOver(node, "reader", tuple(sorted(has[writes])))
        if writes in had and writes not in has and reads in has:
            yield LeftOver(node, "writer", tuple(sorted(has[reads])))


def _sides(nodes: frozenset[str], edges: Mapping[str, Iterable[Edge]]) -> dict[tuple[str, str], set[str]]:
    """The jobs that read and that write each of these nodes."""
    found: dict[tuple[str, str], set[str]] = {}
    for job, its in edges.items():
        for edge in its:
            if edge.node not in nodes:
                continue
            if edge.relation is Relation.WRITES:
                found.setdefault((edge.node, "writer"), set()).add(job)
            elif edge.relation in READING:
                found.setdefault((edge.node, "reader"), set()).add(job)
    return found
