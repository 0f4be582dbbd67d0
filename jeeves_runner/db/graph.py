"""The live graph: jobs, queues and nodes as they were applied, and the edges of the jobs."""

from collections.abc import Iterator

import apsw

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.value import Graph, Node, build
from jeeves_runner.core.node_spec import NodeKind, node_key
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.edges import all_edges
from jeeves_runner.db.nodes import node_rows

_JOBS = """
SELECT id, description, CASE WHEN json_valid(spec) THEN spec ->> '$.owner' END,
  enabled, CASE WHEN json_valid(spec) THEN spec ->> '$.pool' END, file, line
FROM jobs WHERE deleted_at IS NULL ORDER BY id
"""
_QUEUES = "SELECT id, description, file, line FROM queues WHERE declared AND deleted_at IS NULL ORDER BY id"


def live_graph(conn: apsw.Connection) -> Graph:
    """All jobs, declared queues and declared nodes, by id in this order, and what else edges name.

    Its edges are ordered by job, relation and node.
    """
    with snapshot(conn):
        edges = ((job, Relation(relation), node) for job, relation, node in all_edges(conn))
        return build(_nodes(conn), edges)


def _nodes(conn: apsw.Connection) -> Iterator[Node]:
    for job_id, description, owner, enabled, pool, file, line in conn.execute(_JOBS):
        yield Node(
            key=node_key(NodeKind.PROCESS, job_id),
            origin="job",
            description=description,
            owner=owner,
            enabled=bool(enabled),
            pool=pool,
            file=file,
            line=line,
        )
    for queue_id, description, file, line in conn.execute(_QUEUES):
        key = node_key(NodeKind.QUEUE, queue_id)
        yield Node(key=key, origin="queue", description=description, file=file, line=line)
    for row in node_rows(conn):
        yield Node(
            key=row.id,
            origin="node",
            description=row.description,
            owner=row.owner,
            path=row.path,
            expires=row.expires,
            fresh_within_ms=row.fresh_within_ms,
            file=row.file,
            line=row.line,
        )
