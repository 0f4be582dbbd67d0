"""Open the database file, or say in one sentence why it cannot be opened.

Imports little (apsw and the standard library), because scripts load this module on every run.
"""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path

import apsw

from jeeves_runner.access import PRIVATE, make_file, make_folder
from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.db.file_errors import OTHER_FILE_HINT, locked_for, read_only, translate
from jeeves_runner.db.filesystem import filesystem_of, is_read_only, is_unsafe
from jeeves_runner.db.guarded import SIDE_FILES, GuardedConnection
from jeeves_runner.db.transaction import (
    BUSY_TIMEOUT_MS,
    PATIENCE,
    Tx,
    hardly_wait_for_locks,
    snapshot,
    transaction,
    wait_for_locks,
)
from jeeves_runner.db.turns import SUFFIX as TURNS_SUFFIX
from jeeves_runner.db.turns import sleep_before_retry
from jeeves_runner.errors import (
    DatabaseError,
    DatabaseReadOnly,
    DatabaseTooNew,
    NotADatabase,
)
from jeeves_runner.regular_files import folder_of_the_system

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "Tx", "connect", "snapshot", "transaction"]

APPLICATION_ID = 0x4A525552
"""Marks the file as ours in its header: "JRUR"."""

SCHEMA_VERSION = 23
"""The number of the newest file in db/migrations, written here so that opening need not list them."""

_SMALLEST = 512
"""Bytes of the smallest SQLite database. SQLite itself takes a file of one byte for an empty one."""

_CREATE_HINT = (
    "`jeeves-runner apply` sets it up; a server that runs keeps the database it began with:"
    " restart it if data_dir or db_path has changed"
)
_LOCAL_DISK_HINT = "let db_path name a file on a local disk"


class _Content(Enum):
    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"


def connect(
    path: Path,
    *,
    create: bool = False,
    clock: Clock | None = None,
    patient: bool = True,
    patience: float = PATIENCE,
    folder_mode: int = PRIVATE,
) -> apsw.Connection:
    """A connection to the database at ``path``, checked and ready for transactions.

    With ``create`` a missing folder, of ``folder_mode``, and file are made and an older schema is migrated;
    without it both are errors. A ``patient`` connection waits for locks, ``patience`` seconds at most; that
    would stop an event loop.
    Raises DatabaseError (missing, a folder, an unsuitable file system, an older schema),
    NotADatabase, DatabaseTooNew, DatabaseReadOnly or DatabaseBusy, each with a hint; no other
    error of SQLite or the system gets out.
    """
    try:
        real = real_path(path)
        _check_place(real, create, folder_mode)
        clock = clock or SystemClock()
        conn = _open_in_time(real, create, clock, patience)
        if patient:
            wait_for_locks(conn, clock, patience)
        else:
            hardly_wait_for_locks(conn, clock)
        return conn
    except OSError as error:
        raise DatabaseError(f"{path} cannot be used: {error.strerror}", hint=OTHER_FILE_HINT) from error
    except apsw.Error as error:
        known = translate(error, str(path))
        raise known or DatabaseError(f"{path} cannot be used: {error}", hint=OTHER_FILE_HINT) from error


