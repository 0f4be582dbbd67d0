"""The ``edges`` table: what ties live jobs to nodes and to each other, as their specs say it."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import apsw

from jeeves_runner.core.edge_spec import Edge, Relation
from jeeves_runner.db.transaction import Tx

if TYPE_CHECKING:
    from jeeves_runner.core.node_spec import NodeKind
    from jeeves_runner.core.plan import Change


class EdgeRow(NamedTuple):
    """An edge of a live job."""

    job_id: str
    """The job."""
    relation: str
    """A word of ``core.edge_spec.Relation``."""
    node: str
    """The node at its other end, ``KIND:NAME``."""


def write(tx: Tx, changes: "Sequence[Change]") -> None:
    """Give the jobs that an apply writes the edges that they have from now on; a deleted one has none."""
    before = dict.fromkeys(name for c in changes for name in (c.live_id, c.id))
    tx.conn.execute(
        "DELETE FROM edges WHERE job_id IN (SELECT value FROM json_each(?))", (json.dumps([*before]),)
    )
    # One statement for all: each statement that writes here begins with the programs of the table's triggers,
    # which takes twice as long as a row.
    rows = [(c.id, *edge) for c in changes for edge in c.edges]
    tx.conn.execute(_WRITE, (json.dumps(rows),))


def all_edges(conn: apsw.Connection) -> Iterator[EdgeRow]:
    """All edges of live jobs, by job, relation and node."""
    return map(EdgeRow._make, conn.execute(_ALL))


def at_nodes(conn: apsw.Connection, kind: "NodeKind", name: str | None = None) -> Iterator[EdgeRow]:
    """The edges of live jobs at the nodes of a kind, or at one of them, by node, relation and job."""
    first = f"{kind}:" if name is None else f"{kind}:{name}"
    last = f"{kind};" if name is None else first  # the character after the colon: all names of the kind
    return map(EdgeRow._make, conn.execute(_AT_NODES, (first, last)))


def by_job(conn: apsw.Connection) -> dict[str, tuple[Edge, ...]]:
    """The edges of each live job that has some, sorted, by its id."""
    found: dict[str, tuple[Edge, ...]] = {}
    for job_id, relation, node in conn.execute(_ALL):  # rows as they come: there may be tens of thousands
        found[job_id] = (*found.get(job_id, ()), Edge(_RELATIONS[relation], node))
    return found


def of_job(conn: apsw.Connection, job_id: str) -> tuple[Edge, ...]:
    """The edges of one job, sorted."""
    query = "SELECT relation, node FROM edges WHERE job_id = ? ORDER BY relation, node"
    rows = conn.execute(query, (job_id,))
    return tuple(Edge(_RELATIONS[relation], node) for relation, node in rows)


_WRITE: Final = "INSERT INTO edges SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)"
_ALL: Final = "SELECT job_id, relation, node FROM edges ORDER BY job_id, relation, node"

_AT_NODES: Final = (
    "SELECT job_id, relation, node FROM edges WHERE node BETWEEN ? AND ? ORDER BY node, relation, job_id"
)


_RELATIONS: Final = {str(relation): relation for relation in Relation}
