"""Opens files in places where others may write, whatever stands there.

Opening a named pipe waits for its other end, and a link leads to a file that is not meant. So only regular
files are opened, links are followed where that is asked for alone, and nothing waits. An OSError says what
stands there instead. A file system that hangs can still make any of this wait: the event loop calls it in a
thread.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_ALWAYS: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""On a regular file O_NONBLOCK has no effect."""

_TERMINALS: Final = ("/dev/tty", "/dev/pts/", "/dev/console")

_CHUNK: Final = 64 * 1024

StrPath = str | os.PathLike[str]


class NotRegular(OSError):
    """What stands there is no regular file."""


def open_to_read(path: StrPath, *, follow: bool = False, folder: int | None = None) -> int:
    """A descriptor of a regular file; OSError for anything else.

    ``follow``: a link may lead to the file. ``folder``: a descriptor that a relative path starts at.
    """
    return _open(path, os.O_RDONLY, follow=follow, folder=folder)


def open_to_write(path: StrPath, *, folder: int | None = None) -> int:
    """A descriptor of a regular file that is there and keeps its content; OSError for anything else."""
    return _open(path, os.O_WRONLY, follow=False, folder=folder)


def open_own_to_write(path: StrPath, *, folder: int | None = None, append: bool = False) -> int:
    """As ``open_to_write``, but OSError for a file of several names (hard links): one of them may be that of
    a file that is not meant. ``append``: what is written goes to its end."""
    descriptor = _open(path, os.O_WRONLY | (os.O_APPEND if append else 0), follow=False, folder=folder)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise NotRegular(errno.EMLINK, "it is a file of several names (hard links)", os.fspath(path))
    return descriptor


def open_to_append(path: StrPath) -> int:
    """A descriptor whose writes go to the end of a file, made for this user if nothing is there. Links are
    followed, and a terminal or /dev/null is allowed: the user has named it. OSError for all else; other
    devices are not even opened."""
    _check_takes_lines(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _ALWAYS
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that is not read
            raise _takes_no_lines(path) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        os.close(descriptor)
        raise _takes_no_lines(path)
    return descriptor


def folder_of_the_system(path: StrPath) -> str | None:
    """``/dev``, ``/proc`` or ``/sys`` where a path leads there: what stands there is no file of a
    user's. None for all else, and for /dev/shm, which is memory."""
    real = os.path.realpath(path) + os.sep
    if real.startswith("/dev/shm/"):
        return None
    return next((folder for folder in ("/dev", "/proc", "/sys") if real.startswith(folder + os.sep)), None)


def create(path: StrPath, *, folder: int | None = None) -> int:
    """A descriptor of a new file, to be read and written, for this user alone. FileExistsError for whatever
    stands there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | _ALWAYS, 0o600, dir_fd=folder)


def replace(path: StrPath, *, folder: int | None = None) -> int:
    """As ``create``, in the place of what stands there: a link or a pipe goes, and not what it leads to.

    OSError for a folder.
    """
    with suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
    return create(path, folder=folder)


def read_all(path: StrPath, limit: int, *, follow: bool = False) -> bytes:
    """The content of a regular file, its first ``limit`` bytes at most. Raises OSError."""
    descriptor = open_to_read(path, follow=follow)
    try:
        parts = []
        while limit > 0 and (part := os.read(descriptor, min(limit, _CHUNK))):
            parts.append(part)
            limit -= len(part)
            if len(part) < _CHUNK:
                break
        return b"".join(parts)
    finally:
        os.close(descriptor)


def read_small(path: StrPath, limit: int, *, follow: bool = False) -> bytes:
    """The content of a regular file; no other is even opened for it, which has effects on some devices.

    Raises OSError; ValueError for more than ``limit`` bytes.
    """
    if not stat.S_ISREG(os.stat(path, follow_symlinks=follow).st_mode):
        raise not_regular(path)
    content = read_all(path, limit + 1, follow=follow)
    if len(content) > limit:
        raise ValueError(f"it holds over {limit // 1024} KiB")
    return content


def read_text(path: StrPath, limit: int, *, follow: bool = False) -> str:
    """The same as text; ValueError also for what is not UTF-8."""
    try:
        return read_small(path, limit, follow=follow).decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None  # the error itself would tell a byte of a secret


def read_secret(path: StrPath, limit: int) -> str:
    """The one secret in a file, to which a link may lead. White space around it is no part of it."""
    return read_text(path, limit, follow=True).strip()


@contextmanager
def real_folder(path: StrPath, *, follow: bool = False, folder: int | None = None) -> Iterator[int]:
    """A descriptor of a folder; OSError for anything else.

    ``follow``: a link may lead to it. ``folder``: a descriptor that a relative path starts at.
    """
    try:
        links = 0 if follow else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | links | _ALWAYS, dir_fd=folder)
    except OSError as error:
        # Linux says of a link only that it is no folder.
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR) and _is_link(path, folder):
            raise _is_a_link(path) from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def not_regular(path: StrPath) -> NotRegular:
    """The error for anything but a regular file."""
    return NotRegular(errno.EINVAL, "it is not a regular file", os.fspath(path))


def _open(path: StrPath, flags: int, *, follow: bool, folder: int | None) -> int:
    links = 0 if follow else os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | links | _ALWAYS, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EISDIR):  # a socket, a pipe that is not read, a folder
            raise not_regular(path) from None
        if links and error.errno in (errno.ELOOP, errno.EMLINK):
            raise _is_a_link(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise not_regular(path)
    return descriptor


def _check_takes_lines(path: StrPath) -> None:
    """OSError where something stands that is no file for lines."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG  # it is to be made
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder", os.fspath(path))
    if stat.S_ISREG(mode):
        if (folder := folder_of_the_system(path)) is not None:
            raise OSError(errno.EINVAL, f"it is a file of the system, in {folder}", os.fspath(path))
    elif not (stat.S_ISCHR(mode) and os.path.realpath(path).startswith((os.devnull, *_TERMINALS))):
        raise _takes_no_lines(path)


def _takes_no_lines(path: StrPath) -> OSError:
    return OSError(errno.EINVAL, "it is neither a file nor a terminal nor /dev/null", os.fspath(path))


def _is_link(path: StrPath, folder: int | None) -> bool:
    try:
        return stat.S_ISLNK(os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _is_a_link(path: StrPath) -> OSError:
    return OSError(errno.ELOOP, "it is a symbolic link", os.fspath(path))
