"""Transactions, snapshots and the commits of others: who writes, who reads, and how long each waits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.db.file_errors import locked_for, translated
from jeeves_runner.db.turns import sleep_before_retry, turns_of

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
