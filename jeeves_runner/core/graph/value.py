"""Nodes, and the edges between them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.node_spec import NodeKind, node_key, split_key

Origin = Literal["job", "queue", "node"]
"""As what manifests declare a node."""


class Node(NamedTuple):
    """A node with what is known of it."""

    key: str
    """``KIND:NAME``; a job is ``process:ID``."""
    origin: Origin | None = None
    """As what it is declared; None: only edges name it."""
    description: str | None = None
    """For people, as its manifest says it; and so on:"""
    owner: str | None = None
    """As in ``NodeSpec``."""
    path: str | None = None
    """Likewise."""
    expires: str | None = None
    """Likewise."""
    fresh_within_ms: int | None = None
    """Likewise."""
    enabled: bool = True
    """False for a job that is declared and never scheduled."""
    pool: str | None = None
    """The pool of a job."""
    file: str | None = None
    """The manifest that declares it, relative to the project root."""
    line: int | None = None
    """The line of ``file`` where it stands, from 1."""

    @property
    def kind(self) -> str:
        return split_key(self.key)[0]

    @property
    def name(self) -> str:
        return split_key(self.key)[1]

    @property
    def is_job(self) -> bool:
        return self.origin == "job"


class GraphEdge(NamedTuple):
    """An edge with the job that says it."""

    job: str
    """The id of the job."""
    relation: Relation
    """What it says."""
    node: str
    """The node at the other end."""

    @property
    def owner(self) -> str:
        """The job as a node."""
        return _JOB + self.job

    @property
    def start(self) -> str:
        """Where data comes from, or what is first."""
        return _JOB + self.job if self.relation in _OUTWARD else self.node

    @property
    def end(self) -> str:
        """Where data goes to, or what follows."""
        return self.node if self.relation in _OUTWARD else _JOB + self.job


_JOB: Final = node_key(NodeKind.PROCESS, "")
_OUTWARD: Final = frozenset({Relation.WRITES, Relation.TRIGGERS})


@dataclass(frozen=True)
class Graph:
    """All nodes and edges at one time. It does not change; what is worked out of it is kept."""

    nodes: Mapping[str, Node]
    """By key, in the order given; the nodes that only edges name come last."""
    edges: tuple[GraphEdge, ...]
    """Each once. Both ends are in ``nodes``."""

    @cached_property
    def outgoing(self) -> Mapping[str, Sequence[GraphEdge]]:
        """The edges that start at each node; a node without any is left out."""
        return _grouped(self.edges, lambda edge: edge.start)

    @cached_property
    def incoming(self) -> Mapping[str, Sequence[GraphEdge]]:
        """The edges that end at each node, likewise."""
        return _grouped(self.edges, lambda edge: edge.end)

    def below(self, key: str) -> list[str]:
        """The nodes that come right after this one, each once."""
        return list(self._below.get(key, ()))

    def above(self, key: str) -> list[str]:
        """The nodes that come right before this one, each once."""
        return list(self._above.get(key, ()))

    @cached_property
    def _below(self) -> Mapping[str, Mapping[str, None]]:
        return {key: dict.fromkeys(edge.end for edge in edges) for key, edges in self.outgoing.items()}

    @cached_property
    def _above(self) -> Mapping[str, Mapping[str, None]]:
        return {key: dict.fromkeys(edge.start for edge in edges) for key, edges in self.incoming.items()}

    def only(self, keys: Collection[str]) -> "Graph":
        """These nodes, and the edges among them."""
        return Graph(
            {key: node for key, node in self.nodes.items() if key in keys},
            tuple(edge for edge in self.edges if edge.start in keys and edge.end in keys),
        )

    def by(self, *relations: Relation) -> "Graph":
        """All nodes, and the edges that say one of these."""
        return Graph(self.nodes, tuple(edge for edge in self.edges if edge.relation in relations))


def _grouped(
    edges: Iterable[GraphEdge], key: Callable[[GraphEdge], str]
) -> Mapping[str, Sequence[GraphEdge]]:
    groups: dict[str, list[GraphEdge]] = {}
    for edge in edges:
        groups.setdefault(key(edge), []).append(edge)
    return groups


def build(nodes: Iterable[Node], edges: Iterable[tuple[str, Relation, str]]) -> Graph:
    """The graph of what is declared, and of ``(job id, relation, node)`` as the jobs say them.

    Of two nodes with one key the first counts: name jobs and queues before what is declared of nodes.
    """
    found: dict[str, Node] = {}
    for node in nodes:
        found.setdefault(node.key, node)
    ties = tuple(map(GraphEdge._make, dict.fromkeys(edges)))
    for tie in ties:
        for key in (tie.owner, tie.node):
            if key not in found:
                found[key] = Node(key)
    return Graph(found, ties)
