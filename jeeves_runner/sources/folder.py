"""A folder of manifests: find them, read them, hash them.

Everything is read at each look (10,000 small files cost some tens of milliseconds): modification times
can miss a change. Files whose hash is the same are not parsed again.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import SourceError

SUFFIXES = (".yaml", ".yml")
DEFAULTS_NAMES = ("_defaults.yaml", "_defaults.yml")
MAX_FILE_SIZE = 1024 * 1024
_CHUNK = 64 * 1024

MAX_ENTRIES = 100_000
"""How many files and folders of every kind are looked at. A folder with more is not meant for manifests:
it is a whole disk or /proc, and a walk there might never end."""

MAX_DEPTH = 32
"""How many folders may lie within one another."""


FileStamp = tuple[int, ...] | None
"""``(device, inode, mode, change time in ns)`` of what a path leads to; None where nothing can be seen.
Another stamp means that something has changed there; it says nothing of what the file holds."""


def stamp_of(path: str) -> FileStamp:
    """The stamp of what stands at a path now."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_ctime_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One manifest as found."""

    path: str
    """Relative to the project root, with ``/``."""
    data: bytes
    """At most one byte more than a manifest may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What one look at the folder saw."""

    files: tuple[SourceFile, ...]
    """The manifests, in order of path."""
    defaults: tuple[SourceFile, ...]
    """The ``_defaults.yaml`` files, in order of path."""
    unreadable: tuple[Problem, ...]
    """One for each entry that should be a manifest or a folder of them and cannot be read."""
    folders: tuple[str, ...]
    """The real paths of the folders walked: these are to be watched."""
    recheck: Mapping[str, FileStamp]
    """The places that could not be read, and what stood there: a watch may miss a change of theirs."""


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
        walk.everything(os.fspath(self.folder))
        return Snapshot(
            files=tuple(sorted(walk.files, key=_by_path)),
            defaults=tuple(sorted(walk.defaults, key=_by_path)),
            unreadable=tuple(walk.unreadable),
            folders=tuple(walk.folders),
            recheck=walk.recheck,
        )


def _by_path(file: SourceFile) -> str:
    return file.path


class _Walk:
    """One walk: each real folder once, hidden and underscored names left out.

    Linked folders come after all real ones, so that a folder reached both ways is named by its real path.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = "" if prefix == "." else prefix + "/"
        self.files: list[SourceFile] = []
        self.defaults: list[SourceFile] = []
        self.unreadable: list[Problem] = []
        self.folders: list[str] = []
        self.recheck: dict[str, FileStamp] = {}
        self._links: list[tuple[str, str]] = []
        self._seen: set[tuple[int, int]] = set()
        self._entries_left = MAX_ENTRIES

    def everything(self, folder: str) -> None:
        """Walk ``folder`` and all it leads to."""
        self._folder(folder, self.prefix)
        while self._links:
            links, self._links = sorted(self._links), []
            for path, prefix in links:
                self._folder(path, prefix)

    def _folder(self, path: str, prefix: str) -> None:
        try:
            identity = os.stat(path)
            entries = list(os.scandir(path))
        except OSError as error:
            if prefix == self.prefix:
                raise SourceError(
                    f"the jobs folder {path} cannot be read: {error.strerror}",
                    hint=_hint(error),
                ) from None
            self.recheck[path] = _stamp_at(path, error)
            self._refuse(
                prefix.rstrip("/"),
                "unreadable_folder",
                f"the folder cannot be read: {error.strerror}",
                hint=_hint(error),
            )
            return
        key = (identity.st_dev, identity.st_ino)
        if key in self._seen:
            return
        self._seen.add(key)
        self.folders.append(os.path.realpath(path))
        self._check_bounds(len(entries), prefix)
        below = [(entry.path, prefix + entry.name + "/") for entry in entries if self._take(entry, prefix)]
        for place in sorted(below):
            self._folder(*place)

    def _check_bounds(self, entries: int, prefix: str) -> None:
        """SourceError where there is too much to walk: a part must not be taken for the whole folder."""
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

    def _take(self, entry: "os.DirEntry[str]", prefix: str) -> bool:
        """Take in a manifest or a link; True for a real folder, which the caller has to walk."""
        name = entry.name
        is_defaults = name in DEFAULTS_NAMES
        if name[0] in "._" and not is_defaults:
            return False
        path = prefix + name
        try:
            if entry.is_dir():
                return self._take_folder(entry, path)
            if not name.endswith(SUFFIXES):
                if entry.is_symlink():
                    os.stat(entry.path)  # raises if it leads nowhere: perhaps it led to manifests
                return False
            if not is_text(name):
                self._refuse_name(path)
                return False
            if not entry.is_file():
                os.stat(entry.path)
                raise OSError("it is not a regular file")
            file = SourceFile(path=path, data=_read(entry.path))
        except OSError as error:
            self.recheck[entry.path] = _stamp_at(entry.path, error)
            self._refuse(_printable(path), "unreadable", _message(entry, error), hint=_hint(error))
            return False
        (self.defaults if is_defaults else self.files).append(file)
        return False

    def _take_folder(self, entry: "os.DirEntry[str]", path: str) -> bool:
        if not is_text(entry.name):
            self._refuse_name(path)
        elif entry.name.endswith(SUFFIXES):
            aside = "" if entry.name in DEFAULTS_NAMES else ", or start its name with `_` to leave it out"
            self._refuse(
                path,
                "folder_named_as_manifest",
                "a folder is named like a manifest",
                hint=f"rename the folder{aside}",
            )
        elif entry.is_symlink():
            self._links.append((entry.path, path + "/"))
        else:
            return True
        return False

    def _refuse_name(self, path: str) -> None:
        self._refuse(_printable(path), "file_name", "the name is not UTF-8", hint="rename it")

    def _refuse(self, path: str, code: str, message: str, hint: str | None = None) -> None:
        self.unreadable.append(
            Problem(severity="error", code=code, file=path, line=1, column=1, message=message, hint=hint)
        )


def _stamp_at(path: str, error: OSError) -> FileStamp:
    """The stamp of the place as the walk met it: a file that was missing then may be there by now."""
    return None if isinstance(error, FileNotFoundError) else stamp_of(path)


def is_text(name: str) -> bool:
    """Whether a name can be stored and printed: one that is not UTF-8 cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(path: str) -> str:
    """A path as it can be printed, with a backslash for each byte that is no text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


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


def _message(entry: "os.DirEntry[str]", error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and entry.is_symlink():
        return f"the link points to {_printable(os.readlink(entry.path))}, which does not exist"
    return f"the file cannot be read: {error.strerror or error}"


def _hint(error: OSError) -> str | None:
    if isinstance(error, FileNotFoundError):
        return "bring back what it points to, or remove the link"
    if isinstance(error, PermissionError):
        return "give the user who runs jeeves-runner the right to read it"
    return None
