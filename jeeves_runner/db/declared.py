"""The tables of what manifests declare, one for each kind; an apply writes them all in the same way."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import apsw

from jeeves_runner.core.edge_spec import PLAIN, Traits
from jeeves_runner.core.plan import Change, LiveRow
from jeeves_runner.core.spec_texts import spec_hash
from jeeves_runner.db.transaction import Tx


def intact(digest: str, spec: str | None) -> str | None:
    """A row's spec if it still has the digest that the last apply wrote; None if it was changed by hand."""
    return spec if spec is not None and spec_hash(spec) == digest else None


def upsert_sql(
    table: str, columns: Mapping[str, str], more: Mapping[str, str] | None = None, *, reborn: bool = False
) -> str:
    """What writes a row of such a table: ``columns``, which the spec ``s`` fills, each with the SQL for it;
    and those that say where it is from. ``more``: others, with their SQL. ``reborn``: whether a tombstone
    that comes back to life counts as created then."""
    born = f"CASE WHEN {table}.deleted_at IS NULL THEN {table}.created_at ELSE excluded.created_at END"
    filled = {
        **columns,
        **(more or {}),
        "spec_hash": ":hash",
        "file": ":file",
        "line": ":line",
        "revision_id": ":revision",
        "updated_at": ":at",
    }
    return f"""
INSERT INTO {table} ({", ".join(filled)}, id, created_at)
SELECT {", ".join(filled.values())}, :id, :at FROM (SELECT :text AS s) WHERE true
ON CONFLICT (id) DO UPDATE SET
  {", ".join(f"{column} = excluded.{column}" for column in filled)}, drifted = 0, deleted_at = NULL,
  created_at = {born if reborn else f"{table}.created_at"}
"""


_TRAITS: Final = """
  spec ->> '$.expires', spec ->> '$.path', spec ->> '$.payload_schema_file',
  CASE WHEN spec ->> '$.payload_schema_file' IS NOT NULL THEN spec ->> '$.payload_schema' END
"""


class DeclaredTable:
    """The table ``name``, written by ``upsert``: a statement that takes a change's spec as ``:text``.

    ``columns``: those that an apply fills from the spec ``s``, with the SQL for each. ``live``: which rows
    are declared now.
    """

    def __init__(
        self, name: str, columns: Mapping[str, str], upsert: str, live: str = "deleted_at IS NULL"
    ) -> None:
        self._name = name
        self._columns = {column: source for column, source in columns.items() if column != "spec"}
        self._upsert = upsert
        self._live = live

    def live_rows(self, conn: apsw.Connection) -> Iterator[tuple[str, LiveRow]]:
        """All that is declared now, by id, as a plan is made from it."""
        rows = conn.execute(
            "SELECT id, spec_hash, file, line, drifted, CASE drifted WHEN 1 THEN spec END,"
            f" octet_length(spec), {_TRAITS}"
            f" FROM {self._name} WHERE {self._live}"
        )
        for name, digest, file, line, drifted, spec, size, *found in rows:
            expires, path, schema_file, schema = found
            traits = PLAIN
            if any(each is not None for each in found):
                traits = Traits(
                    expires=expires, path=path, payload_schema_file=schema_file, payload_schema=schema
                )
            yield (
                name,
                LiveRow(
                    digest, file, line, bool(drifted), text=intact(digest, spec), size=size, traits=traits
                ),
            )

    def drifted_columns(self, conn: apsw.Connection, row_id: str, text: str) -> list[tuple[str, Any, Any]]:
        """``(column, stored, declared)`` where the row is not what the spec ``text`` says."""
        pairs = ", ".join(f"{column}, {source}" for column, source in self._columns.items())
        row = conn.execute(
            f"SELECT {pairs} FROM {self._name}, (SELECT :text AS s) WHERE id = :id",
            {"text": text, "id": row_id},
        ).fetchone()
        found = [] if row is None else zip(self._columns, row[::2], row[1::2], strict=True)
        return [(name, stored, declared) for name, stored, declared in found if stored != declared]

    def upsert(self, tx: Tx, changes: Iterable[Change], revision_id: int) -> None:
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
