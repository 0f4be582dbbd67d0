"""One runner per database: a lock that dies with its process, and an epoch that outlives it.

The lock keeps a second runner from starting. The epoch stops a first one that has lost the lock
without noticing (a lock file deleted by hand, a file system without locks): every transaction
that starts or ends a run checks it.
"""

import errno
import fcntl
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from jeeves_runner.access import PRIVATE, TooOpen, make_file, too_open
from jeeves_runner.clock import from_text
from jeeves_runner.db.connection import make_folder_of_database, real_path
from jeeves_runner.db.file_errors import read_only
from jeeves_runner.db.guarded import SIDE_FILES, FileIdentity, file_identity
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import DatabaseBusy, DatabaseError, DatabaseReadOnly, Fenced, RunnerActive
from jeeves_runner.regular_files import NotRegular, open_to_write, read_all

LOCK_PATIENCE: Final = 10.0
"""Seconds to wait for a lock that is soon free: a command has it while it settles what a dead runner left."""

LOCK_INTERVAL: Final = 0.05
"""Seconds between two attempts to take it."""

_LONGEST_HOLDER = 200
"""Bytes that the lock's file holds at most."""


def lock_path(db_path: Path) -> Path:
    """The lock of a database, beside its real file: links to that have the same lock. DatabaseError."""
    real = real_path(db_path)
    return real.with_name(f"{real.name}.lock")


class RunnerLock:
    """Held from acquire to release, or to the end of the process however it comes.

    A child made by fork alone shares the lock and keeps it; programs started by exec do not get it.
    ``command``: the name of the command that takes it in place of a runner, so that none starts meanwhile.
    """

    def __init__(self, db_path: Path, folder_mode: int = PRIVATE, *, command: str | None = None) -> None:
        """``folder_mode``: that of the folder, should it be missing."""
        self._folder_mode = folder_mode
        self._db_path = db_path
        self._command = command
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises RunnerActive if a runner has the lock, DatabaseBusy if a command has it, DatabaseError if
        the file cannot be made."""
        if self._fd is not None:
            return
        path = lock_path(self._db_path)
        make_folder_of_database(path.parent, self._folder_mode)
        fd = _open(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise self._taken() from None
        except OSError as error:
            os.close(fd)
            raise DatabaseError(f"{path} cannot be locked: {error.strerror}") from error
        if not _is_of_a_lock(fd, path):
            os.close(fd)
            raise DatabaseError(
                f"the lock file {path} is another name (a hard link) of a file that holds something else",
                hint="move it away",
            )
        self._fd = fd
        with suppress(OSError):  # on a full disk there may be no room for it
            os.ftruncate(fd, 0)
            os.write(fd, f"{LockHolder(os.getpid(), self._command)}\n".encode())

    def release(self) -> None:
        """The file stays: deleting it would let two runners lock two files of one name."""
        if self._fd is not None:
            with suppress(OSError):  # the file system may have become read-only
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def is_soon_free(self) -> bool:
        """Whether what holds it is no runner that lives, as far as its file says: a command, or a process
        that has just got it and not yet written who it is."""
        holder = lock_holder(self._db_path)
        return holder is None or holder.command is not None or not process_exists(holder.pid)

    def _taken(self) -> RunnerActive | DatabaseBusy:
        holder = lock_holder(self._db_path)
        if holder is not None and holder.command is not None:
            return DatabaseBusy(
                f"`jeeves-runner {holder.command}` (pid {holder.pid}) works on {self._db_path}",
                hint="try again when it has ended",
            )
        who = "another runner" if holder is None else f"another runner (pid {holder.pid})"
        return RunnerActive(
            f"{who} already works on {self._db_path}",
            hint="stop it first, or give this one a data_dir and a port of its own",
        )


def files_of(db_path: Path) -> dict[Path, FileIdentity | None]:
    """What stands at the names of the database, the files beside it and its lock. OSError if that cannot be
    seen now.

    A file deleted or replaced under a runner stays open there and takes all it writes with it,
    while the next runner locks and reads the new one.
    """
    return {path: file_identity(path) for path in names_of(db_path)}


def names_of(db_path: Path) -> tuple[Path, ...]:
    """The paths of the database, the files beside it and its lock."""
    real = real_path(db_path)
    beside = (real.with_name(f"{real.name}{suffix}") for suffix in SIDE_FILES)
    return (real, *beside, lock_path(db_path))


def too_open_files(db_path: Path, data_dir: Path, mode: int) -> list[TooOpen]:
    """Which of the database's files, their folder and the data folder more people may use than ``mode`` says.

    Who may read the files can also lock them, and so stop the runner.
    """
    return too_open(dict.fromkeys((db_path.parent, data_dir, *names_of(db_path))), mode)


def _open(path: Path) -> int:
    try:
        make_file(path)
        return open_to_write(path)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise read_only(path) from error
        if isinstance(error, NotRegular):
            raise DatabaseError(
                f"the lock file {path} cannot be locked: {error.strerror}", hint="move away what stands there"
            ) from error
        raise DatabaseReadOnly(
            f"the lock file {path} cannot be written: {error.strerror}",
            hint="give this user write permission there, or run as the user who owns it",
        ) from error


def _is_of_a_lock(fd: int, path: Path) -> bool:
    """Whether an open file is one whose content may be replaced by a lock's.

    One of several names may have been put there by a script, or by what makes snapshots with hard links.
    """
    try:
        content = read_all(path, _LONGEST_HOLDER) if os.fstat(fd).st_nlink > 1 else b""
    except OSError:
        return False
    return re.fullmatch(rb"(\d+( [a-z-]+)?\n)?", content) is not None


class LockHolder(NamedTuple):
    """Who took the lock last and did not release it. It may be gone, and its pid another's by now."""

    pid: int
    """Its process."""
    command: str | None = None
    """The name of the command that took it in place of a runner; None for a runner."""

    def __str__(self) -> str:
        return str(self.pid) if self.command is None else f"{self.pid} {self.command}"


