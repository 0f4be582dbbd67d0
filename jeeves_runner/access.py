"""Who may use what the runner keeps: its owner, and the group of the folder where wanted; others never.

A folder says it for all that is made in it: where its group may write, it may also write the files. So what
makes a file needs no setting, and what the umask says does not count.
"""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

PRIVATE: Final = 0o700
"""The mode of a folder for its owner alone."""

SHARED: Final = 0o2770
"""That of one for its group as well; what is made in it belongs to that group."""

_OTHERS: Final = stat.S_IRWXO


def make_folder(folder: Path, mode: int | None = None) -> None:
    """Make a folder, and those above it, where missing: with ``mode``, or as private as the folder above.

    Raises OSError.
    """
    if folder.is_dir():
        return
    if mode is None:
        make_folder(folder.parent)
        mode = SHARED if is_shared(folder.parent) else PRIVATE
    else:
        make_folder(folder.parent, mode)
    try:
        folder.mkdir(mode=PRIVATE)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        folder.chmod(mode)


def make_folder_in(folder: int, name: str) -> None:
    """Make a folder in one that is given by its descriptor, and as private as that. Whatever stands there
    already stays. Raises OSError."""
    try:
        os.mkdir(name, PRIVATE, dir_fd=folder)
    except FileExistsError:
        return
    made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fchmod(made, SHARED if is_shared(folder) else PRIVATE)
    finally:
        os.close(made)


def make_file(path: Path) -> None:
    """Make an empty file, if nothing stands there, for those for whom its folder is. Raises OSError."""
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            give_access(descriptor, path.parent)
        finally:
            os.close(descriptor)


def give_access(file: int, folder: Path | int) -> None:
    """Let those use a new file, given by its descriptor, for whom its folder is. Raises OSError."""
    os.fchmod(file, 0o660 if is_shared(folder) else 0o600)


def is_shared(folder: Path | int) -> bool:
    """Whether a folder is for its group as well, and for no others."""
    mode = os.stat(folder).st_mode
    return bool(mode & stat.S_IWGRP and mode & stat.S_IXGRP) and not mode & _OTHERS


class TooOpen(NamedTuple):
    """A file or folder that more people may use than they should."""

    path: Path
    """Where it is."""
    mode: int
    """Its permissions now."""

    def __str__(self) -> str:
        return f"{self.path} (mode {self.mode:04o})"


def too_open(paths: Iterable[Path], mode: int) -> list[TooOpen]:
    """Those of these files and folders that more people may use than ``mode`` says. Missing ones are not."""
    found = []
    for path in paths:
        with suppress(OSError):
            now = stat.S_IMODE(path.stat().st_mode)
            if now & 0o077 & ~mode:
                found.append(TooOpen(path, now))
    return found


@lru_cache(maxsize=64)
def user_name(number: int) -> str:
    """What the system calls a user; the number where it has no name for it.

    The system is asked once for each, because its answer may come from another machine."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
