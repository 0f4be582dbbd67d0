"""A folder as a source: where it is, what a look finds, and the commit it stands at."""

import errno
import os
import posixpath
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jeeves_runner.clock import Clock
from jeeves_runner.core.git_edits import PATIENCE
from jeeves_runner.core.origin import Allowance, Commit, SourceId, SourceKind
from jeeves_runner.core.plan import WaitingFile
from jeeves_runner.errors import SourceError
from jeeves_runner.regular_files import folder_of_the_system
from jeeves_runner.sources.contract import Snapshot, SourceFile, Trace
from jeeves_runner.sources.folder.commit import allowances_of, commit_of
from jeeves_runner.sources.folder.git_edits import compare
from jeeves_runner.sources.folder.walk import (
    FolderTrace,
    Walk,
    read_manifest,
    unreadable_file,
    unreadable_root,
)
from jeeves_runner.sources.names import DEFAULTS_NAMES, is_manifest

if TYPE_CHECKING:
    from jeeves_runner.sources.folder.watch import FolderWatch

SETTLE = 3.0
"""Seconds a folder must stay as it is before its deletes are believed: files are moved one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderSource:
    """Manifests in ``folder``, named relative to the project root ``root``."""

    folder: Path
    """Absolute, as configured: links in it are not resolved."""
    root: Path
    """Absolute."""

    @property
    def identity(self) -> SourceId:
        """Links stay in the location: where they lead elsewhere later, this is still the same source."""
        return SourceId(kind=SourceKind.FOLDER, location=os.path.normpath(self.folder))

    @property
    def settle(self) -> float:
        return SETTLE

    def is_same(self, recorded: SourceId) -> bool:
        """Also when another path is recorded that leads to this very folder now."""
        if recorded.kind != SourceKind.FOLDER:
            return False
        if recorded.location == self.identity.location:
            return True
        try:
            return self.folder.samefile(recorded.location)
        except OSError:
            return False

    def check(self) -> None:
        """SourceError when there is no folder, or none that can be read."""
        try:
            state = None if stat.S_ISDIR(os.stat(self.folder).st_mode) else "is not a folder"
        except (FileNotFoundError, NotADirectoryError):
            state = "does not exist"
        except OSError as error:
            raise unreadable_root(self.folder, error) from None
        if state is not None:
            raise SourceError(
                f"the jobs folder {self.folder} {state}",
                hint="create it (jeeves-runner init), or set jobs_dir in jeeves-runner.yaml",
            )
        if (system := folder_of_the_system(self.folder)) is not None:
            raise SourceError(
                f"the jobs folder {self.folder} belongs to the system, which keeps no manifests in {system}",
                hint="let jobs_dir in jeeves-runner.yaml name a folder of manifests",
            )
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise unreadable_root(self.folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def look(self) -> Snapshot:
        """Read all manifests; SourceError when the folder itself cannot be walked."""
        self.check()
        walk = Walk(self.prefix)
        walk.everything(os.fspath(self.folder))
        return Snapshot.of(
            files=walk.files,
            defaults=walk.defaults,
            unreadable=walk.unreadable,
            trace=walk.trace(),
        )

    def look_at(self, manifest: str) -> Snapshot:
        """One manifest and the defaults above it, without a walk."""
        below = manifest.removeprefix(self.prefix)
        is_one = manifest.startswith(self.prefix) and is_manifest(below)
        if not is_one or posixpath.basename(below) in DEFAULTS_NAMES:
            raise FileNotFoundError(errno.ENOENT, "it is no manifest of the jobs folder", manifest)
        file = SourceFile(path=manifest, data=read_manifest(f"{self.root}/{manifest}"))
        folders = [self.prefix, *(f"{self.prefix}{below[:end]}" for end in _ends_of_folders(below))]
        defaults, unreadable = [], []
        for path in (folder + name for folder in folders for name in DEFAULTS_NAMES):
            place = f"{self.root}/{path}"
            try:
                defaults.append(SourceFile(path=path, data=read_manifest(place)))
            except FileNotFoundError:
                continue
            except OSError as error:
                unreadable.append(unreadable_file(path, place, error))
        return Snapshot.of(files=[file], defaults=defaults, unreadable=unreadable, trace=None)

    @property
    def prefix(self) -> str:
        """What stands before the path of a manifest: empty, or the folder with a slash behind it."""
        relative = os.path.relpath(self.folder, self.root).replace(os.sep, "/")
        return "" if relative == "." else relative + "/"

    def weigh(self, seen: Snapshot, before: Trace | None, now: float) -> Snapshot:
        """What a commit hook may have put back to the text of git's index waits."""
        trace, last = seen.trace, before.git if isinstance(before, FolderTrace) else None
        assert isinstance(trace, FolderTrace)
        found = compare(trace.roots, seen, last, now)
        waiting = () if found is None else tuple(map(_waits_for_git, sorted(found.edits.waits)))
        return replace(seen, trace=trace._replace(git=found), waiting=waiting)

    def commit(self, _trace: Trace) -> Commit | None:
        """What git says of the folder now; a look does not know."""
        return commit_of(self.folder, self.root)

    def allowances(self, head: str, since: str | None) -> tuple[Allowance, ...]:
        return allowances_of(self.folder, head, since)

    def watch(self, clock: Clock) -> "FolderWatch":
        # The system's notifications are of no use to a command or to the planner's process, and slow to load.
        from jeeves_runner.sources.folder.watch import FolderWatch

        return FolderWatch(self.folder, clock)


def _ends_of_folders(path: str) -> list[int]:
    """Where the folder of each slash ends, with the slash."""
    return [place + 1 for place, char in enumerate(path) if char == "/"]


def _waits_for_git(path: str) -> WaitingFile:
    return WaitingFile(
        path,
        f"{path} is back at the text in git's index, as while a commit hook runs; it counts from its next"
        f" change, after {PATIENCE:.0f} s, or with `jeeves-runner apply`",
    )