def real_path(path: Path) -> Path:
    """``path`` with its symlinks followed; DatabaseError if they form a loop."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: Python < 3.13 on a loop of symlinks
        raise DatabaseError(
            f"{path} cannot be used: its symlinks form a loop", hint=OTHER_FILE_HINT
        ) from error


def _check_place(real: Path, create: bool, folder_mode: int) -> None:
    """Check what can be checked without SQLite: the folder, the kind of file, its permissions."""
    folder = real.parent
    if create:
        make_folder_of_database(folder, folder_mode)
    try:
        found = real.stat()
    except FileNotFoundError:
        if not create:
            raise DatabaseError(f"there is no database at {real}", hint=_CREATE_HINT) from None
    except PermissionError:
        raise DatabaseReadOnly(
            f"the folder {folder} of the database cannot be entered",
            hint="give this user permission to read, write and enter it (chmod u+rwx)",
        ) from None
    else:
        _check_file(real, found)
    if not os.access(folder, os.W_OK | os.X_OK):
        if is_read_only(real.with_name(f"{real.name}{TURNS_SUFFIX}")):
            raise read_only(real)
        raise DatabaseReadOnly(
            f"the folder {folder} of the database cannot be written",
            hint="SQLite keeps its -wal and -shm files there: give this user write permission",
        )
    _check_filesystem(folder)
    if create:
        make_file(real)  # SQLite would make it as the umask says, and its other files likewise


def make_folder_of_database(folder: Path, mode: int) -> None:
    """Create the folder for the database if it is missing; DatabaseReadOnly if that is not allowed, and
    DatabaseError in a folder of the system."""
    if (system := folder_of_the_system(folder)) is not None:
        raise DatabaseError(
            f"the folder {folder} for the database belongs to the system, which keeps nothing in {system}",
            hint="let db_path, or data_dir, name a place on a disk",
        )
    try:
        make_folder(folder, mode)
    except OSError as error:
        raise DatabaseReadOnly(
            f"the folder {folder} for the database cannot be created: {error.strerror}",
            hint="create it, or let db_path name a place this user may write",
        ) from error


def _check_file(real: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise DatabaseError(f"{real} is a folder, not a database file", hint="let db_path name a file")
    if not stat.S_ISREG(found.st_mode):
        raise NotADatabase(f"{real} is not a regular file", hint=OTHER_FILE_HINT)
    if 0 < found.st_size < _SMALLEST:
        raise NotADatabase(f"{real} is not an SQLite database", hint=OTHER_FILE_HINT)
    beside = [real.with_name(f"{real.name}{suffix}") for suffix in SIDE_FILES]
    _refuse_links(beside)
    for file in (real, *beside):
        # SQLite would not tell at once: with a -shm file that it cannot write it still reads, and
        # the first write fails.
        if not _is_usable(file):
            if is_read_only(real.with_name(f"{real.name}{TURNS_SUFFIX}")):
                raise read_only(real)
            raise DatabaseReadOnly(
                f"the database file {file} cannot be read and written",
                hint="give this user permission to do both, or run as the user who owns it",
            )


def _refuse_links(beside: Iterable[Path]) -> None:
    """NotADatabase if SQLite would write elsewhere: it follows links that stand at the names of its files."""
    for file in beside:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(file.lstat().st_mode):
                raise NotADatabase(
                    f"{file} belongs to the database, and is a link or no regular file",
                    hint="find out what has put it there, and move it away",
                )


def _is_usable(file: Path) -> bool:
    """Whether a file can be used or is missing; looks twice, because -wal and -shm come and go."""
    both = os.R_OK | os.W_OK
    return os.access(file, both) or not file.exists() or os.access(file, both)


def _check_filesystem(folder: Path) -> None:
    fs_type = filesystem_of(str(folder))
    if fs_type is not None and is_unsafe(fs_type):
        raise DatabaseError(
            f"the database folder {folder} is on a network or FUSE file system ({fs_type}),"
            " where SQLite's locks do not hold",
            hint=_LOCAL_DISK_HINT,
        )


def _open_in_time(real: Path, create: bool, clock: Clock, patience: float) -> apsw.Connection:
    """Open the database; while another process has locked all of it, try again.

    A process that sets it up does so, and SQLite's busy handler does not wait for every lock this
    takes. Any step may meet the lock, so each attempt starts from the beginning.
    """
    deadline = clock.monotonic() + patience
    while True:
        try:
            return _open(real, create, clock)
        except apsw.BusyError as error:
            if clock.monotonic() >= deadline:
                raise locked_for(patience, real) from error
        sleep_before_retry()


def _open(real: Path, create: bool, clock: Clock) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    conn = GuardedConnection(str(real), flags=flags)
    try:
        conn.set_busy_timeout(BUSY_TIMEOUT_MS)
        # Only the runner's writer checkpoints; without a runner, the last connection to close does.
        conn.wal_autocheckpoint(0)
        content = _content(conn)
        if content is not _Content.CURRENT:
            _require(create, content, real)
            _set_up(conn, clock)
        conn.execute("PRAGMA foreign_keys=ON")
        _use_wal(conn)
        conn.guard()
        conn.take_turns(clock)
    except BaseException:
        conn.close()
        raise
    return conn


def _content(conn: apsw.Connection) -> _Content:
    """How old the schema is; NotADatabase for another program's file, DatabaseTooNew for a newer schema.

    Called before anything is written.
    """
    application_id = conn.pragma("application_id")
    version = conn.pragma("user_version")
    if application_id != APPLICATION_ID:
        has_tables = conn.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema)").get
        if application_id or version or has_tables:
            raise NotADatabase(
                f"{conn.filename} is an SQLite database of another program", hint=OTHER_FILE_HINT
            )
        return _Content.EMPTY
    if version > SCHEMA_VERSION:
        raise DatabaseTooNew(
            f"{conn.filename} has schema version {version}; this program knows up to {SCHEMA_VERSION}",
            hint="use the newer jeeves-runner that migrated it, or put back the backup made before",
        )
    return _Content.CURRENT if version == SCHEMA_VERSION else _Content.OLDER


def _require(create: bool, content: _Content, real: Path) -> None:
    if create:
        return
    if content is _Content.EMPTY:
        raise DatabaseError(f"the database {real} is still empty", hint=_CREATE_HINT)
    raise DatabaseError(
        f"the database {real} has an older schema than this program",
        hint="run `jeeves-runner apply` or `jeeves-runner serve`, which migrate it",
    )


def _set_up(conn: apsw.Connection, clock: Clock) -> None:
    # The vacuum mode can only be chosen before the first page exists, so it precedes WAL.
    conn.execute("PRAGMA auto_vacuum=INCREMENTAL")
    _use_wal(conn)
    # Scripts never set a database up; at the top, all of them would wait for this import.
    from jeeves_runner.db.migrate import migrate

    migrate(conn, clock, application_id=APPLICATION_ID)


def _use_wal(conn: apsw.Connection) -> None:
    """Switch to write-ahead logging; without effect and cheap when it is in use already."""
    mode = conn.execute("PRAGMA journal_mode=WAL").get
    if mode != "wal":
        raise DatabaseError(
            f"{conn.filename} cannot use write-ahead logging (journal mode stays {mode})",
            hint=_LOCAL_DISK_HINT,
        )
