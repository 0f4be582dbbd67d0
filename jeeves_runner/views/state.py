"""State: the values and items that scripts keep between runs."""

from datetime import datetime
from typing import Any, Final

import apsw

from jeeves_runner.core.values import Expect
from jeeves_runner.db import state
from jeeves_runner.db.connection import snapshot
from jeeves_runner.errors import NotFound

_SEE_STATE: Final = "`jeeves-runner state list` shows what there is"


def namespaces_view(conn: apsw.Connection, now: datetime) -> dict[str, Any]:
    """``{namespaces}``."""
    return {"namespaces": state.namespaces(conn, now)}


def namespace_view(conn: apsw.Connection, now: datetime, namespace: str) -> dict[str, Any]:
    """The values of a namespace by key; NotFound."""
    values = state.values(conn, now, namespace)
    if not values:
        raise NotFound(f"there is no state in namespace {namespace}", hint=_SEE_STATE)
    return values


def key_view(
    conn: apsw.Connection, now: datetime, namespace: str, key: str, *, limit: int | None = None
) -> dict[str, Any]:
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
