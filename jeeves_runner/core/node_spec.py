"""What is declared of a node: of a place where data comes from, goes to or stays, or of what work needs."""

from enum import StrEnum
from typing import NamedTuple


class NodeKind(StrEnum):
    """What a node is."""

    SOURCE = "source"
    SINK = "sink"
    DATASTORE = "datastore"
    QUEUE = "queue"
    PROCESS = "process"
    AUTH = "auth"


class NodeSpec(NamedTuple):
    """One node as declared. Its identity, the id of its row, is ``KIND:ID``; see ``node_key``."""

    id: str
    """Unique over all nodes of its kind, in the form of a job's id."""
    kind: NodeKind
    """What it is. A job is a process and a declared queue a queue without being declared as a node."""
    description: str | None = None
    """What it holds or does, for people."""
    owner: str | None = None
    """Who looks after it, for people."""
    path: str | None = None
    """Where it is: an absolute path of a file or folder, a pattern of them, or any text, such as a URL."""
    expires: str | None = None
    """The last day on which it is valid, ``YYYY-MM-DD``; None: it does not expire."""
    fresh_within_ms: int | None = None
    """Within how many milliseconds it is written again; None: nothing is expected."""


def node_key(kind: str, name: str) -> str:
    """The identity of a node, by which edges name it: ``datastore:mail``."""
    return f"{kind}:{name}"


def split_key(key: str) -> tuple[str, str]:
    """Kind and name of an identity."""
    kind, _, name = key.partition(":")
    return kind, name
