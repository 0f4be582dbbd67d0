"""State: the values and items that scripts keep between runs."""

from datetime import datetime
from typing import Final, NamedTuple, NotRequired, TypedDict

import apsw

from jeeves_runner.core.values import Expect
from jeeves_runner.db import lineage_list, state, state_list
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.lineage_list import RunOrigin
from jeeves_runner.db.state_list import ItemPlace
from jeeves_runner.errors import InvalidValue, NotFound, NoValue
from jeeves_runner.views.operations import ItemKeysDocument, ValueDocument

_SEE_STATE: Final = "`jeeves-runner state list` shows what there is"


class NamespacesDocument(TypedDict):
    """Where scripts keep state."""

    namespaces: list[str]
    """By name."""
    next_cursor: NotRequired[str]
    """Where the next page begins, if others follow."""


class StateItemDocument(TypedDict):
    """One item of a key."""

    item_key: str
    """Its name within the key."""
    value: object
    """Any JSON value."""
    updated_at: str
    """When it was last set."""


class StateKeyDocument(TypedDict):
    """What a script keeps under one key."""

    value: object
    """Any JSON value; null also where there are only items."""
    items: list[StateItemDocument]
    """Newest first."""
    written_by: RunOrigin | None
    """The run that wrote the value last; null where no run did, or where there are only items."""
    count: int
    """How many items there are, on this page or another."""
    next_cursor: NotRequired[str]
    """Where the next page begins, if others follow."""


class NamespacePage(NamedTuple):
    """The values of a namespace, or some of them."""

    values: dict[str, object]
    """By key, in the order of the keys."""
    next_cursor: str | None
    """Where the next page begins; None if no others follow."""


def namespaces_view(
    conn: apsw.Connection, now: datetime, *, after: str = "", limit: int | None = None
) -> NamespacesDocument:
    """``{namespaces}``: those ``after`` this one, up to ``limit``; ``next_cursor`` if there are more."""
    found = state_list.namespaces(conn, now, after=after, limit=limit)
    document: NamespacesDocument = {"namespaces": found.rows}
    if found.more:
        document["next_cursor"] = found.rows[-1]
    return document


def namespace_view(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    *,
    after: str = "",
    limit: int | None = None,
    room: int | None = None,
) -> NamespacePage:
    """The values of a namespace by key: those ``after`` a key, up to ``limit``, as many as have ``room``,
    but one at least; NotFound."""
    with snapshot(conn):
        found = state_list.values(conn, now, namespace, after=after, limit=limit, room=room)
    if not found.rows and not after:
        raise no_namespace(namespace)
    return NamespacePage(dict(found.rows), found.rows[-1].key if found.more else None)


def key_view(
    conn: apsw.Connection,
    now: datetime,
    namespace: str,
    key: str,
    *,
    cursor: str | None = None,
    limit: int | None = None,
    room: int | None = None,
    oldest_first: bool = False,
) -> StateKeyDocument:
    """``{value, items: [{item_key, value, updated_at}], written_by, count}``, items newest first; NotFound.

    ``cursor``: the ``next_cursor`` of the page before. ``limit`` and ``room`` bound the items told, not the
    ``count``. ``oldest_first``: the other way round, and without a ``cursor``.
    """
    after = None if cursor is None else item_place(cursor)
    with snapshot(conn):
        value = state.get_value(conn, now, namespace, key)
        items = state_list.items(
            conn, now, namespace, key, after=after, limit=limit, room=room, oldest_first=oldest_first
        )
        count = state.count_items(conn, now, namespace, key)
        writer = None if value is Expect.MISSING else lineage_list.writer_of_key(conn, namespace, key)
    if value is Expect.MISSING and not count:
        raise no_state(namespace, key)
    document: StateKeyDocument = {
        "value": None if value is Expect.MISSING else value,
        "items": [
            {"item_key": item.item_key, "value": item.value, "updated_at": item.updated_at}
            for item in items.rows
        ],
        "written_by": writer,
        "count": count,
    }
    if items.more:
        last = items.rows[-1]
        document["next_cursor"] = item_cursor(last.updated_at, last.item_key)
    return document


def value_view(conn: apsw.Connection, now: datetime, namespace: str, key: str) -> ValueDocument:
    """``{value}``; NoValue where the key holds none, though it may have items."""
    value = state.get_value(conn, now, namespace, key)
    if value is Expect.MISSING:
        raise NoValue(f"there is no value in state {namespace}/{key}", hint=_SEE_STATE)
    return {"value": value}


def item_view(conn: apsw.Connection, now: datetime, namespace: str, key: str, item_key: str) -> ValueDocument:
    """``{value}`` of an item; NoValue where there is none."""
    value = state.get_item(conn, now, namespace, key, item_key)
    if value is Expect.MISSING:
        raise NoValue(f"there is no item {namespace}/{key}/{item_key}", hint=_SEE_STATE)
    return {"value": value}


def item_keys_view(
    conn: apsw.Connection, now: datetime, namespace: str, key: str, *, limit: int | None, newest_first: bool
) -> ItemKeysDocument:
    """``{keys, count}``: the items of a key by their last write, ``limit`` at most; there may be none."""
    with snapshot(conn):
        keys = state.item_keys(conn, now, namespace, key, limit=limit, newest_first=newest_first)
        return {"keys": keys, "count": state.count_items(conn, now, namespace, key)}


def item_cursor(updated_at: str, item_key: str) -> str:
    """What names the place of an item among those of its key."""
    return f"{updated_at} {item_key}"


def item_place(cursor: str) -> ItemPlace:
    """Where a page of items begins, given the ``next_cursor`` of the page before; InvalidValue."""
    updated_at, space, item_key = cursor.partition(" ")
    if not space:
        raise InvalidValue(f"cursor must be the next_cursor of the page before, not {cursor!r}")
    return ItemPlace(updated_at, item_key)


def no_namespace(namespace: str) -> NotFound:
    """What to raise where a namespace has neither values nor items."""
    return NotFound(f"there is no state in namespace {namespace}", hint=_SEE_STATE)


def no_state(namespace: str, key: str) -> NotFound:
    """What to raise where a key has neither value nor items."""
    return NotFound(f"there is no state {namespace}/{key}", hint=_SEE_STATE)
