"""The ``nodes`` table: what manifests declare of the nodes of the graph."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import apsw

from jeeves_runner.db.declared import DeclaredTable, upsert_sql

_DECLARED: Final = {
    "kind": "s ->> '$.kind'",
    "description": "s ->> '$.description'",
    "owner": "s ->> '$.owner'",
    "path": "s ->> '$.path'",
    "expires": "s ->> '$.expires'",
    "fresh_within_ms": "s ->> '$.fresh_within_ms'",
    "spec": "s",
}

TABLE: Final = DeclaredTable("nodes", _DECLARED, upsert_sql("nodes", _DECLARED, reborn=True))
"""A node that is declared no longer leaves a tombstone: it is a node still while an edge names it.
One that comes back is created anew: nothing was expected of it while it was away."""


class NodeRow(NamedTuple):
    """One declared node."""

    id: str
    """Its identity, ``KIND:ID``."""
    kind: str
    """A word of ``core.node_spec.NodeKind``."""
    description: str | None
    """What it holds or does, for people."""
    owner: str | None
    """Who looks after it, for people."""
    path: str | None
    """Where it is: a path, a pattern of paths, or an address."""
    expires: str | None
    """The last day on which it is valid, ``YYYY-MM-DD``."""
    fresh_within_ms: int | None
    """Within how many milliseconds it is written again; None: nothing is expected."""
    file: str
    """The manifest that declares it, relative to the project root."""
    line: int
    """Where in that manifest, from 1."""
    created_at: str
    """Since when it is declared, in the database's form of times."""


def node_rows(conn: apsw.Connection) -> Iterator[NodeRow]:
    """The nodes that are declared now, by identity."""
    columns = ", ".join(NodeRow._fields)
    rows = conn.execute(f"SELECT {columns} FROM nodes WHERE deleted_at IS NULL ORDER BY id")
    return map(NodeRow._make, rows)
