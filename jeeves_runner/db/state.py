"""State of scripts: one JSON value per (namespace, key), and a collection of items below each key.

A key owns its items: when the key expires or is deleted, they go with it; items need no value to
exist. What has expired is gone for every reader at once; ``state_upkeep`` only frees the space.
"""

from datetime import datetime
from typing import Any

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import text_after
from jeeves_runner.core.values import Expect, from_json, same_json
from jeeves_runner.db.lineage import Writer
from jeeves_runner.db.transaction import Tx


def get_value(conn: apsw.Connection, now: datetime, namespace: str, key: str) -> Any:
    """The value of a key, or ``Expect.MISSING``."""
    text = _value_text(conn, to_text(now), namespace, key)
    return Expect.MISSING if text is None else from_json(text, f"state {namespace}/{key}")


def set_value(
    tx: Tx,
    namespace: str,
    key: str,
    value: str,
    *,
    ttl_ms: int | None = None,
    expect: str | Expect = Expect.ANYTHING,
    writer: Writer | None = None,
) -> bool:
    """Store a value (JSON text), for ``ttl_ms`` or for good; an earlier ttl ends. ``writer``: the run if
    one does it.

    With ``expect``, only if the key holds that value (JSON text) or, with ``Expect.MISSING``, no
    value. Returns whether the value was stored.
    """
    if not _meets(tx, namespace, key, expect):
        return False
    _drop_if_expired(tx, namespace, key)
    tx.conn.execute(
        """
        INSERT INTO state (namespace, key, value, expires_at, ttl_ms, updated_at, writer_run, writer_revision)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (namespace, key) DO UPDATE
        SET value = excluded.value, expires_at = excluded.expires_at, ttl_ms = excluded.ttl_ms,
          updated_at = excluded.updated_at, writer_run = excluded.writer_run,
          writer_revision = excluded.writer_revision
        """,
        (namespace, key, value, _expiry(tx, ttl_ms), ttl_ms, tx.at, *_written_by(writer)),
    )
    return True


def delete_key(tx: Tx, namespace: str, key: str) -> bool:
    """Remove a key with its items. Returns whether there was a value or an item."""
    existed = (
        _value_text(tx.conn, tx.at, namespace, key) is not None
        or count_items(tx.conn, tx.now, namespace, key) > 0
    )
    _drop(tx, namespace, key)
    return existed


def get_item(conn: apsw.Connection, now: datetime, namespace: str, key: str, item_key: str) -> Any:
    """The value of an item, or ``Expect.MISSING``."""
    text = conn.execute(
        """
        SELECT value FROM state_items
        WHERE namespace = :namespace AND key = :key AND item_key = :item_key
          AND (expires_at IS NULL OR expires_at > :at)
          AND NOT EXISTS (SELECT 1 FROM state
                          WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
        """,
        {"namespace": namespace, "key": key, "item_key": item_key, "at": to_text(now)},
    ).get
    return Expect.MISSING if text is None else from_json(text, f"item {namespace}/{key}/{item_key}")


def set_item(
    tx: Tx,
    namespace: str,
    key: str,
    item_key: str,
    value: str,
    *,
    ttl_ms: int | None = None,
    writer: Writer | None = None,
) -> None:
    """Store an item (JSON text) below a key, as ``set_value`` does a value."""
    _drop_if_expired(tx, namespace, key)
    tx.conn.execute(
        """
        INSERT INTO state_items (namespace, key, item_key, value, expires_at, ttl_ms, updated_at, writer_run,
                                 writer_revision)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (namespace, key, item_key) DO UPDATE
        SET value = excluded.value, expires_at = excluded.expires_at, ttl_ms = excluded.ttl_ms,
          updated_at = excluded.updated_at, writer_run = excluded.writer_run,
          writer_revision = excluded.writer_revision
        """,
        (namespace, key, item_key, value, _expiry(tx, ttl_ms), ttl_ms, tx.at, *_written_by(writer)),
    )


def delete_item(tx: Tx, namespace: str, key: str, item_key: str) -> bool:
    """Remove an item. Returns whether there was one."""
    existed = get_item(tx.conn, tx.now, namespace, key, item_key) is not Expect.MISSING
    tx.conn.execute(
        "DELETE FROM state_items WHERE namespace = ? AND key = ? AND item_key = ?",
        (namespace, key, item_key),
    )
    return existed