def lock_holder(db_path: Path) -> LockHolder | None:
    """What the lock's file says; None if it says nothing, as on a full disk, or cannot be read."""
    try:
        pid, *command = read_all(lock_path(db_path), _LONGEST_HOLDER).decode("ascii").split()
        return LockHolder(int(pid), *command[:1])
    except (OSError, ValueError, DatabaseError):
        return None


def process_exists(pid: int) -> bool:
    """Whether there is a process of this number, of any user."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


class RunnerRow(NamedTuple):
    """The latest runner of a database, whether it still runs or not."""

    epoch: int
    """Its number, one more than that of the runner before."""
    pid: int
    """Its process."""
    boot_id: str
    """The boot of the machine in which it started."""
    api_url: str | None
    """Where it answers HTTP, such as ``http://127.0.0.1:1937``; None unless it listens."""
    started_at: datetime
    """When it took the database over."""
    stopping_at: datetime | None
    """When it was asked to stop: from then on it starts nothing and lets what runs come to its end."""
    stopped_at: datetime | None
    """When it ended in good order; None while it runs, and if it died."""
    planner_digest: str | None = None
    """A hash of its config as far as that shapes what manifests mean."""
    socket: str | None = None
    """The path of its Unix socket; None unless it listens, or if it could have none."""

    waits_for: str | None = None
    """Why its start goes no further yet; None: nothing keeps it."""

    @property
    def is_starting(self) -> bool:
        """Whether it takes no requests yet. Jobs may not be loaded, nor manifests applied."""
        return self.api_url is None and self.stopping_at is None and self.stopped_at is None


def runner_row(conn: apsw.Connection) -> RunnerRow | None:
    """The latest runner of this database, None if there never was one."""
    row = conn.execute(
        "SELECT epoch, pid, boot_id, api_url, socket, started_at, stopping_at, stopped_at, planner_digest,"
        " waits_for FROM runner"
    ).fetchone()
    if row is None:
        return None
    epoch, pid, boot_id, api_url, socket, started_at, stopping_at, stopped_at, planner_digest, waits_for = row
    return RunnerRow(
        epoch=epoch,
        pid=pid,
        boot_id=boot_id,
        api_url=api_url,
        started_at=from_text(started_at),
        stopping_at=from_text(stopping_at) if stopping_at else None,
        stopped_at=from_text(stopped_at) if stopped_at else None,
        planner_digest=planner_digest,
        socket=socket,
        waits_for=waits_for,
    )


def begin_epoch(tx: Tx, pid: int, boot_id: str, planner_digest: str | None = None) -> int:
    """Make this process the runner; every earlier one is fenced from here on. The new epoch."""
    epoch: int = tx.conn.execute(
        """
        INSERT INTO runner (only, epoch, pid, boot_id, started_at, planner_digest) VALUES (1, 1, ?, ?, ?, ?)
        ON CONFLICT (only) DO UPDATE SET
          epoch = epoch + 1, pid = excluded.pid, boot_id = excluded.boot_id,
          api_url = NULL, socket = NULL, waits_for = NULL,
          started_at = excluded.started_at, stopping_at = NULL, stopped_at = NULL,
          planner_digest = excluded.planner_digest
        RETURNING epoch
        """,
        (pid, boot_id, tx.at, planner_digest),
    ).get
    return epoch


def check_epoch(tx: Tx, epoch: int) -> None:
    """Raises Fenced unless ``epoch`` is the current one."""
    row = tx.conn.execute("SELECT epoch, pid FROM runner").fetchone()
    if row is None or row[0] != epoch:
        successor = "it has no runner" if row is None else f"its runner is pid {row[1]}"
        raise Fenced(
            f"this runner (epoch {epoch}) no longer owns the database; {successor} now",
            hint="only one runner may work on a database; this one stops",
        )


def set_addresses(tx: Tx, epoch: int, api_url: str, socket: str | None) -> None:
    """Publish where the runner of this epoch listens; raises Fenced."""
    check_epoch(tx, epoch)
    tx.conn.execute("UPDATE runner SET api_url = ?, socket = ?", (api_url, socket))


def begin_stop(tx: Tx, epoch: int) -> None:
    """Record that this runner starts nothing more. Without effect if a newer runner has taken over."""
    tx.conn.execute("UPDATE runner SET stopping_at = ? WHERE epoch = ?", (tx.at, epoch))


def end_epoch(tx: Tx, epoch: int) -> None:
    """Record an orderly end. Without effect if a newer runner has taken over."""
    tx.conn.execute(
        "UPDATE runner SET stopped_at = ?, api_url = NULL, socket = NULL WHERE epoch = ?", (tx.at, epoch)
    )


def end_of_a_copy(tx: Tx) -> None:
    """Record that the runner of which this database is a copy has never run on it. It was last seen when it
    was: a later time would say that a clock of then was right."""
    tx.conn.execute(
        "UPDATE runner SET stopped_at = coalesce(seen_at, started_at), api_url = NULL, socket = NULL"
        " WHERE stopped_at IS NULL"
    )
