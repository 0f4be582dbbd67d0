"""Copies of a whole database, by SQLite's backup: each is one moment of it in one file, looked through."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import apsw

from jeeves_runner.db.connection import APPLICATION_ID, SCHEMA_VERSION, real_path
from jeeves_runner.db.file_errors import translated
from jeeves_runner.db.transaction import snapshot
from jeeves_runner.errors import DatabaseError, DatabaseTooNew, NotADatabase

_PAGES: Final = 1_000
"""Pages (usually of 4 KiB) between two moments at which Ctrl-C is heard."""

_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT))
"""What the system says where there is no room."""

_OTHER_HINT: Final = "name a file that `jeeves-runner backup` has written"


def copy_database(source: apsw.Connection, path: Path) -> None:
    """Copy what is committed into an empty file that nothing else uses; DatabaseError.

    Those who write go on meanwhile: the copy is of the moment at which it began.
    """
    with closing(_open_alone(path)) as target:
        with snapshot(source):
            # The transaction is that of the first read: without it the copy would begin over at each commit.
            source.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
            with target.backup("main", source, "main") as copy:
                while not copy.done:
                    copy.step(_PAGES)
        _make_one_file(target)


@contextmanager
def told(final: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into DatabaseError, which names the place where the copy was to
    be. FileExistsError passes through."""
    try:
        with translated(str(final)):
            yield
    except FileExistsError:
        raise
    except DatabaseError as error:
        if not isinstance(error.__cause__, apsw.FullError):
            raise
        raise _full(final) from error
    except OSError as error:
        if error.errno in _FULL:
            raise _full(final) from error
        raise DatabaseError(
            f"{final} cannot be written: {error.strerror}", hint="see who may write its folder, and the disk"
        ) from error


def _full(final: Path) -> DatabaseError:
    return DatabaseError(
        f"the disk is full: {final} could not be written, and nothing of it was left there",
        hint="make room, or name a file on another disk",
    )


def make_one_file(path: Path) -> None:
    """Have no file beside a database that nothing else uses."""
    with closing(_open_alone(path)) as conn:
        _make_one_file(conn)


def damage_of(path: Path) -> str | None:
    """What is broken in a database that nothing else uses: all of it is looked at. None if nothing is."""
    with closing(_open_alone(path)) as conn:
        try:
            found = conn.execute("PRAGMA integrity_check(1)").get
        except apsw.CorruptError as error:
            return str(error)
    return None if found == "ok" else str(found)


def open_backup(path: Path) -> apsw.Connection:
    """A backup, to be read alone; NotADatabase, DatabaseTooNew or DatabaseError unless it is one of ours.

    Nothing is written to it or beside it, unless it is a database in use, whose log is read too.
    """
    real = real_path(path)
    if not _is_file(real):
        raise DatabaseError(f"there is no file at {path}", hint=_OTHER_HINT)
    alone = "" if real.with_name(f"{real.name}-wal").exists() else "&immutable=1"
    with translated(str(path)):
        conn = apsw.Connection(
            f"{real.as_uri()}?mode=ro{alone}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            _check_is_ours(conn, path)
        except BaseException:
            conn.close()
            raise
    return conn


def _is_file(path: Path) -> bool:
    """DatabaseError if one may not look."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be read: {error.strerror}", hint="run as a user who may read it"
        ) from error


def _check_is_ours(conn: apsw.Connection, path: Path) -> None:
    try:
        application_id, version = conn.pragma("application_id"), conn.pragma("user_version")
    except apsw.NotADBError:
        raise NotADatabase(f"{path} is no backup: SQLite did not write it", hint=_OTHER_HINT) from None
    except apsw.CorruptError as error:  # it was cut off
        raise NotADatabase(f"{path} is damaged ({error})", hint="name another one") from error
    if application_id != APPLICATION_ID or not version:
        raise NotADatabase(f"{path} is no backup: jeeves-runner did not write it", hint=_OTHER_HINT)
    if version > SCHEMA_VERSION:
        raise DatabaseTooNew(
            f"{path} is of a newer jeeves-runner: its schema is {version}, here it is {SCHEMA_VERSION}",
            hint="restore it with that one",
        )


def _open_alone(path: Path) -> apsw.Connection:
    """A file that is known to this process alone: no locks are needed, which not every file system has."""
    conn = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs="unix-none")
    conn.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    conn.execute("PRAGMA synchronous=OFF")  # it is synced as a whole, before it gets its name
    return conn


def _make_one_file(conn: apsw.Connection) -> None:
    found = conn.execute("PRAGMA journal_mode=DELETE").get
    if found != "delete":
        raise DatabaseError(f"{conn.filename} could not be made one file: its journal is {found}")


def bytes_of(conn: apsw.Connection) -> int:
    """How large a copy is."""
    pages: int = conn.pragma("page_count")
    size: int = conn.pragma("page_size")
    return pages * size


def check_room(size: int, folder: Path, leave: int) -> None:
    """DatabaseError if so many bytes have no room in a folder, or leave less than ``leave`` free."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if size + leave > free:
        kept = f", {_mib(leave)} of which are to stay free (min_free)" if leave else ""
        raise DatabaseError(
            f"there is no room in {folder}: the copy takes {_mib(size)}, and {_mib(free)} are free{kept}",
            hint="name a file on another disk, or make room",
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
