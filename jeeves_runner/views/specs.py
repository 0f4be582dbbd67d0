"""All that is live as it was declared: what other machines compare their manifests with."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypedDict

import apsw

from jeeves_runner.core.values import from_json
from jeeves_runner.db import declared_specs, revisions
from jeeves_runner.db.declared_specs import DeclaredSpec


class SpecDocument(TypedDict):
    """A live job, queue or node."""

    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    namespace: str
    """Of a job, what its times are spread by; of all else its id."""
    file: str
    """Its manifest, relative to the project root."""
    line: int
    """Where it stands in that, from 1."""
    drifted: bool
    """Whether the row was changed by hand since."""
    spec: Mapping[str, object] | None
    """All that is declared of it, defaults included; of secrets where they are, and never what they are. Null
    where another program has written what cannot be read."""


class SpecsDocument(TypedDict):
    """All that is live."""

    version: str
    """That of the program."""
    root: str
    """The project root: the folder that its relative paths began from."""
    revision: int
    """The newest apply; 0 before the first."""
    commit: str | None
    """The commit that it records."""
    jobs: list[SpecDocument]
    """The jobs, by id."""
    queues: list[SpecDocument]
    """The declared queues, by id."""
    nodes: list[SpecDocument]
    """The declared nodes, by id."""


class NewestApply(NamedTuple):
    """The newest apply."""

    revision: int
    """Its number; 0 before the first."""
    commit: str | None
    """The commit that it records."""


def newest(conn: apsw.Connection) -> NewestApply:
    """The newest apply."""
    number = revisions.head(conn)
    row = revisions.revision(conn, number)
    return NewestApply(number, None if row is None else row["commit"])


def each_job_spec(conn: apsw.Connection) -> Iterator[SpecDocument]:
    """The jobs one by one: all of them may be large."""
    return map(_document, declared_specs.job_specs(conn))


def each_queue_spec(conn: apsw.Connection) -> Iterator[SpecDocument]:
    """The queues, likewise."""
    return map(_document, declared_specs.queue_specs(conn))


def each_node_spec(conn: apsw.Connection) -> Iterator[SpecDocument]:
    """The nodes, likewise."""
    return map(_document, declared_specs.node_specs(conn))


def _document(row: DeclaredSpec) -> SpecDocument:
    found = None if row.spec is None else from_json(row.spec, f"the spec of {row.id}")
    return {
        "id": row.id,
        "namespace": row.namespace,
        "file": row.file,
        "line": row.line,
        "drifted": row.drifted,
        "spec": found if isinstance(found, dict) else None,
    }
