"""State: the values and items that scripts keep between runs."""

from datetime import datetime
from typing import Final, TypedDict

import apsw

from jeeves_runner.core.values import Expect
from jeeves_runner.db import state
from jeeves_runner.db.connection import snapshot
from jeeves_runner.errors import NotFound

_SEE_STATE: Final = "`jeeves-runner state list` shows what there is"


class NamespacesDocument(TypedDict):
    """Where scripts keep state."""

    namespaces: list[str]
    """By name."""


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
    count: int
    """How many items there are."""


def namespaces_view(conn: apsw.Connection, now: datetime) -> NamespacesDocument:
    """``{namespaces}``."""
    return {"namespaces": state.namespaces(conn, now)}


def namespace_view(conn: apsw.Connection, now: datetime, namespace: str) -> dict[str, object]:
    """The values of a namespace by key; NotFound."""
    values = state.values(conn, now, namespace)
    if not values:
        raise NotFound(f"there is no state in namespace {namespace}", hint=_SEE_STATE)
    return values


def key_view(
    conn: apsw.Connection, now: datetime, namespace: str, key: str, *, limit: int | None = None
) -> StateKeyDocument:
    """``{value, items: [{item_key, value, updated_at}], count}``, items newest first; NotFound.

    ``limit`` bounds the items told, not the ``count``.
    """
    with snapshot(conn):
        value = state.get_value(conn, now, namespace, key)
        items = state.items(conn, now, namespace, key, limit=limit)
        count = len(items) if limit is None else state.count_items(conn, now, namespace, key)
    if value is Expect.MISSING and not count:
        raise no_state(namespace, key)
    return {
        "value": None if value is Expect.MISSING else value,
        "items": [
            {"item_key": item.item_key, "value": item.value, "updated_at": item.updated_at} for item in items
        ],
        "count": count,
    }


def no_state(namespace: str, key: str) -> NotFound:
    """What to raise where a key has neither value nor items."""
    return NotFound(f"there is no state {namespace}/{key}", hint=_SEE_STATE)
