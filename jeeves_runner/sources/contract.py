"""What a source of manifests is: ``Source``, a plain value, and ``Watch``, which follows it in the runner.

A source is sent to the planner's process, which looks at it there; so it must pickle, and hold neither
tasks nor open files. What a look leaves, its ``Trace``, comes back with the plan. The watch lives where the
event loop is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from jeeves_runner.clock import Clock
from jeeves_runner.core.origin import Allowance, Commit, SourceId
from jeeves_runner.core.plan import WaitingFile
from jeeves_runner.core.problem import Problem

Trace = object
"""What a look leaves for the source's own ``commit`` and watch. It pickles; nothing else looks into it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One manifest as found."""

    path: str
    """Relative to the project root, with ``/``."""
    data: bytes
    """At most one byte more than a manifest may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What one look at a source saw."""

    files: tuple[SourceFile, ...]
    """The manifests, in order of path."""
    defaults: tuple[SourceFile, ...]
    """The ``_defaults.yaml`` files, in order of path."""
    unreadable: tuple[Problem, ...]
    """One for each entry that should be a manifest or a folder of them and cannot be read."""
    trace: Trace
    """What the look met besides."""
    waiting: tuple[WaitingFile, ...] = ()
    """Manifests and ``_defaults.yaml`` files whose text is not to be believed yet."""

    @classmethod
    def of(
        cls,
        *,
        files: "list[SourceFile]",
        defaults: "list[SourceFile]",
        unreadable: "list[Problem]",
        trace: Trace,
    ) -> "Snapshot":
        """A snapshot of files that were found in any order."""
        return cls(
            files=tuple(sorted(files, key=_by_path)),
            defaults=tuple(sorted(defaults, key=_by_path)),
            unreadable=tuple(unreadable),
            trace=trace,
        )

    def with_file(self, file: SourceFile) -> "Snapshot":
        """What a look would see if this manifest were there as well."""
        return replace(self, files=tuple(sorted((*self.files, file), key=_by_path)))


def _by_path(file: SourceFile) -> str:
    return file.path


class Source(Protocol):
    """Where manifests come from."""

    @property
    def identity(self) -> SourceId:
        """What a database records of its source."""

    @property
    def settle(self) -> float:
        """Seconds that the manifests must stay as they are before their deletes are believed.

        0 where a look never meets a change half made.
        """

    def is_same(self, recorded: SourceId) -> bool:
        """Whether a database with this record belongs to this source, as things are now."""

    def check(self) -> None:
        """SourceError when the source cannot be looked at: it is missing, or may not be read."""

    def look(self) -> Snapshot:
        """Read all manifests. The same content gives the same files, each time.

        SourceError when it cannot be looked at as a whole. A part that cannot be read is a problem in the
        snapshot; it is never left out in silence, for that would delete the jobs in it.
        """

    def look_at(self, manifest: str) -> Snapshot:
        """The manifest at a path, and the ``_defaults.yaml`` files above it, as ``look`` would have them.

        FileNotFoundError for what is no manifest, another OSError where it cannot be read.
        """

    def weigh(self, seen: Snapshot, before: Trace | None, now: float) -> Snapshot:
        """The same, with ``waiting`` filled in: what seems to be a passing state beside the look before.

        ``before`` is the trace of that look as this gave it, None at the first. ``now`` is monotonic. Asked
        where sources are looked at again and again; it may take seconds.
        """

    def commit(self, trace: Trace) -> Commit | None:
        """The commit that the look which left ``trace`` stands at; None where there is none.

        Asked only when there is something to record; it may take seconds.
        """

    def allowances(self, head: str, since: str | None) -> tuple[Allowance, ...]:
        """What commits allow to be deleted by their trailers (``trailers.py``): those after ``since`` up to
        ``head``, or ``head`` alone.

        Asked only when a guard refuses deletes; it may take seconds.
        """

    def watch(self, clock: Clock) -> "Watch":
        """A new watch of this source, for the process that has the event loop."""


Kind = Literal["file", "executable", "folder", "missing", "outside"]
"""What a commit has at a path. ``outside``: that is no part of its repository."""


class StagedFiles(Protocol):
    """What the next commit will have."""

    def look(self) -> Snapshot:
        """As ``Source.look``, at the manifests in the commit."""

    def kind_of(self, path: str) -> Kind:
        """What the commit has at an absolute path."""

    def content_of(self, path: str) -> bytes:
        """Of a file that the commit has at an absolute path."""


class Watch(Protocol):
    """Follows a source: says when to look again, and when a look is not to be trusted."""

    async def follow(self, hint: Callable[[], None]) -> None:
        """Call ``hint`` whenever a look may find something else, a burst of changes as one; without end.

        The first hint comes once changes are heard: what changed before was not. Hints may fail to come,
        so callers look at an interval as well. Raises when following is no longer possible.
        """

    async def looked(self, trace: Trace | None) -> None:
        """Take note of what a look left: a change of what it met gives a hint. None: the look failed."""

    async def wait_for_rest(self, say: Callable[[str], None]) -> str | None:
        """Wait, for a bounded time, while something is at work on the source and has changed half of it.

        None: it is at rest. Otherwise why it is not, as a sentence; deletes are not to be believed then.
        When that changes there is a hint. ``say`` is called with the reason of a long wait.
        """
