"""Putting a backup in the place of the database, while no server and no other program works with that.

At each moment of it a crash leaves the old database at its place, whole, or the restored one.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit, outbox, tokens
from jeeves_runner.db.backups import BackupContents, held
from jeeves_runner.db.connection import connect, make_folder_of_database, real_path, transaction
from jeeves_runner.db.copies import (
    bytes_of,
    check_room,
    copy_database,
    damage_of,
    make_one_file,
    open_backup,
    told,
)
from jeeves_runner.db.file_errors import locked_for
from jeeves_runner.db.partial_file import WITHOUT_LINKS, Partial, partial_file, sync_folder
from jeeves_runner.db.runner import RunnerLock, end_of_a_copy
from jeeves_runner.db.transaction import PATIENCE, Tx
from jeeves_runner.errors import Conflict, DatabaseError, NotADatabase, RunnerActive

_ASIDE: Final = ".before-restore-"
"""What the old database has behind its name, before the time."""

_BESIDE: Final = ("-wal", "-shm", "-journal")

_NOT_USED: Final = 1_000_000
"""Numbers that are left out where it is not known which ones the old database has used. People see them as
little as they see these: of messages, whose services know by them what has arrived."""


class Wishes(NamedTuple):
    """What is asked for besides."""

    replace: bool = False
    """A database that is there is put aside."""
    end_messages: bool = False
    """Messages that waited are not sent."""
    revoke_tokens: bool = False
    """Tokens, and browsers that were let in, count no more."""


class Place(NamedTuple):
    """Where a backup is restored."""

    database: Path
    """The path of the database, whether there is one or not."""
    folder_mode: int
    """That of its folder, should it be missing."""
    owner_of: Callable[[int], str]
    """What the outbox is to know its database by, of the number of its file."""
    last_log: Callable[[], int]
    """The highest number of a run that there is a log of."""


class Restored(NamedTuple):
    """What was done."""

    held: BackupContents
    """What the backup held."""
    aside: Path | None
    """Where the old database is now; None: there was none."""


def restore(file: Path, place: Place, *, wishes: Wishes, by: Actor, clock: Clock) -> Restored:
    """Put the backup ``file`` in the place of the database; what was done.

    Raises RunnerActive if a server runs, DatabaseBusy if another program uses the database, Conflict if there
    is one and ``wishes`` do not say ``replace``, NotADatabase for what is no whole backup, DatabaseError.
    Nothing has changed then.
    """
    real = real_path(place.database)
    with closing(open_backup(file)) as source:
        if real_path(file) == real:
            raise Conflict(f"{file} is the database itself", hint="name a backup")
        lock = RunnerLock(real, place.folder_mode, command="restore")
        try:
            lock.acquire()
        except RunnerActive as error:
            raise RunnerActive(error.message, hint="stop it first, and restore then") from None
        try:
            return _restore(source, file, place, wishes, by, clock)
        finally:
            lock.release()


def _restore(
    source: apsw.Connection, file: Path, place: Place, wishes: Wishes, by: Actor, clock: Clock
) -> Restored:
    real = real_path(place.database)
    if os.path.lexists(real) and not wishes.replace:
        raise Conflict(
            f"there is a database at {real} already",
            hint="--replace puts it aside and restores the backup; nothing is deleted",
        )
    make_folder_of_database(real.parent, place.folder_mode)
    check_room(bytes_of(source), real.parent, 0)
    with told(real), partial_file(real) as partial:
        copy_database(source, partial.path)
        if (damage := damage_of(partial.path)) is not None:
            raise NotADatabase(
                f"{file} is damaged ({damage}); nothing was restored", hint="restore an earlier backup"
            )
        used = _used_numbers(real)
        with _whole(file):
            found = held(source)
            with (
                closing(connect(partial.path, create=True, clock=clock)) as conn,
                transaction(conn, clock) as tx,
            ):
                _settle(tx, wishes, file, by, place.owner_of(os.fstat(partial.descriptor).st_ino))
                _go_on_after(tx, used, place.last_log())
        make_one_file(partial.path)
        return Restored(found, _exchange(partial, real, clock))


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    """NotADatabase if a backup lacks tables of its version: other programs can write to it too."""
    try:
        yield
    except (apsw.SQLError, apsw.ConstraintError, DatabaseError) as error:
        fault = error.__cause__ if isinstance(error, DatabaseError) else error
        if not isinstance(fault, apsw.SQLError | apsw.ConstraintError):
            raise
        raise NotADatabase(
            f"{file} is no whole backup: {fault}; nothing was restored", hint="restore an earlier backup"
        ) from fault


def _settle(tx: Tx, wishes: Wishes, file: Path, by: Actor, owner: str) -> None:
    """What is to be another than it was when the backup was made."""
    end_of_a_copy(tx)
    outbox.own_restored(tx, owner, ends=wishes.end_messages)
    if wishes.revoke_tokens:
        tokens.revoke_all(tx, by=by)
    detail = ", ".join(
        (file.name, *(name.replace("_", " ") for name, is_asked in wishes._asdict().items() if is_asked))
    )
    audit.record(tx, actor=by, action="restore", target="database", detail=detail)


def _used_numbers(real: Path) -> Mapping[str, int] | None:
    """The last numbers that the old database has given, by table; None if there is none to be read."""
    if not real.exists():
        return None
    with suppress(apsw.Error):
        flags = apsw.SQLITE_OPEN_READWRITE
        with closing(apsw.Connection(str(real), flags=flags)) as conn:
            conn.wal_autocheckpoint(0)
            conn.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            return dict(conn.execute("SELECT name, seq FROM sqlite_sequence"))
    return None


def _go_on_after(tx: Tx, used: Mapping[str, int] | None, last_log: int) -> None:
    """Give no number anew that the old database has given: logs have them, and messages that arrived."""
    known = {"outbox": _first_free(tx)} if used is None else dict(used)
    known["runs"] = max(known.get("runs", 0), last_log)
    for table, number in known.items():
        tx.conn.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, table))
        if (
            not tx.conn.changes()
            and tx.conn.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).get
        ):
            tx.conn.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))


def _first_free(tx: Tx) -> int:
    number: int | None = tx.conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").get
    return (number or 0) + _NOT_USED


def _exchange(partial: Partial, real: Path, clock: Clock) -> Path | None:
    """Let the file be the database; where the old one is then."""
    if not os.path.lexists(real):
        _remove_beside(real)
        partial.keep(replace=False)
        return None
    is_whole = _fold(real)
    stamp = to_text(clock.now()).replace(":", "").replace("-", "").partition(".")[0]
    aside = real.with_name(f"{real.name}{_ASIDE}{stamp}Z.bak")
    _forget_earlier_attempts(real)
    _put_aside(real, aside)
    if not is_whole:
        # It cannot be read. What stands beside it goes with it: SQLite would take it for the new one's.
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                real.with_name(f"{real.name}{suffix}").rename(f"{aside}{suffix}")
    sync_folder(real.parent)
    partial.keep(replace=True)
    return aside


def _put_aside(real: Path, aside: Path) -> None:
    """Give the old database a second name, or where a file can have one only, leave a copy there. OSError."""
    try:
        os.link(real, aside)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        with partial_file(aside) as partial:
            with real.open("rb") as old, partial.path.open("wb") as copy:
                shutil.copyfileobj(old, copy)
            partial.keep(replace=False)


def _fold(real: Path) -> bool:
    """Have the old database be one file, without a log beside it; False if it is damaged.

    DatabaseBusy if another program uses it.
    """
    try:
        with closing(apsw.Connection(str(real), flags=apsw.SQLITE_OPEN_READWRITE)) as conn:
            conn.set_busy_timeout(int(PATIENCE * 1000))
            conn.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # if it is damaged, its log stays as it is
            # SQLite does this only for the last connection there is.
            return bool(conn.execute("PRAGMA journal_mode=DELETE").get == "delete")
    except (apsw.BusyError, apsw.LockedError) as error:
        raise locked_for(PATIENCE, real) from error
    except (apsw.NotADBError, apsw.CorruptError, apsw.IOError, apsw.CantOpenError):
        return False


def _forget_earlier_attempts(real: Path) -> None:
    """Take away the second names that the database has of restores that came to no end."""
    for path in real.parent.iterdir():
        if path.name.startswith(f"{real.name}{_ASIDE}") and path.samefile(real):
            path.unlink()


def _remove_beside(real: Path) -> None:
    """Take away what a database that is gone has left: SQLite would take it for the new one's."""
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            real.with_name(f"{real.name}{suffix}").unlink()
