"""The ``edges`` table: what ties live jobs to nodes and to each other, as their specs say it."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import apsw

from jeeves_runner.db.transaction import Tx

if TYPE_CHECKING:
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
    before = [c.live_id for c in changes] + [c.id for c in changes]
    tx.conn.execute(
        "DELETE FROM edges WHERE job_id IN (SELECT value FROM json_each(?))", (json.dumps(before),)
    )
    tx.conn.executemany(
        "INSERT INTO edges VALUES (?, ?, ?)",
        ((c.id, edge.relation, edge.node) for c in changes for edge in c.edges),
    )


def all_edges(conn: apsw.Connection) -> Iterator[EdgeRow]:
    """All edges of live jobs, by job and relation."""
    return map(EdgeRow._make, conn.execute("SELECT job_id, relation, node FROM edges"))
