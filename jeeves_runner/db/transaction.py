"""Transactions, snapshots, the commits of others, and SQLite's errors in the project's words."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.db.filesystem import is_read_only
from jeeves_runner.db.turns import SUFFIX as TURNS_SUFFIX
from jeeves_runner.db.turns import sleep_before_retry, turns_of
from jeeves_runner.errors import DatabaseBusy, DatabaseError, DatabaseReadOnly, NotADatabase

BUSY_TIMEOUT_MS = 50
"""How long SQLite itself waits for a lock; callers that may wait longer try again, with jitter."""

_FEW = 10
"""Attempts at a lock in that time, by a connection that hardly waits."""

PATIENCE = 10.0
"""Seconds that scripts and commands wait for a lock, to read or to write."""


class Tx(NamedTuple):
    """An open write transaction with its one reading of the clock.

    The clock is read once the write lock is held, so times rise in the order of the commits,
    unless the system's clock is set back.
    """

    conn: apsw.Connection
    now: datetime
    """UTC, whole milliseconds."""
    at: str
    """The same instant in the database's form of times."""


@contextmanager
def transaction(
    conn: apsw.Connection, clock: Clock, *, durable: bool = True, patience: float = PATIENCE
) -> Iterator[Tx]:
    """A write transaction: committed at the end of the block, rolled back if the block raises.

    ``durable`` transactions survive a power loss once committed; the others survive the death
    of the process only. Waits up to ``patience`` seconds for the write lock, then raises
    DatabaseBusy. What the block raises passes through, except SQLite's errors of the file
    itself (full, unreadable, damaged ...), which become DatabaseError.
    """
    with translated(conn.filename):
        set_durable(conn, durable)
        _begin_in_time(conn, clock, patience)
        try:
            yield open_tx(conn, clock)
            conn.execute("COMMIT")
        except BaseException:
            rollback(conn)
            raise


@contextmanager
def snapshot(conn: apsw.Connection) -> Iterator[apsw.Connection]:
    """A read transaction: all reads of the block see one state of the database.

    Inside a transaction of the same connection it does nothing more.
    """
    with translated(conn.filename):
        if conn.in_transaction:
            yield conn
            return
        conn.execute("BEGIN")
        try:
            yield conn
        finally:
            rollback(conn)


def set_durable(conn: apsw.Connection, durable: bool) -> None:
    """Whether the next commits wait for the disk; not possible once a transaction has begun."""
    conn.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")


def open_tx(conn: apsw.Connection, clock: Clock) -> Tx:
    """The Tx of a transaction that has just begun."""
    now = clock.now()
    return Tx(conn, now, to_text(now))


def rollback(conn: apsw.Connection) -> None:
    """End the open transaction without effect; SQLite may have ended it already (disk full)."""
    if conn.in_transaction:
        # A failing disk makes ROLLBACK fail too, yet the transaction ends. The caller needs the
        # first error, not this one.
        with suppress(apsw.Error):
            conn.execute("ROLLBACK")


def data_version(conn: apsw.Connection) -> int:
    """A number that changes whenever another connection has committed; costs about a microsecond."""
    version: int = conn.execute("PRAGMA data_version").get
    return version


def wait_for_locks(conn: apsw.Connection, clock: Clock, patience: float) -> None:
    """Let every statement of this connection wait for a lock for up to ``patience`` seconds, with jitter.

    Reads wait too: while another process recovers the WAL after a crash, or closes the database
    as its last user. Not for connections of an event loop, which would stand still meanwhile.
    """
    deadline = 0.0
    turns = turns_of(conn, clock)

    def wait(attempts: int) -> bool:
        nonlocal deadline
        if turns.is_beginning:
            return False  # the code that begins a transaction waits by itself
        now = clock.monotonic()
        if attempts == 0:
            deadline = now + patience
        if now >= deadline:
            return False
        sleep_before_retry()
        return True

    conn.set_busy_handler(wait)


def hardly_wait_for_locks(conn: apsw.Connection, clock: Clock) -> None:
    """Let its statements wait for some hundredths of a second, as the connection of an event loop may."""
    turns = turns_of(conn, clock)

    def wait(attempts: int) -> bool:
        if turns.is_beginning or attempts >= _FEW:
            return False
        time.sleep(BUSY_TIMEOUT_MS / 1000 / _FEW)
        return True

    conn.set_busy_handler(wait)


