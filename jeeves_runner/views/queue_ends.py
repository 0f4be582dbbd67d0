"""Which jobs put something into queues, and which take something out, as their manifests say it."""

from collections.abc import Sequence
from typing import NamedTuple

import apsw

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.node_spec import NodeKind, split_key
from jeeves_runner.db import edges


class QueueEnds(NamedTuple):
    """The two ends of a queue."""

    writers: Sequence[str]
    """The jobs that write to it, by id."""
    readers: Sequence[str]
    """The jobs that read it, are started by it or use it, by id."""


def queue_ends(conn: apsw.Connection, queue_id: str | None = None) -> dict[str, QueueEnds]:
    """The ends of each queue that a live job names, or of one, by id."""
    sides: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for edge in edges.at_nodes(conn, NodeKind.QUEUE, queue_id):
        writers, readers = sides.setdefault(split_key(edge.node)[1], ({}, {}))
        (writers if edge.relation == Relation.WRITES else readers)[edge.job_id] = None
    return {name: QueueEnds(sorted(writers), sorted(readers)) for name, (writers, readers) in sides.items()}
