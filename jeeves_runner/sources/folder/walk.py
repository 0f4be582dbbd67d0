"""A walk through a folder of manifests: find them and read them.

Everything is read at each look (10,000 small files cost some tens of milliseconds): modification times
can miss a change. Files whose hash is the same are not parsed again.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jeeves_runner.core.manifest.budget import MAX_FOLDER_SIZE, MAX_SIZE
from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import SourceError
from jeeves_runner.regular_files import folder_of_the_system, not_regular, open_to_read
from jeeves_runner.sources.contract import SourceFile
from jeeves_runner.sources.folder.git_edits import GitTrace, Root
from jeeves_runner.sources.folder.places import way_of
from jeeves_runner.sources.names import (
    BRING_BACK,
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
from jeeves_runner.sources.stamps import FileStamp, stamp_of

_CHUNK = 64 * 1024

MAX_ENTRIES = 100_000
"""How many files and folders of every kind are looked at. A folder with more is not meant for manifests:
it is a whole disk or /proc, and a walk there might never end."""

MAX_DEPTH = 32
"""How many folders may lie within one another."""

MAX_ROOTS = 16
"""How many folders git is asked about. Each takes it some milliseconds at every look."""


class FolderTrace(NamedTuple):
    """What a look at a folder leaves."""

    folders: tuple[str, ...]
    """The real paths of the folders walked: these are to be watched."""
    ways: dict[str, tuple[str, ...]]
    """Names by the real folder they are in, outside of the folder of manifests: where links lead depends on
    what stands there, so these are to be watched too."""
    recheck: dict[str, FileStamp]
    """The places that could not be read, and what stood there: notifications may miss a change of theirs."""
    roots: tuple[Root, ...] = ()
    """The folders that may be in repositories of their own, the folder of manifests first."""
    git: GitTrace | None = None
    """What git had of the manifests, where that was asked."""


class Walk:
    """One walk: each real folder once, hidden and underscored names left out.

    ``files`` and ``defaults``: what was found, in no order. ``unreadable``: the problems of what could not be
    read.

    Linked folders come after all real ones, so that a folder reached both ways is named by its real path.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.files: list[SourceFile] = []
        self.defaults: list[SourceFile] = []
        self.unreadable: list[Problem] = []
        self._folders: list[str] = []
        self._roots: list[Root] = []
        self._recheck: dict[str, FileStamp] = {}
        self._ways: dict[str, set[str]] = {}
        self._links: list[tuple[str, str]] = []
        self._seen: set[tuple[int, int]] = set()
        self._entries_left = MAX_ENTRIES
        self._bytes_left = MAX_FOLDER_SIZE

    def everything(self, folder: str) -> None:
        """Walk ``folder`` and all it leads to."""
        self._folder(folder, self._prefix, is_root=True)
        while self._links:
            links, self._links = sorted(self._links), []
            for path, prefix in links:
                self._folder(path, prefix, is_root=True)

    def trace(self) -> FolderTrace:
        """What the walk met so far."""
        ways = {folder: tuple(sorted(names)) for folder, names in self._ways.items()}
        return FolderTrace(
            folders=tuple(self._folders), ways=ways, recheck=self._recheck, roots=tuple(self._roots)
        )

    def _folder(self, path: str, prefix: str, *, is_root: bool = False) -> None:
        try:
            identity = os.stat(path)
            entries = list(os.scandir(path))
        except OSError as error:
            if prefix == self._prefix:
                raise unreadable_root(path, error) from None
            self._recheck[path] = _stamp_at(path, error)
            self.unreadable.append(
                unreadable(
                    prefix.rstrip("/"),
                    f"the folder cannot be read: {error.strerror}",
                    _hint(error),
                    code="unreadable_folder",
                )
            )
            return
        key = (identity.st_dev, identity.st_ino)
        if key in self._seen:
            return
        self._seen.add(key)
        self._folders.append(os.path.realpath(path))
        is_clone = any(entry.name == ".git" for entry in entries)
        if (is_root or is_clone) and len(self._roots) < MAX_ROOTS:
            self._roots.append(Root(self._folders[-1], prefix))
        self._check_bounds(len(entries), prefix)
        below = [(entry.path, prefix + entry.name + "/") for entry in entries if self._take(entry, prefix)]
        for place in sorted(below):
            self._folder(*place)

    def _check_bounds(self, entries: int, prefix: str) -> None:
        """SourceError where there is too much to walk: a part must not be taken for the whole folder."""
        self._entries_left -= entries
        if self._entries_left < 0:
            bound = f"holds more than {MAX_ENTRIES:,} files and folders"
        elif prefix.removeprefix(self._prefix).count("/") > MAX_DEPTH:
            bound = f"has folders more than {MAX_DEPTH} deep, as in {prefix.rstrip('/')}"
        else:
            return
        raise self._too_much(bound)

    def _too_much(self, bound: str) -> SourceError:
        return SourceError(
            f"the jobs folder {self._folders[0]} {bound}",
            hint="let jobs_dir name a folder of manifests alone",
        )

    def _take(self, entry: "os.DirEntry[str]", prefix: str) -> bool:
        """Take in a manifest or a link; True for a real folder, which the caller has to walk."""
        name = entry.name
        if is_passed_over(name):
            return False
        path = prefix + name
        try:
            if entry.is_symlink() and (name.endswith(SUFFIXES) or not entry.is_file()):
                self._note_way(name)
            if entry.is_dir():
                return self._take_folder(entry, path)
            if not name.endswith(SUFFIXES):
                if entry.is_symlink():
                    os.stat(entry.path)  # raises if it leads nowhere: perhaps it led to manifests
                return False
            if not is_text(name):
                self.unreadable.append(not_utf8(path))
                return False
            if not entry.is_file():
                os.stat(entry.path)
                raise not_regular(entry.path)
            file = SourceFile(path=path, data=read_manifest(entry.path))
        except OSError as error:
            self._recheck[entry.path] = _stamp_at(entry.path, error)
            self.unreadable.append(unreadable_file(path, entry.path, error))
            return False
        self._bytes_left -= len(file.data)
        if self._bytes_left < 0:
            raise self._too_much(f"holds more than {MAX_FOLDER_SIZE // 1024 // 1024} MiB of manifests")
        (self.defaults if name in DEFAULTS_NAMES else self.files).append(file)
        return False

    def _note_way(self, name: str) -> None:
        """Note what a link in the folder that is being walked depends on."""
        top = self._folders[0]
        for folder, there in way_of(name, self._folders[-1]):
            if folder != top and not folder.startswith(top + "/"):
                self._ways.setdefault(folder, set()).add(there)

    def _take_folder(self, entry: "os.DirEntry[str]", path: str) -> bool:
        if not is_text(entry.name):
            self.unreadable.append(not_utf8(path))
        elif entry.name.endswith(SUFFIXES):
            self.unreadable.append(named_as_manifest(path))
        elif entry.is_symlink():
            if (system := folder_of_the_system(entry.path)) is not None:
                message = f"the link leads to {system}, where the system keeps no manifests"
                self.unreadable.append(unreadable(path, message, "remove it"))
            else:
                self._links.append((entry.path, path + "/"))
        else:
            return True
        return False


