"""What checks of the graph look at, and what they find."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, Protocol

from jeeves_runner.core.edge_spec import PLAIN, Edge, Relation, Traits
from jeeves_runner.core.node_spec import NodeKind, node_key
from jeeves_runner.core.problem import Finding, Severity
from jeeves_runner.core.wording import likely_meant

Key = tuple[str, str]
"""``(kind, id)`` of what is declared, as in plans."""


class Placed(Protocol):
    """What is declared: a job, queue or node with the place where it stands."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def edges(self) -> tuple[Edge, ...]: ...
    @property
    def traits(self) -> Traits: ...
    @property
    def renamed_from(self) -> tuple[str, ...]: ...


def _nothing(_job: str) -> tuple[Edge, ...]:
    return ()


class Declared(NamedTuple):
    """All that is declared at one time."""

    rows: Mapping[Key, Placed]
    """What can be used of it: the valid entries, and of what has mistakes its last good one."""
    others: Collection[str] = ()
    """The ids of jobs that have mistakes and no last good entry."""
    kept: Callable[[str], tuple[Edge, ...]] = _nothing
    """The edges that the job of an id would keep if its entry were held: none if it would not be there."""
    is_readable: bool = True
    """False while a manifest cannot be parsed: what is missing may be declared there."""
    is_whole: bool = True
    """False while any manifest has a mistake."""
    is_applied: bool = False
    """Whether all rows are as an apply has left them, which has looked for cycles."""
    today: date = date.min
    """The date in the project's time zone."""
    is_strict: bool = False
    """Whether what is to be warned about is an error."""

    @property
    def severity(self) -> Severity:
        """Of what is to be warned about. Beside other mistakes something may only seem to be missing, so that
        nothing is held for it."""
        return "error" if self.is_strict and self.is_whole else "warning"


class Found(NamedTuple):
    """Something wrong, at the place where ``key`` is declared."""

    key: Key
    """What it is about."""
    severity: Severity
    """An error holds what it is about."""
    finding: Finding
    """Its words."""


Tied = Mapping[str, Sequence[str]]
"""The ids of the jobs that have an edge to a node, by the node."""

JOB: Final = node_key(NodeKind.PROCESS, "")
"""What the keys of jobs begin with."""


class Ties(NamedTuple):
    """What is declared, in the order in which checks ask for it."""

    by: Mapping[Relation, Tied]
    """All edges, by what they say and the node at the other end."""
    jobs: frozenset[str]
    """The jobs as nodes, those with mistakes too."""
    disabled: frozenset[str]
    """Those of them that are disabled."""
    nodes: frozenset[str]
    """What else is declared, as nodes."""


def ties_of(declared: Declared) -> Ties:
    """Goes through everything once: there may be thousands, and each look does this."""
    found: dict[Relation, dict[str, list[str]]] = {relation: {} for relation in Relation}
    jobs = {JOB + name for name in declared.others}
    nodes: set[str] = set()
    disabled: set[str] = set()
    for (kind, name), row in declared.rows.items():
        if kind == "job":
            jobs.add(JOB + name)
            if row.traits is not PLAIN and not row.traits.enabled:
                disabled.add(JOB + name)
        else:
            nodes.add(node_key(NodeKind.QUEUE, name) if kind == "queue" else name)
        for relation, node in row.edges:
            tied = found[relation]
            if node in tied:
                tied[node].append(name)
            else:
                tied[node] = [name]
    return Ties(found, frozenset(jobs), frozenset(disabled), frozenset(nodes))


def first_of(jobs: Iterable[str], rows: Mapping[Key, Placed]) -> list[str]:
    """The jobs, each once, in the order in which they stand in the manifests."""
    return sorted(set(jobs), key=lambda job: (rows["job", job].file, rows["job", job].line, job))


def named(jobs: Sequence[str]) -> str:
    """The first of some jobs in words, and how many more there are: ``job `a```, ``jobs `a` and `b```."""
    if len(jobs) == 1:
        return f"job `{jobs[0]}`"
    if len(jobs) == 2:
        return f"jobs `{jobs[0]}` and `{jobs[1]}`"
    return f"jobs `{jobs[0]}`, `{jobs[1]}` and {len(jobs) - 2:,} more"


class Nearest:
    """Hints for unknown names. To look for the nearest of thousands takes long: few are looked for."""

    def __init__(self, known: Callable[[], Iterable[str]], otherwise: str, before: str = "") -> None:
        """``otherwise``: the hint where no name is near; ``before``: what all of them begin with, which
        makes none nearer."""
        self._known = known
        self._otherwise = otherwise
        self._before = before
        self._left = _MOST_LOOKED_FOR

    def hint(self, name: str) -> str:
        if self._left == 0:
            return self._otherwise
        self._left -= 1
        beside = (each for each in self._known() if abs(len(each) - len(name)) <= _DIFFERENCE)
        return likely_meant(name, beside, self._before) or self._otherwise


_MOST_LOOKED_FOR: Final = 20
_DIFFERENCE: Final = 3
"""In length, between a name and one that may have been meant."""
