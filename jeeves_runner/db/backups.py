"""A backup: all that the database holds, as of one moment, in one file."""

import os
import stat
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw

from jeeves_runner.db.connection import real_path
from jeeves_runner.db.copies import bytes_of, check_room, copy_database, damage_of, open_backup, told
from jeeves_runner.db.partial_file import partial_file
from jeeves_runner.db.runner import names_of
from jeeves_runner.db.turns import SUFFIX as TURNS
from jeeves_runner.errors import Conflict, DatabaseError, NotADatabase


class BackupContents(NamedTuple):
    """What a backup holds, for people."""

    size: int
    """Its bytes."""
    jobs: int
    """Live jobs."""
    runs: int
    """Runs."""
    last_end: str | None
    """When the last run that it knows of ended, in the database's form; None: none has."""
    secrets: int
    """Runs, and those tried again, whose secret parameters it holds."""
    messages: int
    """Messages to people that waited to be sent."""
    tokens: int
    """Tokens that counted."""


def back_up(conn: apsw.Connection, file: Path, *, replace: bool, min_free: int) -> BackupContents:
    """Write the database that ``conn`` reads into ``file``; what that holds.

    The file is there once it is whole, on disk and looked through, or not at all. A server and scripts
    read and write on meanwhile. ``replace``: a backup that stands there gives way then. ``min_free``: bytes
    that stay free on the disk of the database itself.
    Raises Conflict if something else stands there, NotADatabase if the database is damaged, DatabaseError for
    a full disk, a folder that cannot be written, and the like.
    """
    database, final = Path(conn.filename), file.absolute()
    with told(final):
        _check_place(final, database, replace=replace)
        same_disk = os.stat(final.parent).st_dev == os.stat(database).st_dev
        check_room(bytes_of(conn), final.parent, min_free if same_disk else 0)
    try:
        with told(final), partial_file(final) as partial:
            copy_database(conn, partial.path)
            if (damage := damage_of(partial.path)) is not None:
                raise NotADatabase(
                    f"{database} is damaged ({damage}): no backup was written",
                    hint="keep the backups that there are, and restore the newest one",
                )
            with closing(open_backup(partial.path)) as written:
                found = held(written)
            partial.keep(replace=replace)
    except FileExistsError:
        raise _taken(final) from None
    return found


def held(conn: apsw.Connection) -> BackupContents:
    """What a database of this program holds, whose schema may be an older one."""

    def count(table: str, where: str = "true") -> int:
        if not conn.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).get:
            return 0
        number: int = conn.execute(f"SELECT count(*) FROM {table} WHERE {where}").get
        return number

    return BackupContents(
        bytes_of(conn),
        count("jobs"),
        count("runs"),
        conn.execute("SELECT max(finished_at) FROM runs").get,
        count("secret_params"),
        count("outbox", "status = 'pending'"),
        count("tokens", "revoked_at IS NULL"),
    )


def _check_place(final: Path, database: Path, *, replace: bool) -> None:
    if not final.parent.is_dir():
        raise DatabaseError(f"there is no folder {final.parent}", hint="make it, or name another one")
    if final.is_dir():
        raise Conflict(f"{final} is a folder", hint="name a file in it")
    if real_path(final) in (*names_of(database), database.with_name(f"{database.name}{TURNS}")):
        raise Conflict(f"{final} is a file of the database itself", hint="name another one")
    if not os.path.lexists(final):
        return
    if not replace:
        raise _taken(final)
    if not stat.S_ISREG(final.lstat().st_mode) or _is_in_use(final):
        raise Conflict(f"{final} is no backup, and stays as it is", hint="name another file")
    if final.stat().st_size:
        open_backup(final).close()


def _is_in_use(file: Path) -> bool:
    """Whether it is a database that some program works with: SQLite has a file beside it then."""
    return any(path.exists() for path in names_of(file)[1:])


def _taken(final: Path) -> Conflict:
    return Conflict(
        f"there is a file {final} already", hint="name another one, or let --replace take its place"
    )
