"""A second kind of source, to hold the contract against: a tree in git, read without a checkout.

Every look reads the commit that a ref stands at from the object store; a file in a working tree is never
opened. ``git`` runs git as a person would.
"""

import asyncio
import errno
import os
import posixpath
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jeeves_runner.clock import Clock
from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.core.origin import Allowance, Commit, SourceId, SourceKind
from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import SourceError
from jeeves_runner.sources import stamps, trailers
from jeeves_runner.sources.contract import Snapshot, SourceFile, Trace
from jeeves_runner.sources.names import (
    DEFAULTS_NAMES,
    SUFFIXES,
    is_passed_over,
    is_text,
    lost_link,
    named_as_manifest,
    not_utf8,
    printable,
    unreadable,
)


def git(folder: Path, *words: str) -> str:
    """What git printed; CalledProcessError if it failed."""
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class GitTree:
    """The manifests below ``path`` in the commit that ``ref`` stands at."""

    repo: Path
    """The repository's own folder, ``.git`` or a bare one."""
    ref: str = "refs/heads/main"
    path: str = "jobs.d"

    @property
    def identity(self) -> SourceId:
        return SourceId(kind=SourceKind.GIT, location=f"{self.repo}:{self.path}")

    @property
    def settle(self) -> float:
        """A commit is never met half made."""
        return 0.0

    def is_same(self, recorded: SourceId) -> bool:
        return recorded == self.identity

    def check(self) -> None:
        self.head()

    def head(self) -> str:
        """The hash of the commit that the ref stands at."""
        try:
            return git(self.repo, "rev-parse", "--verify", "--quiet", f"{self.ref}^{{commit}}")
        except (OSError, subprocess.CalledProcessError):
            raise SourceError(f"{self.ref} is not in {self.repo}", hint="push it") from None

    def look(self) -> Snapshot:
        sha = self.head()
        reading = _Reading(self, sha)
        if reading.output("ls-tree", "-d", sha, "--", self.path) == b"":
            raise SourceError(f"{self.path} is not in {self.ref}", hint="commit it")
        reading.everything()
        return Snapshot.of(
            files=reading.files, defaults=reading.defaults, unreadable=reading.unreadable, trace=sha
        )

    def look_at(self, manifest: str) -> Snapshot:
        """To read a tree costs little."""
        seen = self.look()
        if manifest not in {file.path for file in seen.files}:
            raise FileNotFoundError(errno.ENOENT, "there is no such manifest", manifest)
        return Snapshot.of(
            files=[file for file in seen.files if file.path == manifest],
            defaults=[
                file for file in seen.defaults if manifest.startswith(posixpath.dirname(file.path) + "/")
            ],
            unreadable=[],
            trace=None,
        )

    def weigh(self, seen: Snapshot, _before: Trace | None, _now: float) -> Snapshot:
        """A commit is no passing state."""
        return seen

    def commit(self, trace: Trace) -> Commit | None:
        sha, author, subject = git(
            self.repo, "show", "-s", "--format=%H%n%an <%ae>%n%s", str(trace)
        ).splitlines()
        return Commit(sha=sha, author=author, subject=subject)

    def allowances(self, head: str, since: str | None) -> tuple[Allowance, ...]:
        return trailers.answer(git(self.repo, *trailers.question(head, since)))

    def watch(self, _clock: Clock) -> "RefWatch":
        return RefWatch(self)


class RefWatch:
    """Glances at where the ref stands."""

    def __init__(self, tree: GitTree) -> None:
        self._tree = tree
        self._looked_at: Trace = None

    async def follow(self, hint: Callable[[], None]) -> None:
        hint()
        while True:
            await asyncio.sleep(stamps.GLANCE)
            if await asyncio.to_thread(self._stands_at) != self._looked_at:
                hint()

    def _stands_at(self) -> str | None:
        try:
            return self._tree.head()
        except SourceError:
            return None

    async def looked(self, trace: Trace | None) -> None:
        self._looked_at = trace

    async def wait_for_rest(self, _say: Callable[[str], None]) -> str | None:
        return None


class _Reading:
    """One look, at the commit ``sha``."""

    def __init__(self, tree: GitTree, sha: str) -> None:
        self._tree = tree
        self._sha = sha
        self.files: list[SourceFile] = []
        self.defaults: list[SourceFile] = []
        self.unreadable: list[Problem] = []

    def output(self, *words: str, given: bytes = b"") -> bytes:
        command = ["git", "-C", str(self._tree.repo), *words]
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout

    def everything(self) -> None:
        wanted = list(self._wanted())
        names = b"".join(
            (os.fsencode(f"{self._sha}:{path}") if is_link else oid.encode()) + b"\0"
            for path, oid, is_link in wanted
        )
        rest = self.output("cat-file", "--batch", "--follow-symlinks", "-z", given=names)
        for path, _, _ in wanted:
            head, _, rest = rest.partition(b"\n")
            kind, size = head.split()[-2:]
            data, rest = rest[: int(size)], rest[int(size) + 1 :]
            name = path.rpartition("/")[2]
            if kind == b"dangling":
                self.unreadable.append(lost_link(path, data.decode()))
            elif kind != b"blob":
                self.unreadable.append(unreadable(path, "links to folders are not followed", None))
            elif name in DEFAULTS_NAMES:
                self.defaults.append(SourceFile(path=path, data=data[: MAX_SIZE + 1]))
            elif name.endswith(SUFFIXES):
                self.files.append(SourceFile(path=path, data=data[: MAX_SIZE + 1]))

    def _wanted(self) -> Iterator[tuple[str, str, bool]]:
        """``(path, hash, is a link)`` of what is to be read."""
        listing = self.output("ls-tree", "-r", "-t", "-z", self._sha, "--", self._tree.path + "/")
        closed: list[str] = []
        for entry in listing.split(b"\0")[:-1]:
            facts, _, raw = entry.partition(b"\t")
            mode, kind, oid = facts.decode().split()
            path = os.fsdecode(raw)
            name = path.rpartition("/")[2]
            if any(path.startswith(folder) for folder in closed):
                continue
            if is_passed_over(name):
                closed.append(path + "/")
            elif kind != "blob":
                closed += [path + "/"] if self._is_refused(path, name, kind) else []
            elif mode == "120000" or name.endswith(SUFFIXES):
                if is_text(name):
                    yield path, oid, mode == "120000"
                else:
                    self.unreadable.append(not_utf8(path))

    def _is_refused(self, path: str, name: str, kind: str) -> bool:
        """Whether there is a problem with the folder, so that nothing in it is read."""
        if not is_text(name):
            self.unreadable.append(not_utf8(path))
        elif name.endswith(SUFFIXES):
            self.unreadable.append(named_as_manifest(path))
        elif kind == "commit":
            self.unreadable.append(
                unreadable(printable(path), "submodules are not read", None, code="unreadable_folder")
            )
        else:
            return False
        return True
