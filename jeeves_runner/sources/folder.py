"""A folder of manifests: find them, read them, hash them.

Everything is read at each look (10,000 small files cost some tens of milliseconds), so no stale
modification time can hide a change; what is unchanged by its hash needs no parse afterwards.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import SourceError

SUFFIXES = (".yaml", ".yml")
DEFAULTS_NAMES = ("_defaults.yaml", "_defaults.yml")
MAX_FILE_SIZE = 1024 * 1024
_CHUNK = 64 * 1024

MAX_ENTRIES = 100_000
"""Files and folders of every kind that are looked at. More of them are no folder of manifests but a
whole disk or /proc, and a walk there might never end."""

MAX_DEPTH = 32
"""Folders within one another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One manifest as found. ``path`` is relative to the project root, with ``/``.

    ``data`` holds at most one byte more than a manifest may have.
    """

    path: str
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What one look at the folder saw, in order of path.

    ``unreadable`` has a problem for each entry that should be a manifest but cannot be read;
    ``folders`` are the real folders walked, for whoever watches them.
    """

    files: tuple[SourceFile, ...]
    defaults: tuple[SourceFile, ...]
    unreadable: tuple[Problem, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderSource:
    """Manifests in ``folder``, named relative to the project root ``root``."""

    folder: Path
    root: Path

    @property
    def location(self) -> str:
        """What identifies this source in the database: the folder's real path."""
        return str(self.folder.resolve())

    def check(self) -> None:
        """SourceError when there is no folder, or none that can be read."""
        try:
            state = None if stat.S_ISDIR(os.stat(self.folder).st_mode) else "is not a folder"
        except (FileNotFoundError, NotADirectoryError):
            state = "does not exist"
        except OSError as error:
            raise self._unreadable(error.strerror) from None
        if state is not None:
            raise SourceError(
                f"the jobs folder {self.folder} {state}",
                hint="create it (jeeves-runner init), or set jobs_dir in jeeves-runner.yaml",
            )
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise self._unreadable(os.strerror(errno.EACCES))

    def _unreadable(self, reason: str | None) -> SourceError:
        return SourceError(
            f"the jobs folder {self.folder} cannot be read: {reason}",
            hint="give the user who runs jeeves-runner the right to read and enter it (chmod u+rx)",
        )

    def look(self) -> Snapshot:
        """Read all manifests; SourceError when the folder itself cannot be walked."""
        self.check()
        walk = _Walk(os.path.relpath(self.folder, self.root).replace(os.sep, "/"))
        walk.folder(os.fspath(self.folder), walk.prefix)
        return Snapshot(
            files=tuple(sorted(walk.files, key=_by_path)),
            defaults=tuple(sorted(walk.defaults, key=_by_path)),
            unreadable=tuple(walk.unreadable),
            folders=tuple(walk.folders),
        )


def _by_path(file: SourceFile) -> str:
    return file.path


class _Walk:
    """One walk: each real folder once, hidden and underscored names left out."""

    def __init__(self, prefix: str) -> None:
        self.prefix = "" if prefix == "." else prefix + "/"
        self.files: list[SourceFile] = []
        self.defaults: list[SourceFile] = []
        self.unreadable: list[Problem] = []
        self.folders: list[str] = []
        self._seen: set[tuple[int, int]] = set()
        self._entries_left = MAX_ENTRIES

    def folder(self, path: str, prefix: str) -> None:
        try:
            identity = os.stat(path)
            entries = list(os.scandir(path))
        except OSError as error:
            if prefix == self.prefix:
                raise SourceError(
                    f"the jobs folder {path} cannot be read: {error.strerror}",
                    hint=_mend(error),
                ) from None
            self._refuse(
                prefix.rstrip("/"),
                "unreadable_folder",
                f"the folder cannot be read: {error.strerror}",
                hint=_mend(error),
            )
            return
        key = (identity.st_dev, identity.st_ino)
        if key in self._seen:
            return
        self._seen.add(key)
        self.folders.append(os.path.realpath(path))
        self._bound(len(entries), prefix)
        for entry in entries:
            self._entry(entry, prefix)

    def _bound(self, entries: int, prefix: str) -> None:
        """SourceError where the walk gets out of hand: part of a folder must not pass for all of it."""
        self._entries_left -= entries
        if self._entries_left < 0:
            bound = f"holds more than {MAX_ENTRIES:,} files and folders"
        elif prefix.removeprefix(self.prefix).count("/") > MAX_DEPTH:
            bound = f"has folders more than {MAX_DEPTH} deep, as in {prefix.rstrip('/')}"
        else:
            return
        raise SourceError(
            f"the jobs folder {self.folders[0]} {bound}", hint="let jobs_dir name a folder of manifests alone"
        )

    def _entry(self, entry: "os.DirEntry[str]", prefix: str) -> None:
        name = entry.name
        is_defaults = name in DEFAULTS_NAMES
        if name[0] in "._" and not is_defaults:
            return
        is_manifest = name.endswith(SUFFIXES)
        path = prefix + name
        try:
            if entry.is_dir():
                if is_manifest:
                    self._refuse(
                        path,
                        "folder_named_as_manifest",
                        "a folder is named like a manifest",
                        hint="rename the folder, or start its name with `_` to leave it out",
                    )
                else:
                    self.folder(entry.path, path + "/")
                return
            if not is_manifest:
                return
            if not entry.is_file():
                os.stat(entry.path)
                raise OSError("it is not a regular file")
            file = SourceFile(path=path, data=_read(entry.path))
        except OSError as error:
            self._refuse(path, "unreadable", _why(entry, error), hint=_mend(error))
            return
        (self.defaults if is_defaults else self.files).append(file)

    def _refuse(self, path: str, code: str, message: str, hint: str | None = None) -> None:
        self.unreadable.append(
            Problem(severity="error", code=code, file=path, line=1, column=1, message=message, hint=hint)
        )


def _read(path: str) -> bytes:
    """At most one byte more than a manifest may have."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _CHUNK)
        if len(data) < _CHUNK:
            return data
        return b"".join([data, *_rest(descriptor, MAX_FILE_SIZE + 1 - len(data))])
    finally:
        os.close(descriptor)


def _rest(descriptor: int, wanted: int) -> Iterator[bytes]:
    while wanted > 0:
        data = os.read(descriptor, min(_CHUNK, wanted))
        if not data:
            return
        wanted -= len(data)
        yield data


def _why(entry: "os.DirEntry[str]", error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and entry.is_symlink():
        return f"the link points to {os.readlink(entry.path)}, which does not exist"
    return f"the file cannot be read: {error.strerror or error}"


def _mend(error: OSError) -> str | None:
    if isinstance(error, PermissionError):
        return "give the user who runs jeeves-runner the right to read it"
    return None
