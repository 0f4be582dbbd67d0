"""What one manifest declares and what is wrong with it, as values that cross processes."""

from typing import NamedTuple

from jeeves_runner.core.edge_spec import PLAIN, Edge, Traits
from jeeves_runner.core.manifest.requirements import JobFile, Requirement
from jeeves_runner.core.problem import Problem

Kind = str
"""``job``, ``queue`` or ``node``."""


class Entry(NamedTuple):
    """One declared job, queue or node."""

    kind: Kind
    """What it is."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    text: str
    """Its spec as canonical JSON."""
    digest: str
    """The hash of ``text``, 32 hex digits."""
    line: int
    """Where it begins in the file, from 1."""
    column: int = 1
    """The column of that place, from 1."""
    scripts: tuple[JobFile, ...] = ()
    """The files that say what a job does."""
    requires: tuple[Requirement, ...] = ()
    """What must be there on this machine besides the manifest."""
    edges: tuple[Edge, ...] = ()
    """Of a job, what it is tied to."""
    traits: Traits = PLAIN
    """What else checks across manifests ask of it."""


class FileResult(NamedTuple):
    """What one file declares and what is wrong with it."""

    path: str
    """Relative to the project root, with ``/``."""
    entries: tuple[Entry, ...] = ()
    """The valid ones, in the order of the file."""
    problems: tuple[Problem, ...] = ()
    """Errors and warnings."""
    broken: bool = False
    """Whether nothing in it could be understood."""
    invalid: frozenset[tuple[Kind, str]] = frozenset()
    """Entries that have errors and whose id could be read."""
    unreadable: bool = False
    """Whether there is an entry whose id could not even be read."""

    @property
    def size(self) -> int:
        """Bytes of the specs it declares, in UTF-8."""
        return sum(len(entry.text.encode()) for entry in self.entries)
