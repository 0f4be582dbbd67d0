"""What the database file needs from time to time: WAL checkpoints, and free pages given back."""

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import apsw

from jeeves_runner.db.connection import real_path
from jeeves_runner.db.transaction import Tx, rollback

_PAGES_IDLE, _PAGES_BUSY = 1_000, 4_000
"""WAL pages (usually of 4 KiB) between two checkpoints: if no write waits, and in any case."""

WAL_LIMIT = 64 * 1024 * 1024
"""Bytes of WAL above which a checkpoint waits for readers and makes the file short again."""

WAL_LENGTH = 8 * 1024 * 1024
"""Bytes given to the WAL file in advance: what usually gathers between two checkpoints."""

WAL_AT_REST = 2 * WAL_LENGTH
"""Bytes of WAL that are left alone: the usual length, and what may come to it."""

SPARE_PAGES = 1_000
"""Free pages (usually of 4 KiB) kept in the file: new rows need them soon."""

_SPILLING_CACHE = 10
"""Pages of cache: so few that a large transaction is written to the WAL before it ends."""


class CheckpointMode(Enum):
    """SQLite's names: PASSIVE does not wait, TRUNCATE waits for readers and writers, NOOP only counts."""

    NOOP = apsw.SQLITE_CHECKPOINT_NOOP
    PASSIVE = apsw.SQLITE_CHECKPOINT_PASSIVE
    TRUNCATE = apsw.SQLITE_CHECKPOINT_TRUNCATE


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint did."""

    wal_pages: int
    """Pages in the WAL; -1 when another process held the lock."""
    copied_pages: int
    """Those of them that are now in the database; -1 likewise."""
    complete: bool
    """False while a reader still needs older pages, or another process holds the lock."""


def checkpoint(conn: apsw.Connection, mode: CheckpointMode | None = None) -> Checkpoint:
    """Copy the WAL into the database; without a mode PASSIVE, or TRUNCATE above WAL_LIMIT."""
    if mode is None:
        mode = CheckpointMode.TRUNCATE if wal_bytes(conn) > WAL_LIMIT else CheckpointMode.PASSIVE
    try:
        wal_pages, copied_pages = conn.wal_checkpoint(mode=mode.value)
    except apsw.BusyError:
        return Checkpoint(-1, -1, complete=False)
    return Checkpoint(wal_pages, copied_pages, complete=wal_pages == copied_pages)


def checkpoint_if_grown(conn: apsw.Connection) -> None:
    """Checkpoint if as many pages wait in the WAL, from all programs, as CheckpointPace lets gather."""
    waiting = checkpoint(conn, CheckpointMode.NOOP)
    if waiting.wal_pages - waiting.copied_pages >= _PAGES_IDLE:
        checkpoint(conn)


def shorten_wal(conn: apsw.Connection) -> bool:
    """Give the WAL file its usual length again; False if a reader or writer is in the way."""
    is_empty = checkpoint(conn, CheckpointMode.TRUNCATE).complete
    if is_empty:
        lengthen_wal(conn)
    return is_empty


def lengthen_wal(conn: apsw.Connection) -> None:
    """Give the WAL file its usual length before it is needed.

    A commit that lengthens the file takes about twice as long as one that overwrites it, because
    the file system records the new length too. A transaction too large for its cache is written
    to the WAL before it ends; rolled back, it leaves only the length. If that fails (another
    process writes, the disk is full, the file is damaged), nothing happens.
    """
    if wal_bytes(conn) >= WAL_LENGTH:
        return
    cache_size = conn.pragma("cache_size")
    conn.pragma("cache_size", _SPILLING_CACHE)
    try:
        # What needs a page of a damaged file will report it; this only saves time later.
        with suppress(apsw.Error):
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("CREATE TABLE lengthening (bytes BLOB)")
            conn.execute("INSERT INTO lengthening VALUES (zeroblob(?))", (WAL_LENGTH,))
    finally:
        rollback(conn)
        conn.pragma("cache_size", cache_size)


def wal_path(db_path: Path) -> Path:
    """Where the WAL of a database is."""
    real = real_path(db_path)
    return real.with_name(f"{real.name}-wal")


def wal_bytes(conn: apsw.Connection) -> int:
    """The size of the WAL file, 0 if there is none. Never opened: closing it would drop SQLite's locks."""
    try:
        return Path(conn.filename_wal).stat().st_size
    except FileNotFoundError:
        return 0


def incremental_vacuum(tx: Tx, pages: int, *, spare: int = 0) -> int:
    """Give up to ``pages`` free pages back to the file system and keep ``spare``. Returns how many."""
    before: int = tx.conn.pragma("freelist_count")
    pages = min(pages, before - spare)
    if pages <= 0:
        return 0
    tx.conn.execute(f"PRAGMA incremental_vacuum({pages:d})").fetchall()
    after: int = tx.conn.pragma("freelist_count")
    return before - after


class CheckpointPace:
    """Decides when a connection that commits should checkpoint, from the length of the WAL.

    SQLite's own automatic checkpoint happens inside the commit that crosses the line, while its
    caller waits, and again at every commit for as long as a reader keeps the WAL from starting
    over. This one is asked between commits, prefers a moment when no write waits, and lets the
    WAL grow by as much again before the next.
    """

    def __init__(self, conn: apsw.Connection) -> None:
        self._pages = 0
        self._pages_then = 0
        conn.set_wal_hook(self._committed)

    def is_due(self, *, idle: bool) -> bool:
        return self._pages - self._pages_then >= (_PAGES_IDLE if idle else _PAGES_BUSY)

    def done(self) -> None:
        self._pages_then = self._pages

    def _committed(self, _conn: apsw.Connection, _schema: str, pages: int) -> int:
        if pages < self._pages:
            self._pages_then = 0  # the WAL has started over
        self._pages = pages
        return apsw.SQLITE_OK
