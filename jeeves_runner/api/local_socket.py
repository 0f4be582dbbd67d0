"""The Unix socket of the server, on which programs of its owner reach it.

A program that may open its file may operate the server, so the file is for this user alone from its
first moment. It stands in the data folder as ``runner.sock``. Where that path is too long for a socket, or
another runner answers there, a short one in the user's runtime folder takes its place. Programs find
the path in the database.
"""

import errno
import logging
import os
import socket
import stat
import sys
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

NAME: Final = "runner.sock"

LONGEST: Final = 107 if sys.platform == "linux" else 103
"""Bytes of the longest path that a socket's address can hold."""

_BACKLOG: Final = 128


class LocalSocket:
    """A Unix socket that listens at ``path``."""

    def __init__(self, path: Path) -> None:
        """Listen at ``path``, in the place of a dead runner's socket.

        OSError where that is not possible: the path is too long, another process answers there, or
        something that is no socket is in the way.
        """
        if len(os.fsencode(path)) > LONGEST:
            raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket", str(path))
        _remove_stale(path)
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with suppress(OSError):  # not every system can; on Linux bind makes the file with this mode
                os.fchmod(self.listener.fileno(), 0o600)
            self.listener.bind(str(path))
            path.chmod(0o600)  # before programs can connect, which takes a socket that listens
            self.listener.listen(_BACKLOG)
            self._identity = _identity(path)
        except OSError:
            self.listener.close()
            raise

    def close(self) -> None:
        """Stop listening, and remove the file unless another process has put its own there."""
        self.listener.close()
        with suppress(OSError):
            if _identity(self.path) == self._identity:
                self.path.unlink()


def open_local_socket(data_dir: Path, db_path: Path) -> LocalSocket | None:
    """A listening socket in the data folder, else in the runtime folder.

    None, with a warning, if neither works: the server does without. The caller holds the runner's
    lock of ``db_path``.
    """
    try:
        return LocalSocket(data_dir / NAME)
    except OSError as error:
        first = error
    try:
        found = LocalSocket(_runtime_path(db_path))
    except OSError as second:
        log.warning(
            "no Unix socket, so what commands ask for is noticed up to a second later: %s; %s", first, second
        )
        return None
    log.info("the Unix socket is %s: %s", found.path, first)
    return found


def _remove_stale(path: Path) -> None:
    """Make room at ``path`` if a dead process has left its socket there; OSError if it is not that."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "something else has that name", str(path))
    if _is_answered(path):
        raise OSError(errno.EADDRINUSE, "another process listens there", str(path))
    path.unlink()


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:  # many wait to be answered
            return True
        return True


def _runtime_path(db_path: Path) -> Path:
    """A short path of its own for each database, where only this user may go; OSError if there is none."""
    digest = blake2b(os.fsencode(db_path.resolve()), digest_size=8).hexdigest()
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if given.is_absolute() and _is_private(given):
        return given / f"jeeves-runner-{digest}.sock"
    folder = Path(tempfile.gettempdir()) / f"jeeves-runner-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError(errno.EACCES, "the folder is not this user's alone", str(folder))
    return folder / f"{digest}.sock"


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
