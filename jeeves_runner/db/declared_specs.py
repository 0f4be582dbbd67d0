"""All that is declared and live, as others compare their manifests with it."""

from collections.abc import Iterator
from typing import NamedTuple

import apsw


class DeclaredSpec(NamedTuple):
    """A live job, queue or node with its spec."""

    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """The manifest that it was last applied from, relative to the project root."""
    line: int
    """Where it stands in that, from 1."""
    drifted: bool
    """Whether the row was changed by hand since."""
    spec: str | None
    """All that is declared of it as JSON; None where another program has written what is none."""
    namespace: str
    """Of a job, what its times are spread by; of all else its id."""


def job_specs(conn: apsw.Connection) -> Iterator[DeclaredSpec]:
    """The live jobs, by id."""
    return _specs(conn, "namespace FROM jobs WHERE deleted_at IS NULL")


def queue_specs(conn: apsw.Connection) -> Iterator[DeclaredSpec]:
    """The declared queues, by id."""
    return _specs(conn, "id FROM queues WHERE declared AND deleted_at IS NULL")


def node_specs(conn: apsw.Connection) -> Iterator[DeclaredSpec]:
    """The declared nodes, by id."""
    return _specs(conn, "id FROM nodes WHERE deleted_at IS NULL")


def _specs(conn: apsw.Connection, rest: str) -> Iterator[DeclaredSpec]:
    columns = "id, file, line, drifted, CASE WHEN json_valid(spec) THEN spec END"
    for row in conn.execute(f"SELECT {columns}, {rest} ORDER BY id"):
        found = DeclaredSpec._make(row)
        yield found._replace(drifted=bool(found.drifted))