def count_items(conn: apsw.Connection, now: datetime, namespace: str, key: str) -> int:
    """How many items a key has."""
    count: int = conn.execute(_COUNT, {"namespace": namespace, "key": key, "at": to_text(now)}).get
    return count


def item_keys(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    key: str,
    *,
    limit: int | None = None,
    newest_first: bool = True,
) -> list[str]:
    """The item keys of a key, at most ``limit``, the last written first or in reverse."""
    rows = conn.execute(
        _NEWEST_KEYS if newest_first else _OLDEST_KEYS,
        {"namespace": namespace, "key": key, "at": to_text(now), "limit": -1 if limit is None else limit},
    )
    return [item_key for (item_key,) in rows]


def prune_items(tx: Tx, namespace: str, key: str, keep: int) -> int:
    """Remove all but the ``keep`` most recently written items of a key. Returns how many."""
    before = count_items(tx.conn, tx.now, namespace, key)
    bindings = {"namespace": namespace, "key": key, "at": tx.at, "keep": keep}
    first_to_go = tx.conn.execute(_AFTER_THE_KEPT, bindings).fetchone()
    if first_to_go is not None:
        updated_at, item_key = first_to_go
        tx.conn.execute(_PRUNE, {**bindings, "updated_at": updated_at, "item_key": item_key})
    return max(before - keep, 0)


_LIVE = """
FROM state_items
WHERE namespace = :namespace AND key = :key AND (expires_at IS NULL OR expires_at > :at)
  AND NOT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
"""
# All, but for those that have expired and are still there.
_COUNT = """
SELECT coalesce((SELECT items FROM state_counts WHERE namespace = :namespace AND key = :key), 0)
  - (SELECT count(*) FROM state_items WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
WHERE NOT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
UNION ALL SELECT 0 LIMIT 1
"""

_AFTER_THE_KEPT = f"""
SELECT updated_at, item_key {_LIVE} ORDER BY updated_at DESC, item_key DESC LIMIT 1 OFFSET :keep
"""
_PRUNE = """
DELETE FROM state_items
WHERE namespace = :namespace AND key = :key AND (updated_at, item_key) <= (:updated_at, :item_key)
"""
_NEWEST_KEYS = f"SELECT item_key {_LIVE} ORDER BY updated_at DESC, item_key DESC LIMIT :limit"
_OLDEST_KEYS = f"SELECT item_key {_LIVE} ORDER BY updated_at, item_key LIMIT :limit"


def _value_text(conn: apsw.Connection, at: str, namespace: str, key: str) -> str | None:
    text: str | None = conn.execute(
        "SELECT value FROM state WHERE namespace = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
        (namespace, key, at),
    ).get
    return text


def _meets(tx: Tx, namespace: str, key: str, expect: str | Expect) -> bool:
    if expect is Expect.ANYTHING:
        return True
    held = _value_text(tx.conn, tx.at, namespace, key)
    if held is None or isinstance(expect, Expect):
        return held is None and expect is Expect.MISSING
    where = f"state {namespace}/{key}"
    return same_json(from_json(held, where), from_json(expect, where))


def _drop_if_expired(tx: Tx, namespace: str, key: str) -> None:
    """Delete an expired key before it is written again: the write would bring its items back."""
    expired = tx.conn.execute(
        "SELECT EXISTS (SELECT 1 FROM state WHERE namespace = ? AND key = ? AND expires_at <= ?)",
        (namespace, key, tx.at),
    ).get
    if expired:
        _drop(tx, namespace, key)


def _drop(tx: Tx, namespace: str, key: str) -> None:
    tx.conn.execute("DELETE FROM state_items WHERE namespace = ? AND key = ?", (namespace, key))
    tx.conn.execute("DELETE FROM state WHERE namespace = ? AND key = ?", (namespace, key))


def _written_by(writer: Writer | None) -> tuple[int | None, int | None]:
    return (None, None) if writer is None else (writer.run, writer.revision)


def _expiry(tx: Tx, ttl_ms: int | None) -> str | None:
    return None if ttl_ms is None else text_after(tx.now, ttl_ms)