OTHER_FILE_HINT: Final = "let db_path name another file, or move this one out of the way"
_OPEN_FILES_HINT: Final = "end what has files open, or raise the limit (ulimit -n)"
_LOCKED_HINT: Final = "wait for that process to finish, or end it, then try again"


def _begin_in_time(conn: apsw.Connection, clock: Clock, patience: float) -> None:
    turns = turns_of(conn, clock)
    if turns.begin(conn, min(patience, PATIENCE)):
        return
    if patience > PATIENCE:
        _say_what_is_waited_for(conn.filename)
        if turns.begin(conn, patience - PATIENCE):
            return
    raise locked_for(patience, conn.filename)


def _say_what_is_waited_for(file: str) -> None:
    # Few programs ever wait so long, and each script would wait for the import.
    from logging import getLogger

    getLogger(__name__).warning(
        "%s has been locked by another process for over %g s; waiting for it", file, PATIENCE
    )


def locked_for(patience: float, file: str | Path) -> DatabaseBusy:
    """The error for a lock that another process holds for longer than ``patience``, in seconds."""
    return DatabaseBusy(
        f"{file} has been locked by another process for over {patience:g} s", hint=_LOCKED_HINT
    )


@contextmanager
def translated(file: str) -> Iterator[None]:
    """Turn SQLite's errors about the file into DatabaseError; those about SQL pass through."""
    try:
        yield
    except (apsw.Error, MemoryError) as error:
        known = translate(error, file)
        if known is None:
            raise
        raise known from error


def translate(error: BaseException, file: str) -> DatabaseError | None:
    """The project's error for a failure of the file, None for any other kind of error."""
    for causes, kind, sentence, hint in _TRANSLATIONS:
        if isinstance(error, causes):
            if kind not in (DatabaseBusy, NotADatabase) and is_read_only(Path(f"{file}{TURNS_SUFFIX}")):
                return read_only(file)
            if isinstance(error, apsw.CantOpenError) and (lacking := _lacking_to_open()) is not None:
                return DatabaseError(f"{file} cannot be opened: {lacking}", hint=_OPEN_FILES_HINT)
            return kind(sentence.format(file=file, detail=error), hint=hint)
    return None


def _lacking_to_open() -> str | None:
    """What keeps this process from opening any file now, in the system's words; None for nothing. SQLite says
    only that it cannot."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.strerror
    return None


def read_only(file: str | Path) -> DatabaseReadOnly:
    """The error for a file whose file system takes no writes (any more)."""
    return DatabaseReadOnly(
        f"{file} cannot be written: its file system is read-only",
        hint="mount it for writing; if it was, the system's log says what has happened to the disk (dmesg)",
    )


_Translation = tuple[tuple[type[Exception], ...], type[DatabaseError], str, str]

_TRANSLATIONS: tuple[_Translation, ...] = (
    (
        (apsw.BusyError, apsw.LockedError, apsw.ProtocolError),
        DatabaseBusy,
        "{file} is locked by another process",
        _LOCKED_HINT,
    ),
    (
        (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError),
        DatabaseReadOnly,
        "{file} cannot be opened for writing",
        "check owner and permissions of its folder, the file, and the -wal and -shm files beside it",
    ),
    (
        (apsw.NotADBError,),
        NotADatabase,
        "{file} is not an SQLite database",
        OTHER_FILE_HINT,
    ),
    (
        (apsw.CorruptError,),
        NotADatabase,
        "{file} is damaged ({detail})",
        "stop everything that uses it and put a backup in its place",
    ),
    (
        (apsw.FullError,),
        DatabaseError,
        "the disk is full: {file} could not be written",
        "free some space; nothing of the failed transaction was kept",
    ),
    (
        (apsw.NoMemError, MemoryError),
        DatabaseError,
        "there is not enough memory to read or write {file}",
        "end what takes it, or give this program more",
    ),
    (
        (apsw.IOError,),
        DatabaseError,
        "reading or writing {file} failed ({detail})",
        "see whether the disk is full (df), and what the system's log says",
    ),
)