def _stamp_at(path: str, error: OSError) -> FileStamp:
    """The stamp of the place as the walk met it: a file that was missing then may be there by now."""
    return None if isinstance(error, FileNotFoundError) else stamp_of(path)


def read_manifest(path: str) -> bytes:
    """The bytes of a regular file, links followed; at most one more than a manifest may have. OSError."""
    descriptor = open_to_read(path, follow=True)
    try:
        data = os.read(descriptor, _CHUNK)
        if len(data) < _CHUNK:
            return data
        return b"".join([data, *_rest(descriptor, MAX_SIZE + 1 - len(data))])
    finally:
        os.close(descriptor)


def _rest(descriptor: int, wanted: int) -> Iterator[bytes]:
    while wanted > 0:
        data = os.read(descriptor, min(_CHUNK, wanted))
        if not data:
            return
        wanted -= len(data)
        yield data


def unreadable_file(path: str, place: str, error: OSError) -> Problem:
    """The problem of the file at ``place``, called ``path``."""
    if isinstance(error, FileNotFoundError) and (target := _target(place)) is not None:
        return lost_link(path, target)
    message = f"the file cannot be read: {error.strerror or error}"
    return unreadable(printable(path), message, _hint(error))


def _target(place: str) -> str | None:
    """Where a link points; None for no link, and for one that has gone meanwhile."""
    try:
        return os.readlink(place)
    except OSError:
        return None


def unreadable_root(path: str | Path, error: OSError) -> SourceError:
    """The error for a folder of manifests that is there, and cannot be walked."""
    hint = _hint(error)
    if isinstance(error, PermissionError):
        hint = "give the user who runs jeeves-runner the right to read and enter it (chmod u+rx)"
    return SourceError(f"the jobs folder {path} cannot be read: {error.strerror}", hint=hint)


def _hint(error: OSError) -> str | None:
    if isinstance(error, FileNotFoundError):
        return BRING_BACK
    if isinstance(error, PermissionError):
        return "give the user who runs jeeves-runner the right to read it"
    return None
