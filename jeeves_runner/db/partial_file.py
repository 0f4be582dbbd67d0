"""A file that gets its name once it is whole, on disk, and free of faults. Until then it has another.

A crash leaves at most a file of the other name, which the next one of the same name takes away.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from jeeves_runner.access import give_access

_ENDING = ".partial"

WITHOUT_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))
"""What file systems say that know no hard links: there a file has one name."""


class Partial(NamedTuple):
    """A file that is being written."""

    path: Path
    """Where it is for now, beside its place to be."""
    final: Path
    """That place."""
    descriptor: int
    """It, open. While it is, the file is not taken for left over."""

    def keep(self, *, replace: bool) -> None:
        """Give it its name, once all of it is on the disk. Without ``replace``, FileExistsError if that is
        another file's by now. OSError."""
        os.fsync(self.descriptor)
        if replace:
            self.path.replace(self.final)
        else:
            _give_free_name(self.path, self.final)
        sync_folder(self.final.parent)


@contextmanager
def partial_file(final: Path) -> Iterator[Partial]:
    """An empty file for those for whom its folder is. Unless it is kept, nothing of it stays. OSError."""
    _remove_left(final)
    path, descriptor = _make(final)
    try:
        give_access(descriptor, final.parent)
        yield Partial(path, final, descriptor)
    finally:
        _remove(path)
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the disk know the names in a folder. OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give_free_name(path: Path, final: Path) -> None:
    try:
        final.hardlink_to(path)  # where a file stands, this fails
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        path.rename(final)


def _make(final: Path) -> tuple[Path, int]:
    while True:
        path = final.with_name(f".{final.name}.{token_hex(4)}{_ENDING}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return path, descriptor
        os.close(descriptor)  # another one has taken it for left over before it was locked


def _remove_left(final: Path) -> None:
    """Take away what crashes have left of files of this name."""
    with suppress(OSError):
        for path in final.parent.iterdir():
            if path.name.startswith(f".{final.name}.") and _ENDING in path.name:
                _remove_if_left(path.with_name(path.name.partition(_ENDING)[0] + _ENDING))


def _remove_if_left(path: Path) -> None:
    """``path`` may be gone already, and have left what SQLite has put beside it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        _remove(path)
        return
    except OSError:
        return
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
    except BlockingIOError:
        pass  # another one is writing it
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """With what SQLite may have put beside it."""
    with suppress(OSError):
        for each in path.parent.iterdir():
            if each.name.startswith(path.name):
                each.unlink(missing_ok=True)
