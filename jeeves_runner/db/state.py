"""State of scripts: one JSON value per (namespace, key), and a collection of items below each key.

A key owns its items: when the key expires or is deleted, they go with it; items need no value to
exist. What has expired is gone for every reader at once; ``state_upkeep`` only frees the space.
"""

from datetime import datetime
from typing import Any, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import text_after
from jeeves_runner.core.values import Expect, from_json, same_json
from jeeves_runner.db.transaction import Tx


class StateItem(NamedTuple):
    """One item of a collection."""

    item_key: str
    value: Any
    """Any JSON value; None for an item stored without one."""
    updated_at: str
    """Its last write, in the database's form of times."""


def namespaces(conn: apsw.Connection, now: datetime) -> list[str]:
    """Every namespace that holds a value or an item, in order."""
    return [namespace for (namespace,) in conn.execute(_NAMESPACES, {"at": to_text(now)})]


def values(conn: apsw.Connection, now: datetime, namespace: str) -> dict[str, Any]:
    """The values of a namespace by key, in order; None for a key that has items only."""
    rows = conn.execute(f"{_KEYS} ORDER BY key", {"namespace": namespace, "at": to_text(now)})
    return {key: None if text is None else from_json(text, f"state {namespace}/{key}") for key, text in rows}


def count_keys(conn: apsw.Connection, now: datetime, namespace: str) -> int:
    """How many keys ``values`` has. Their values are not read."""
    count: int = conn.execute(
        f"SELECT count(*) FROM ({_KEYS})", {"namespace": namespace, "at": to_text(now)}
    ).get
    return count


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
) -> bool:
    """Store a value (JSON text), for ``ttl_ms`` or for good; an earlier ttl ends.

    With ``expect``, only if the key holds that value (JSON text) or, with ``Expect.MISSING``, no
    value. Returns whether the value was stored.
    """
    if not _meets(tx, namespace, key, expect):
        return False
    _drop_if_expired(tx, namespace, key)
    tx.conn.execute(
        """
        INSERT INTO state (namespace, key, value, expires_at, updated_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (namespace, key) DO UPDATE
        SET value = excluded.value, expires_at = excluded.expires_at, updated_at = excluded.updated_at
        """,
        (namespace, key, value, _expiry(tx, ttl_ms), tx.at),
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
    tx: Tx, namespace: str, key: str, item_key: str, value: str, *, ttl_ms: int | None = None
) -> None:
    """Store an item (JSON text) below a key, for ``ttl_ms`` or for good; an earlier ttl ends."""
    _drop_if_expired(tx, namespace, key)
    tx.conn.execute(
        """
        INSERT INTO state_items (namespace, key, item_key, value, expires_at, updated_at)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (namespace, key, item_key) DO UPDATE
        SET value = excluded.value, expires_at = excluded.expires_at, updated_at = excluded.updated_at
        """,
        (namespace, key, item_key, value, _expiry(tx, ttl_ms), tx.at),
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
    count: int = conn.execute(
        """
        SELECT count(*) FROM state_items
        WHERE namespace = :namespace AND key = :key AND (expires_at IS NULL OR expires_at > :at)
          AND NOT EXISTS (SELECT 1 FROM state
                          WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
        """,
        {"namespace": namespace, "key": key, "at": to_text(now)},
    ).get
    return count


def items(
    conn: apsw.Connection, now: datetime, namespace: str, key: str, *, limit: int | None = None
) -> list[StateItem]:
    """The items of a key, at most ``limit``: the last written first, of equal times the greater item key."""
    rows = conn.execute(
        _ITEMS,
        {"namespace": namespace, "key": key, "at": to_text(now), "limit": -1 if limit is None else limit},
    )
    return [
        StateItem(item_key, from_json(text, f"item {namespace}/{key}/{item_key}"), updated_at)
        for item_key, text, updated_at in rows
    ]


def item_keys(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    key: str,
    *,
    limit: int | None = None,
    newest_first: bool = True,
) -> list[str]:
    """The item keys of a key, at most ``limit``, in the order of ``items`` or in reverse."""
    rows = conn.execute(
        _NEWEST_KEYS if newest_first else _OLDEST_KEYS,
        {"namespace": namespace, "key": key, "at": to_text(now), "limit": -1 if limit is None else limit},
    )
    return [item_key for (item_key,) in rows]


def prune_items(tx: Tx, namespace: str, key: str, keep: int) -> int:
    """Remove all but the ``keep`` most recently written items of a key. Returns how many."""
    before = count_items(tx.conn, tx.now, namespace, key)
    tx.conn.execute(
        """
        DELETE FROM state_items
        WHERE namespace = :namespace AND key = :key AND item_key NOT IN (
          SELECT item_key FROM state_items
          WHERE namespace = :namespace AND key = :key AND (expires_at IS NULL OR expires_at > :at)
            AND NOT EXISTS (SELECT 1 FROM state
                            WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
          ORDER BY updated_at DESC, item_key DESC LIMIT :keep)
        """,
        {"namespace": namespace, "key": key, "at": tx.at, "keep": keep},
    )
    return max(before - keep, 0)


# Steps from one namespace to the next by index, so that a million items of one are not read; then
# checks that something in each has not expired.
_NAMESPACES = """
WITH RECURSIVE
  valued (namespace) AS (
    SELECT min(namespace) FROM state
    UNION ALL
    SELECT (SELECT min(namespace) FROM state WHERE namespace > valued.namespace)
    FROM valued WHERE namespace IS NOT NULL),
  collected (namespace) AS (
    SELECT min(namespace) FROM state_items
    UNION ALL
    SELECT (SELECT min(namespace) FROM state_items WHERE namespace > collected.namespace)
    FROM collected WHERE namespace IS NOT NULL)
SELECT namespace FROM valued
WHERE EXISTS (SELECT 1 FROM state
              WHERE namespace = valued.namespace AND (expires_at IS NULL OR expires_at > :at))
UNION
SELECT namespace FROM collected
WHERE EXISTS (SELECT 1 FROM state_items AS item
              WHERE namespace = collected.namespace AND (expires_at IS NULL OR expires_at > :at)
                AND NOT EXISTS (SELECT 1 FROM state AS owner WHERE owner.namespace = item.namespace
                                AND owner.key = item.key AND owner.expires_at <= :at))
ORDER BY namespace
"""

_KEYS = """
SELECT key, value FROM state
WHERE namespace = :namespace AND (expires_at IS NULL OR expires_at > :at)
UNION ALL
SELECT DISTINCT key, NULL FROM state_items AS item
WHERE namespace = :namespace AND (expires_at IS NULL OR expires_at > :at)
  AND NOT EXISTS (SELECT 1 FROM state AS owner
                  WHERE owner.namespace = :namespace AND owner.key = item.key)
"""

_LIVE = """
FROM state_items
WHERE namespace = :namespace AND key = :key AND (expires_at IS NULL OR expires_at > :at)
  AND NOT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
"""
_ITEMS = f"SELECT item_key, value, updated_at {_LIVE} ORDER BY updated_at DESC, item_key DESC LIMIT :limit"
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


def _expiry(tx: Tx, ttl_ms: int | None) -> str | None:
    return None if ttl_ms is None else text_after(tx.now, ttl_ms)
