"""Bring a database to this program's schema: all or nothing, with a copy of the old state."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from jeeves_runner.access import make_file
from jeeves_runner.clock import Clock
from jeeves_runner.db.transaction import Tx, transaction
from jeeves_runner.errors import DatabaseError

_FOLDER = Path(__file__).with_name("migrations")

_PATIENCE = 60.0
"""Seconds to wait for the lock: another process may be in the middle of the same migration."""

_RECORDS = """
CREATE TABLE IF NOT EXISTS migrations (
  version          INTEGER PRIMARY KEY,
  name             TEXT NOT NULL,
  applied_at       TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step, read from a file such as ``0001_initial.sql``."""

    version: int
    """The schema version it leads to, from 1: the file name's number."""
    name: str
    """The rest of the file name: ``initial``."""
    sql: str
    """The statements of the step, separated by semicolons."""


def migrations() -> list[Migration]:
    """The steps shipped with the program, in order."""
    found = []
    for entry in _FOLDER.iterdir():
        stem, dot, extension = entry.name.rpartition(".")
        if dot and extension == "sql":
            number, _, name = stem.partition("_")
            found.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda step: step.version)


def migrate(
    conn: apsw.Connection, clock: Clock, *, application_id: int, steps: Sequence[Migration] | None = None
) -> None:
    """Apply the steps the database lacks, with their records, in one transaction.

    A database that already has a schema is first copied to ``<db>.before-v<N>.bak`` beside it,
    N being the version it is about to get. Of two processes that migrate at once one does the
    work; the other waits and finds it done.
    """
    steps = migrations() if steps is None else steps
    # Steps may rebuild tables, which foreign keys would forbid half-way; they are checked before
    # the commit instead. SQLite ignores this switch inside a transaction.
    conn.execute("PRAGMA foreign_keys=OFF")
    try:
        with transaction(conn, clock, patience=_PATIENCE) as tx:
            _apply(tx, application_id, steps)
    finally:
        conn.execute("PRAGMA foreign_keys=ON")


def _apply(tx: Tx, application_id: int, steps: Sequence[Migration]) -> None:
    version = tx.conn.pragma("user_version")
    missing = [step for step in steps if step.version > version]
    if not missing:
        return
    if version > 0:
        _back_up(Path(tx.conn.filename), missing[-1].version)
    tx.conn.execute(_RECORDS)
    for step in missing:
        tx.conn.execute(step.sql)
        tx.conn.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.version, step.name, tx.at))
    tx.conn.pragma("user_version", missing[-1].version)
    tx.conn.pragma("application_id", application_id)
    _check_foreign_keys(tx.conn)


def _check_foreign_keys(conn: apsw.Connection) -> None:
    dangling = conn.execute("PRAGMA foreign_key_check").fetchone()
    if dangling is not None:
        raise DatabaseError(
            f"{conn.filename} was not migrated: a row of table {dangling[0]} would refer to"
            f" a missing row of table {dangling[2]}",
            hint="the database is unchanged; report this with the versions before and after",
        )


def _back_up(path: Path, version: int) -> None:
    """Copy the committed state through SQLite; the copy gets its final name once it is complete."""
    final = path.with_name(f"{path.name}.before-v{version}.bak")
    partial = path.with_name(f"{final.name}.partial")
    partial.unlink(missing_ok=True)
    make_file(partial)
    # A second connection reads what was committed; the one holding the write lock may not copy.
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as source:
        source.wal_autocheckpoint(0)
        with closing(apsw.Connection(str(partial))) as target:
            with target.backup("main", source, "main") as copy:
                copy.step()
            # Makes the copy a single file; in WAL mode it would need a -wal file beside it.
            target.execute("PRAGMA journal_mode=DELETE")
    partial.replace(final)
