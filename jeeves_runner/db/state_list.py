"""State as people look at it: namespaces, keys and items in their order, whole or page by page.

Each page is found by index: what it costs does not depend on how much there is before or after it.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.values import from_json
from jeeves_runner.db.pages import Page, page


class StateValue(NamedTuple):
    """A key of a namespace."""

    key: str
    value: Any
    """Any JSON value; None for a key that has items only."""


class StateItem(NamedTuple):
    """One item of a collection."""

    item_key: str
    value: Any
    """Any JSON value; None for an item stored without one."""
    updated_at: str
    """Its last write, in the database's form of times."""


class ItemPlace(NamedTuple):
    """Where an item stands among those of its key."""

    updated_at: str
    item_key: str


def namespaces(
    conn: apsw.Connection, now: datetime, *, after: str = "", limit: int | None = None
) -> Page[str]:
    """The namespaces ``after`` this one that hold a value or an item, in order."""
    bindings = {"at": to_text(now)}
    live = (name for name in _names(conn, _NEXT_NAMESPACE, after) if _holds(conn, name, bindings))
    return page(live, len, limit=limit, room=None)


def values(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    *,
    after: str = "",
    limit: int | None = None,
    room: int | None = None,
) -> Page[StateValue]:
    """The keys of a namespace ``after`` this one, in order; ``room``: for the texts of their values."""
    terms = {"namespace": namespace, "after": after, "at": to_text(now)}
    with closing(conn.execute(_VALUES, terms)) as rows:
        found = page(_keys(conn, rows, terms), lambda row: len(row[1] or ""), limit=limit, room=room)
    shown = [
        StateValue(key, None if text is None else from_json(text, f"state {namespace}/{key}"))
        for key, text in found.rows
    ]
    return Page(shown, found.more)


def count_keys(conn: apsw.Connection, now: datetime, namespace: str) -> int:
    """How many keys ``values`` has. Their values are not read."""
    terms = {"namespace": namespace, "after": "", "at": to_text(now)}
    valued: int = conn.execute(_COUNT_VALUES, terms).get
    collected = _names(conn, _NEXT_KEY, "", namespace=namespace)
    return valued + sum(_has_items_only(conn, key, terms) for key in collected)


def items(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    key: str,
    *,
    after: ItemPlace | None = None,
    limit: int | None = None,
    room: int | None = None,
    oldest_first: bool = False,
) -> Page[StateItem]:
    """The items of a key ``after`` this place: the last written first; of equal times, the greater key.

    ``oldest_first``: from the other end, and ``after`` none.
    """
    terms = {"namespace": namespace, "key": key, "at": to_text(now)}
    statement = _ITEMS_AFTER if after is not None else _OLDEST_ITEMS if oldest_first else _ITEMS
    with closing(conn.execute(statement, terms | ({} if after is None else after._asdict()))) as rows:
        found = page(rows, lambda row: len(row[1]), limit=limit, room=room)
    shown = [
        StateItem(item_key, from_json(text, f"item {namespace}/{key}/{item_key}"), updated_at)
        for item_key, text, updated_at in found.rows
    ]
    return Page(shown, found.more)


def _names(conn: apsw.Connection, statement: str, after: str, **terms: str) -> Iterator[str]:
    """One name after the other, each found by a search, so that a million rows of one are not read."""
    name: str | None = after
    while (name := conn.execute(statement, {**terms, "after": name}).get) is not None:
        yield name


def _holds(conn: apsw.Connection, namespace: str, terms: dict[str, str]) -> bool:
    return bool(conn.execute(_HOLDS, {**terms, "namespace": namespace}).get)


def _keys(
    conn: apsw.Connection, valued: apsw.Cursor, terms: dict[str, str]
) -> Iterator[tuple[str, str | None]]:
    """All keys in order, each with the text of its value or, if it has items only, None.

    One that has both comes from both sides, so neither side is ever far ahead of the other.
    """
    collected = _names(conn, _NEXT_KEY, terms["after"], namespace=terms["namespace"])
    sides = merge(valued, ((key, None) for key in collected), key=lambda row: row[0])
    for key, found in groupby(sides, key=lambda row: row[0]):
        text = next((text for _, text in found if text is not None), None)
        if text is not None or _has_items_only(conn, key, terms):
            yield key, text


def _has_items_only(conn: apsw.Connection, key: str, terms: dict[str, str]) -> bool:
    return bool(conn.execute(_HAS_ITEMS_ONLY, {**terms, "key": key}).get)


_LIVE = "(expires_at IS NULL OR expires_at > :at)"

_NEXT_NAMESPACE = """
SELECT min(namespace) FROM (
  SELECT min(namespace) AS namespace FROM state WHERE namespace > :after
  UNION ALL
  SELECT min(namespace) FROM state_items WHERE namespace > :after)
"""

_HOLDS = f"""
SELECT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND {_LIVE})
  OR EXISTS (SELECT 1 FROM state_items AS item WHERE namespace = :namespace AND {_LIVE}
             AND NOT EXISTS (SELECT 1 FROM state AS owner WHERE owner.namespace = item.namespace
                             AND owner.key = item.key AND owner.expires_at <= :at))
"""

_VALUES = f"""
SELECT key, value FROM state WHERE namespace = :namespace AND key > :after AND {_LIVE} ORDER BY key
"""

_COUNT_VALUES = f"SELECT count(*) FROM state WHERE namespace = :namespace AND {_LIVE}"

_NEXT_KEY = "SELECT min(key) FROM state_items WHERE namespace = :namespace AND key > :after"

_HAS_ITEMS_ONLY = f"""
SELECT NOT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND key = :key)
  AND EXISTS (SELECT 1 FROM state_items WHERE namespace = :namespace AND key = :key AND {_LIVE})
"""

_OF_KEY = f"""
SELECT item_key, value, updated_at FROM state_items
WHERE namespace = :namespace AND key = :key AND {_LIVE}
  AND NOT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
"""
_ORDER = "ORDER BY updated_at DESC, item_key DESC"
_ITEMS = f"{_OF_KEY} {_ORDER}"
_OLDEST_ITEMS = f"{_OF_KEY} ORDER BY updated_at, item_key"
_ITEMS_AFTER = f"{_OF_KEY} AND (updated_at, item_key) < (:updated_at, :item_key) {_ORDER}"
