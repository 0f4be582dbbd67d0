"""What lies beside a job in the graph: what it comes after, what follows it, and the jobs at the other side
of what it reads and writes. Found by the edges at its own nodes, however large the graph is."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.value import GraphEdge
from jeeves_runner.core.node_spec import NodeKind, node_key, split_key
from jeeves_runner.db import edges

MOST: Final = 20
"""So many jobs are named beside each node."""


class Tie(NamedTuple):
    """A node beside the job."""

    words: str
    """What ties the job to it: ``reads``, ``is followed by``."""
    node: str
    """Its identity, ``KIND:NAME``."""
    kind: str
    """What it is."""
    name: str
    """Its name; of a job its id."""
    jobs: Sequence[str]
    """Of what is no job: those at its other side, by id, at most ``MOST``."""
    more: int
    """How many more there are."""


class Neighbours(NamedTuple):
    """What lies beside a job."""

    before: Sequence[Tie]
    """Where its data comes from, and what is first."""
    after: Sequence[Tie]
    """Where its data goes to, and what follows."""


_OWN: Final = {
    Relation.READS: "reads",
    Relation.WRITES: "writes",
    Relation.USES: "uses",
    Relation.AFTER: "runs after",
    Relation.NEEDS: "needs",
    Relation.ON_QUEUE: "is started by items of",
    Relation.ON_CHANGE: "is started by changes of",
    Relation.TRIGGERS: "triggers",
}
_WITH_ENDS: Final = frozenset(map(str, NodeKind)) - {str(NodeKind.PROCESS)}
_OF_OTHERS: Final = {
    Relation.AFTER: "is followed by",
    Relation.NEEDS: "is needed by",
    Relation.TRIGGERS: "is triggered by",
}
"""What others say of the job itself, seen from it."""


def neighbours(conn: apsw.Connection, job_id: str) -> Neighbours:
    """What lies beside a job, by what is live."""
    me = node_key(NodeKind.PROCESS, job_id)
    before: list[Tie] = []
    after: list[Tie] = []
    for edge in edges.of_job(conn, job_id):
        said = GraphEdge(job_id, *edge)
        (after if said.start == me else before).append(_tie(conn, said))
    for row in edges.at_nodes(conn, NodeKind.PROCESS, job_id):
        said = GraphEdge(row.job_id, Relation(row.relation), row.node)
        tie = Tie(_OF_OTHERS.get(said.relation, said.relation), said.owner, "process", said.job, (), 0)
        (after if said.start == me else before).append(tie)
    return Neighbours(before, after)


def _tie(conn: apsw.Connection, edge: GraphEdge) -> Tie:
    kind, name = split_key(edge.node)
    others = _beyond(conn, edge, NodeKind(kind), name) if kind in _WITH_ENDS else ()
    shown = sorted(set(others) - {edge.job})
    return Tie(_OWN[edge.relation], edge.node, kind, name, shown[:MOST], max(0, len(shown) - MOST))


def _beyond(conn: apsw.Connection, edge: GraphEdge, kind: NodeKind, name: str) -> Iterable[str]:
    """The jobs that come before the node where it comes before this one, and else those after it."""
    is_before = edge.end == edge.owner
    for row in edges.at_nodes(conn, kind, name):
        other = GraphEdge(row.job_id, Relation(row.relation), row.node)
        if (other.start == other.owner) is is_before:
            yield other.job
