"""The values of secret parameters, from the request for a run until it and its retries are over.

Nothing else of the database holds them. What is deleted here is overwritten with zeros, in pages that become
free too; the write-ahead log may hold it until it is made short, see ``erasures``.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw

from jeeves_runner.core.values import from_json
from jeeves_runner.db.file_errors import translated
from jeeves_runner.db.transaction import Tx


def keep(tx: Tx, run_id: int, values: Mapping[str, str]) -> None:
    """Keep the values that a first attempt was given, by name."""
    if not values:
        return
    with _overwriting(tx.conn):
        tx.conn.execute(
            "INSERT INTO secret_params VALUES (?, ?)", (run_id, json.dumps(dict(values), ensure_ascii=False))
        )


def kept(conn: apsw.Connection, chain_id: int) -> dict[str, str]:
    """The values of a chain; none if it had none or is over. Raises DatabaseError."""
    with translated(conn.filename):
        text: str | None = conn.execute(
            "SELECT params FROM secret_params WHERE chain_id = ?", (chain_id,)
        ).get
    values: dict[str, str] = {} if text is None else from_json(text, "a row of secret_params")
    return values


def erase(tx: Tx, chain_id: int) -> None:
    """Delete the values of a chain that is over."""
    if tx.conn.execute("SELECT 1 FROM secret_params WHERE chain_id = ?", (chain_id,)).get is None:
        return
    with _overwriting(tx.conn):
        tx.conn.execute("DELETE FROM secret_params WHERE chain_id = ?", (chain_id,))
    tx.conn.execute("UPDATE sequences SET value = value + 1 WHERE name = 'secret_params_erased'")


def erase_left(tx: Tx, limit: int) -> int:
    """Delete up to ``limit`` of those whose chain is over although they are still there; how many. A program
    that writes the database by itself may leave some."""
    left: list[tuple[Any, ...]] = tx.conn.execute(_LEFT, (limit,)).fetchall()
    for (chain_id,) in left:
        erase(tx, chain_id)
    return len(left)


_LEFT = """
SELECT chain_id FROM secret_params
WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = secret_params.chain_id AND finished_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.chain_id = secret_params.chain_id AND finished_at IS NULL)
LIMIT ?
"""


def erasures(conn: apsw.Connection) -> int:
    """How many were deleted so far. Until the write-ahead log is made short, it may still hold some."""
    number: int = conn.execute("SELECT value FROM sequences WHERE name = 'secret_params_erased'").get
    return number


@contextmanager
def _overwriting(conn: apsw.Connection) -> Iterator[None]:
    """Leave no copy of a row in what its page has free, or in free pages. SQLite makes such copies when it
    divides pages, so this is for inserts too."""
    before = conn.pragma("secure_delete")
    conn.pragma("secure_delete", "ON")
    try:
        yield
    finally:
        conn.pragma("secure_delete", before)
