"""Checks of the edges between jobs and nodes: who writes, who reads, and what is not declared."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Final

from jeeves_runner.core.edge_spec import Relation, why_unwatched
from jeeves_runner.core.graph.found import JOB, Declared, Found, Nearest, Ties, first_of, named
from jeeves_runner.core.graph.work import WAITING
from jeeves_runner.core.node_spec import NodeKind, node_key
from jeeves_runner.core.problem import Finding

_TO_NODES: Final = (
    Relation.READS,
    Relation.WRITES,
    Relation.USES,
    Relation.ON_QUEUE,
    Relation.ON_CHANGE,
)
_QUEUE: Final = node_key(NodeKind.QUEUE, "")
_DATASTORE: Final = node_key(NodeKind.DATASTORE, "")
_MOST_COMPARED: Final = 100
"""Jobs that write one datastore, of which each is compared with each."""
_MOST_STEPS: Final = 1_000_000
"""From job to job, in one look."""


def undeclared_nodes(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The nodes that jobs name and no manifest declares; each at the first job that names it."""
    near: dict[str, Nearest] = {}
    unknown = {node for relation in _TO_NODES for node in ties.by[relation]} - ties.nodes - ties.jobs
    for node in sorted(unknown):
        kind = node.partition(":")[0]
        where = "queues" if kind == "queue" else "nodes"
        otherwise = f"declare it under `{where}`"
        beside = near.setdefault(kind, Nearest(_of_kind(kind, ties), otherwise, before=f"{kind}:"))
        jobs = [job for relation in _TO_NODES for job in ties.by[relation].get(node, ())]
        message = f"no manifest declares `{node}`"
        finding = Finding(path=(), code="unknown_node", message=message, more=_hinted(message, node, beside))
        yield _warning(declared, jobs, finding)


def _of_kind(kind: str, ties: Ties) -> Callable[[], Iterator[str]]:
    return lambda: (each for each in chain(ties.nodes, ties.jobs) if each.startswith(f"{kind}:"))


def _hinted(message: str, node: str, near: Nearest) -> Callable[[str | None], tuple[str, str | None]]:
    return lambda _: (message, near.hint(node))


def one_sided_queues(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The queues that jobs write and none reads, and the other way round."""
    written = {node: jobs for node, jobs in ties.by[Relation.WRITES].items() if node.startswith(_QUEUE)}
    read: dict[str, list[str]] = {}
    for relation in (Relation.READS, Relation.ON_QUEUE):
        for node, jobs in ties.by[relation].items():
            if node.startswith(_QUEUE):
                read.setdefault(node, []).extend(jobs)
    for node in written.keys() - read.keys():
        jobs = first_of(written[node], declared.rows)
        message = f"{named(jobs)} {_verb('write', jobs)} `{node}`, and no job reads it"
        hint = "name it in `on_queue` or `reads` of the job that works on its items"
        finding = Finding(path=(), code="unread_queue", message=message, hint=hint)
        yield _warning(declared, jobs, finding)
    for node in read.keys() - written.keys():
        jobs = first_of(read[node], declared.rows)
        message = f"{named(jobs)} {_verb('read', jobs)} `{node}`, and no job writes it"
        hint = "name it in `writes` of the job that puts items into it"
        finding = Finding(path=(), code="unwritten_queue", message=message, hint=hint)
        yield _warning(declared, jobs, finding)


def _verb(verb: str, jobs: Sequence[str]) -> str:
    return f"{verb}s" if len(jobs) == 1 else verb


def unwritten_datastores(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The datastores that are declared or read, and that no job writes.

    What starts a job by its changes may be filled by people or other programs, and is left out.
    """
    hint = (
        "name it in `writes` of the job that fills it, or in `on_change` of one that it starts"
        " when other programs fill it; what comes from outside is a `source`"
    )
    missing = {node for node in ties.nodes if node.startswith(_DATASTORE)}
    missing.update(node for node in ties.by[Relation.READS] if node.startswith(_DATASTORE))
    missing.difference_update(ties.by[Relation.WRITES], ties.by[Relation.ON_CHANGE])
    for node in missing:
        message = f"no job writes `{node}`"
        finding = Finding(path=(), code="unwritten_datastore", message=message, hint=hint)
        if node in ties.nodes:
            yield Found(("node", node), declared.severity, finding)
        else:
            yield _warning(declared, ties.by[Relation.READS][node], finding)


def unwatched_datastores(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The datastores whose changes are to start a job, and can start none; at each such job."""
    for node, jobs in ties.by[Relation.ON_CHANGE].items():
        row = declared.rows.get(("node", node))
        why = why_unwatched(None if row is None else row.traits.path)
        if why is None:
            continue
        message = f"changes of `{node}` do not start it: {why}"
        hint = f"give `{node}` a `path` under `nodes`, such as /data/in/*.csv"
        for job in jobs:
            finding = Finding(path=(), code="unwatched_datastore", message=message, hint=hint)
            yield Found(("job", job), declared.severity, finding)


def rival_writers(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The datastores that two jobs write that may run at the same time: they share no pool, and neither waits
    for the other. A disabled job is left out."""
    rows = declared.rows
    waiting = _Waiting(declared)
    hint = "give both one `pool`, or let one come `after` the other"
    for node, jobs in ties.by[Relation.WRITES].items():
        if len(jobs) < 2 or not node.startswith(_DATASTORE):
            continue
        writers = [job for job in first_of(jobs, rows) if rows["job", job].traits.enabled]
        if len(writers) < 2 or _share_a_pool(declared, writers):
            continue
        pair = _rivals(declared, writers, waiting)
        if pair is not None:
            message = f"jobs `{pair[0]}` and `{pair[1]}` both write `{node}`, and may do so at the same time"
            finding = Finding(path=(), code="rival_writers", message=message, hint=hint)
            yield Found(("job", pair[1]), declared.severity, finding)


def _share_a_pool(declared: Declared, writers: Sequence[str]) -> bool:
    pools = {declared.rows["job", job].traits.pool for job in writers}
    return len(pools) == 1 and None not in pools


class _Waiting:
    """Which job waits for which, directly or by way of others.

    The search is given up after so many steps that a look would be held up; jobs are then taken to wait.
    """

    def __init__(self, declared: Declared) -> None:
        self._rows = declared.rows
        self._left = _MOST_STEPS

    def is_for(self, job: str, other: str) -> bool:
        found = {job}
        waiting = [job]
        for each in waiting:
            row = self._rows.get(("job", each))
            for relation, node in () if row is None else row.edges:
                if relation not in WAITING or (upstream := node.removeprefix(JOB)) in found:
                    continue
                if upstream == other:
                    return True
                found.add(upstream)
                waiting.append(upstream)
            self._left -= 1
            if self._left < 0:
                return True
        return False


def _rivals(declared: Declared, writers: Sequence[str], waiting: _Waiting) -> tuple[str, str] | None:
    """The first two that may run together."""
    for place, later in enumerate(writers[:_MOST_COMPARED]):
        for earlier in writers[:place]:
            if not (
                _share_a_pool(declared, (earlier, later))
                or waiting.is_for(later, earlier)
                or waiting.is_for(earlier, later)
            ):
                return earlier, later
    return None


def _warning(declared: Declared, jobs: Collection[str], finding: Finding) -> Found:
    return Found(("job", first_of(jobs, declared.rows)[0]), declared.severity, finding)
