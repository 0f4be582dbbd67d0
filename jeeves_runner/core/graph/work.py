"""Checks of the edges between jobs: ``after``, ``needs`` and ``triggers``."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from jeeves_runner.core.edge_spec import Edge, Relation
from jeeves_runner.core.graph.found import JOB, Declared, Found, Nearest, Tied, Ties
from jeeves_runner.core.graph.order import components, way_round
from jeeves_runner.core.problem import Finding, Severity

WAITING: Final = (Relation.AFTER, Relation.NEEDS)
"""What a job waits for; it must never come to itself again."""

_TO_JOBS: Final = (*WAITING, Relation.TRIGGERS)
_MOST_NAMED: Final = 6
"""Jobs of a cycle that a message names."""
_MOST_LOOKED_FOR: Final = 20
"""Ways round one component that are looked for."""


def unknown_jobs(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The jobs that others name and no manifest declares."""
    renamed: dict[str, str] | None = None
    near = Nearest(
        lambda: (name for kind, name in declared.rows if kind == "job"), "correct the name, or take it out"
    )
    for relation in _TO_JOBS:
        for node in ties.by[relation].keys() - ties.jobs:
            name = node.removeprefix(JOB)
            if renamed is None:
                renamed = {
                    before: key[1] for key, row in declared.rows.items() for before in row.renamed_from
                }
            message = f"`{relation}` names `{name}`, and no manifest declares such a job"
            hint = None
            if node in ties.nodes:
                message = f"`{relation}` names `{name}`, which is a program outside and no job"
                hint = "a job may name such a program in `reads`, `writes` and `uses`"
            elif name in renamed:
                hint = f"it is called `{renamed[name]}` now"
            elif not declared.is_readable:
                message += " that can be read"
                hint = "it may be in a manifest that cannot be parsed: correct that one first"
            finding = Finding(
                path=(),
                code="unknown_job",
                message=message,
                hint=hint,
                more=None if hint else _with_nearest(message, name, near),
            )
            severity: Severity = "error" if declared.is_readable else "warning"
            yield from (Found(("job", job), severity, finding) for job in ties.by[relation][node])


def _renamed(declared: Declared) -> dict[str, str]:
    """The jobs that had another id, by that one."""
    rows = declared.rows.items()
    return {before: name for (kind, name), row in rows if kind == "job" for before in row.renamed_from}


def _with_nearest(message: str, name: str, near: Nearest) -> Callable[[str | None], tuple[str, str | None]]:
    return lambda _: (message, near.hint(name))


def disabled_upstreams(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The jobs that wait for one that never starts by itself."""
    for relation in WAITING:
        for node in ties.by[relation].keys() & ties.disabled:
            name = node.removeprefix(JOB)
            finding = Finding(
                path=(),
                code="disabled_upstream",
                message=f"`{relation}` names `{name}`, which is disabled and starts only by hand",
                hint="enable that one, or disable this one too",
            )
            for job in ties.by[relation][node]:
                if JOB + job not in ties.disabled:
                    yield Found(("job", job), declared.severity, finding)


def jobs_on_cycles(declared: Declared, ties: Ties, held: Collection[str] = ()) -> Iterator[Found]:
    """Each job that comes after itself, over ``after`` and ``needs``. ``held``: the jobs with other errors.

    A job with an error keeps the edges that it had. So it may be on a cycle with those as well, together with
    jobs that are right by themselves: these are found in turn.
    """
    if not held and not _some_left(ties):
        return
    edges = {name: row.edges for (kind, name), row in declared.rows.items() if kind == "job" and row.edges}
    keeping = dict.fromkeys(held)
    found: set[str] = set()
    while True:
        waits = _waiting(edges)
        for members in components(waits, waits.__getitem__):
            fresh = [job for job in members if job not in found]
            if len(members) > 1 and fresh:
                yield from _on_cycle(fresh, members, waits)
                found.update(fresh)
                keeping.update(dict.fromkeys(fresh))
        changed = {job: declared.kept(job) for job in keeping}
        if all(edges.get(job, ()) == kept for job, kept in changed.items()):
            return
        edges.update(changed)
        keeping.clear()


def _some_left(ties: Ties) -> bool:
    """Whether some jobs are left where each starts after those that it waits for. Mostly none is, and that is
    sooner known than where the cycles are."""
    unsettled = Counter(
        chain.from_iterable(jobs for relation in WAITING for jobs in ties.by[relation].values())
    )
    followers = _joined([ties.by[relation] for relation in WAITING])
    settled = [node for node in followers if node.removeprefix(JOB) not in unsettled]
    left = len(unsettled)
    for node in settled:
        for job in followers.get(node, ()):
            unsettled[job] -= 1
            if not unsettled[job]:
                left -= 1
                settled.append(JOB + job)
    return left > 0


def _joined(several: Sequence[Tied]) -> Tied:
    filled = [tied for tied in several if tied]
    if len(filled) == 1:
        return filled[0]
    found: dict[str, list[str]] = {}
    for tied in filled:
        for node, jobs in tied.items():
            found.setdefault(node, []).extend(jobs)
    return found


def _waiting(edges: Mapping[str, Iterable[Edge]]) -> Mapping[str, Sequence[str]]:
    """The jobs that each job waits for, as far as these wait for others."""
    waits: dict[str, list[str]] = {job: [] for job in edges}
    for job, tied in edges.items():
        for relation, node in tied:
            if relation in WAITING and (upstream := node.removeprefix(JOB)) in waits:
                waits[job].append(upstream)
    return waits


def _on_cycle(
    jobs: Iterable[str], members: Sequence[str], waits: Mapping[str, Sequence[str]]
) -> Iterator[Found]:
    ways: dict[str, tuple[Sequence[str], int]] = {}
    left = _MOST_LOOKED_FOR
    for job in jobs:
        if job not in ways and left:
            left -= 1
            way = way_round((job, *members), waits.__getitem__)
            for place, each in enumerate(way):
                ways.setdefault(each, (way, place))
        finding = Finding(
            path=(),
            code="cycle",
            message=f"job `{job}` would wait for itself{_told(*ways.get(job, ((), 0)))}",
            hint="take one of these out of `after` or `needs`",
        )
        yield Found(("job", job), "error", finding)


def _told(way: Sequence[str], place: int) -> str:
    """The way round in words, from the job at ``place``."""
    if not way:
        return ", by way of many others"
    some = min(len(way), _MOST_NAMED)
    names = [f"`{way[(place + step) % len(way)]}`" for step in range(1, some + 1)]
    if some == len(way):
        return f": for {', which waits for '.join(names)}"
    names[-1] = f"{len(way) - some:,} more jobs, the last of which waits for `{way[place]}`"
    return f": for {', which waits for '.join(names[:-1])}, which waits for {names[-1]}"
