"""What ties jobs to nodes and to each other: the parts of a spec that are edges of the graph."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple


class After(NamedTuple):
    """A job starts when others have ended."""

    jobs: tuple[str, ...]
    """The ids of the jobs that it follows: all of them, at least one."""
    when: Literal["ok", "finished"] = "ok"
    """``ok``: their chains have ended ok; ``finished``: in any way, if they ran."""


class OnQueue(NamedTuple):
    """A job starts when items of a queue are ready."""

    queue: str
    """The queue's id."""
    batch: int = 1
    """As soon as so many are ready, 1 to 1000 ..."""
    max_wait_ms: int = 5000
    """... or the oldest of them has been for so many milliseconds."""


LONGEST_REST_MS: Final = 300_000
"""How long such a job rests at most after runs that came to nothing."""


class OnChange(NamedTuple):
    """A job starts when files have changed."""

    of: tuple[str, ...]
    """Each ``datastore:NAME``, whose node says where it is; or a pattern of paths, as written."""
    debounce_ms: int = 5000
    """For how many milliseconds nothing has changed any more."""


class Need(NamedTuple):
    """An occurrence of a job starts only where another job has ended ok not long before."""

    job: str
    """The other job's id."""
    within_ms: int = 86_400_000
    """How many milliseconds ago at most."""
    wait_ms: int | None = None
    """For how many milliseconds after its scheduled time it waits for that; None: it does not."""


def why_unwatched(path: str | None) -> str | None:
    """Why changes of a datastore can start nothing, whose node has this ``path``; None: they can."""
    if path is None:
        return "no manifest says where it is"
    return f"{path} is no path" if "://" in path else None


class Relation(StrEnum):
    """What an edge between a job and a node says."""

    READS = "reads"
    WRITES = "writes"
    USES = "uses"
    AFTER = "after"
    NEEDS = "needs"
    ON_QUEUE = "on_queue"
    ON_CHANGE = "on_change"
    TRIGGERS = "triggers"

    # An enum's own is a call in Python, and no other than this agrees with how these compare with texts.
    __hash__ = str.__hash__


class Edge(NamedTuple):
    """An edge of a job, as its manifest says it."""

    relation: Relation
    """What it says."""
    node: str
    """The node at its other end, ``KIND:NAME``; another job is ``process:ID``."""


class Traits(NamedTuple):
    """What is asked of a job, queue or node besides its edges, when all manifests are looked at."""

    enabled: bool = True
    """Of a job, whether it is."""
    pool: str | None = None
    """Of a job, the pool that its runs share."""
    expires: str | None = None
    """Of a node, the last day on which it is valid, ``YYYY-MM-DD``."""
    path: str | None = None
    """Of a node, where it is."""
    payload_schema_file: str | None = None
    """Of a queue, the file with the schema of its payloads."""
    payload_schema: str | None = None
    """Of a queue with such a file, what stood there: canonical JSON."""


PLAIN: Final = Traits()
"""The traits of what has none that matter."""


def traits_in(values: Mapping[str, Any]) -> Traits:
    """The traits in the JSON values of a spec, whatever is declared by it."""
    found = Traits(*(values.get(key, plain) for key, plain in zip(Traits._fields, PLAIN, strict=True)))
    if found.payload_schema_file is None:
        found = found._replace(payload_schema=None)
    return PLAIN if found == PLAIN else found


_NAMED: Final = (Relation.READS, Relation.WRITES, Relation.USES)
_DATASTORE: Final = "datastore:"


def edges_in(values: Mapping[str, Any]) -> tuple[Edge, ...]:
    """The edges in the JSON values of a job's spec, each once, in the order of ``Relation``.

    Paths whose changes start a job are no nodes, and none of these.
    """
    found = [Edge(relation, node) for relation in _NAMED for node in values.get(relation) or ()]
    if (after := values.get("after")) is not None:
        found += [Edge(Relation.AFTER, f"process:{job}") for job in after["jobs"]]
    if needs := values.get("needs"):
        found += [Edge(Relation.NEEDS, f"process:{each['job']}") for each in needs]
    if (on_queue := values.get("on_queue")) is not None:
        found.append(Edge(Relation.ON_QUEUE, f"queue:{on_queue['queue']}"))
    if (on_change := values.get("on_change")) is not None:
        found += (Edge(Relation.ON_CHANGE, of) for of in on_change["of"] if of.startswith(_DATASTORE))
    if triggers := values.get("triggers"):
        found += [Edge(Relation.TRIGGERS, f"process:{job}") for job in triggers]
    return tuple(dict.fromkeys(found))
