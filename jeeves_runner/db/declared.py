"""The tables of what manifests declare, one for each kind; an apply writes them all in the same way."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import apsw

from jeeves_runner.core.spec_texts import spec_hash
from jeeves_runner.db.connection import Tx

if TYPE_CHECKING:
    from jeeves_runner.core.plan import Change


def intact(digest: str, spec: str | None) -> str | None:
    """A row's spec if it still has the digest that the last apply wrote; None if it was changed by hand."""
    return spec if spec is not None and spec_hash(spec) == digest else None


class DeclaredTable:
    """The table ``name``, written by ``upsert``: a statement that takes a change's spec as ``:text``."""

    def __init__(self, name: str, upsert: str) -> None:
        self._name = name
        self._upsert = upsert

    def upsert(self, tx: Tx, changes: "Iterable[Change]", revision_id: int) -> None:
        """Write what is created and updated; a tombstone of the same id comes back to life."""
        tx.conn.executemany(
            self._upsert,
            (
                {
                    "text": c.text,
                    "id": c.id,
                    "hash": c.digest,
                    "file": c.file,
                    "line": c.line,
                    "revision": revision_id,
                    "at": tx.at,
                }
                for c in changes
            ),
        )

    def tombstone(self, tx: Tx, ids: Iterable[str], revision_id: int) -> None:
        """Mark rows as deleted. They stay, because runs and items refer to them."""
        tx.conn.executemany(
            f"UPDATE {self._name} SET deleted_at = ?, updated_at = ?, revision_id = ?, drifted = 0"
            " WHERE id = ? AND deleted_at IS NULL",
            ((tx.at, tx.at, revision_id, name) for name in ids),
        )

    def move_lines(self, tx: Tx, lines: Iterable[tuple[str, int]]) -> None:
        """Record the new lines of what has moved within its file, as ``(id, line)``."""
        tx.conn.executemany(
            f"UPDATE {self._name} SET line = ? WHERE id = ?", ((line, name) for name, line in lines)
        )

    def spec_texts(self, conn: apsw.Connection, ids: Sequence[str]) -> dict[str, str]:
        """The specs of these ids as canonical JSON."""
        rows = conn.execute(
            f"SELECT id, spec FROM {self._name} WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids),),
        )
        return dict(rows)
