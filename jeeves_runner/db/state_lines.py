"""State as a page shows it: keys and items with their sizes, who wrote them, and the beginning of each value.

A value may be 64 MiB long, so more than a part of it is never told, and of a long one not even that.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from heapq import merge
from itertools import groupby
from json import dumps
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.pages import Page, page
from jeeves_runner.db.state import count_items
from jeeves_runner.db.state_list import ItemPlace

_LISTED: Final = 300
"""Characters of a value in a list."""

SHOWN: Final = 16_000
"""Characters of the value of a key that is shown by itself."""

_READ_IN_LIST: Final = 64 << 10
_READ: Final = 8 << 20
"""Bytes of the longest value of which the beginning is read, in a list and by itself."""

MOST_KEYS: Final = 100
"""So many keys of a namespace are counted; there may be more."""

_LAST: Final = "\U0010ffff"
"""A character after all others."""


class ValueLine(NamedTuple):
    """A value of a key or an item; times in the database's form."""

    name: str
    """The key, or the item's name within it."""
    text: str | None
    """The value as JSON, or the beginning of it; None: it is too long to be looked at."""
    size: int
    """The bytes of the value."""
    expires_at: str | None
    """When it is gone; None: it stays."""
    updated_at: str
    """When it was last written."""
    writer: int | None
    """The run that wrote it last; None: no run did."""
    writer_revision: int | None
    """That run's revision."""


class KeyLine(NamedTuple):
    """A key of a namespace."""

    key: str
    """Its name."""
    value: ValueLine | None
    """Its value; None where it has items only."""
    items: int
    """How many items it has."""


class Namespace(NamedTuple):
    """A namespace at a glance."""

    name: str
    """Its name."""
    keys: int
    """How many keys it has; ``MOST_KEYS`` at most."""
    more: bool
    """Whether it has more than are counted."""
    size: int
    """The bytes of the values of these."""
    updated_at: str | None
    """When the last of these values was written; None where there are only items."""


class Owner(NamedTuple):
    """The job that keeps its state in a namespace."""

    job_id: str
    """Its id."""
    is_deleted: bool
    """Whether its manifest no longer declares it."""


def owners(conn: apsw.Connection, namespaces: Sequence[str]) -> dict[str, Owner]:
    """The owners of these namespaces, of those that have one."""
    rows = conn.execute(_OWNERS, (dumps(namespaces),))
    return {name: Owner(job_id, bool(is_deleted)) for name, job_id, is_deleted in rows}


def at_a_glance(conn: apsw.Connection, now: datetime, namespace: str) -> Namespace:
    """What a namespace has, as far as ``MOST_KEYS`` keys tell."""
    found = keys(conn, now, namespace, limit=MOST_KEYS)
    values = [each.value for each in found.rows if each.value is not None]
    return Namespace(
        namespace,
        len(found.rows),
        found.more,
        sum(each.size for each in values),
        max((each.updated_at for each in values), default=None),
    )


def keys(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    *,
    after: str = "",
    prefix: str = "",
    limit: int,
) -> Page[KeyLine]:
    """The keys of a namespace ``after`` this one that begin with ``prefix``, in order."""
    terms = {
        "namespace": namespace,
        "after": after,
        "first": prefix,
        "beyond": prefix + _LAST,
        "at": to_text(now),
        "read": _READ_IN_LIST,
        "shown": _LISTED,
    }
    with closing(conn.execute(_VALUES, terms)) as valued, closing(conn.execute(_COUNTED, terms)) as counted:
        return page(_keys(conn, now, namespace, valued, counted), lambda _: 0, limit=limit, room=None)


def value(conn: apsw.Connection, now: datetime, namespace: str, key: str) -> ValueLine | None:
    """The value of a key; None where it has none."""
    terms = {"namespace": namespace, "key": key, "at": to_text(now), "read": _READ, "shown": SHOWN}
    row = conn.execute(_VALUE, terms).fetchone()
    return None if row is None else ValueLine._make(row)


def items(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    key: str,
    *,
    after: ItemPlace | None = None,
    limit: int,
) -> Page[ValueLine]:
    """The items of a key ``after`` this place, the last written first."""
    terms: dict[str, Any] = {
        "namespace": namespace,
        "key": key,
        "at": to_text(now),
        "read": _READ_IN_LIST,
        "shown": _LISTED,
        "updated_at": _LAST if after is None else after.updated_at,
        "item_key": "" if after is None else after.item_key,
    }
    with closing(conn.execute(_ITEMS, terms)) as rows:
        return page(map(ValueLine._make, rows), lambda _: 0, limit=limit, room=None)


def _keys(
    conn: apsw.Connection, now: datetime, namespace: str, valued: apsw.Cursor, counted: apsw.Cursor
) -> Iterator[KeyLine]:
    """All keys in order. One that has both a value and items comes from both sides, so neither side is ever
    far ahead of the other."""
    sides = merge(
        ((row[0], ValueLine._make(row)) for row in valued),
        ((key, None) for (key,) in counted),
        key=lambda side: side[0],
    )
    for key, found in groupby(sides, key=lambda side: side[0]):
        both = [line for _, line in found]
        line = next((each for each in both if each is not None), None)
        number = count_items(conn, now, namespace, key) if None in both else 0
        if line is not None or number:
            yield KeyLine(key, line, number)


_LIVE = "(expires_at IS NULL OR expires_at > :at)"
_TOLD = """
  CASE WHEN octet_length(value) <= :read THEN substr(value, 1, :shown) END, octet_length(value),
  expires_at, updated_at, writer_run, writer_revision"""
_RANGE = "namespace = :namespace AND key > :after AND key >= :first AND key < :beyond"

_VALUES = f"SELECT key, {_TOLD} FROM state WHERE {_RANGE} AND {_LIVE} ORDER BY key"
_COUNTED = f"SELECT key FROM state_counts WHERE {_RANGE} ORDER BY key"
_VALUE = f"SELECT key, {_TOLD} FROM state WHERE namespace = :namespace AND key = :key AND {_LIVE}"
_ITEMS = f"""
SELECT item_key, {_TOLD} FROM state_items
WHERE namespace = :namespace AND key = :key AND {_LIVE}
  AND (updated_at, item_key) < (:updated_at, :item_key)
  AND NOT EXISTS (SELECT 1 FROM state WHERE namespace = :namespace AND key = :key AND expires_at <= :at)
ORDER BY updated_at DESC, item_key DESC
"""

# A job keeps its state under its id, unless it was renamed, or its id was another's namespace.
_OWNERS = """
SELECT asked, id, deleted_at IS NOT NULL FROM (
  SELECT value AS asked, coalesce((SELECT job_id FROM namespaces WHERE namespace = value), value) AS owner
  FROM json_each(?))
JOIN jobs ON id = owner
WHERE owner <> asked OR NOT EXISTS (SELECT 1 FROM namespaces WHERE job_id = owner)
"""
