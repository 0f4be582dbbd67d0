"""State and queues: what scripts keep between runs and hand to one another."""

from datetime import datetime
from typing import Any

import apsw

from jeeves_runner.core.values import Expect
from jeeves_runner.db import queue_contents, queues, state
from jeeves_runner.db.connection import snapshot
from jeeves_runner.errors import NotFound

_SEE_STATE = "`jeeves-runner state list` shows what there is"


def queues_view(conn: apsw.Connection, now: datetime, *, detail: bool = False) -> dict[str, Any]:
    """``{queues}``: ids, or with ``detail`` objects; a deleted queue is listed while it holds items."""
    with snapshot(conn):
        counts = queue_contents.queue_counts(conn, now)
        rows = [row for row in queues.queue_rows(conn) if row.deleted_at is None or _holds(counts[row.id])]
    if not detail:
        return {"queues": [row.id for row in rows]}
    return {"queues": [_queue(row, counts[row.id]) for row in rows]}


def queue_view(conn: apsw.Connection, now: datetime, queue_id: str) -> dict[str, Any]:
    """``{depth, claimedCount, failedCount, oldestAge}`` (ms); NotFound."""
    counts = queue_contents.queue_counts(conn, now, queue_id).get(queue_id)
    if counts is None:
        raise _no_queue(queue_id)
    return counts.as_json()


def peek_view(
    conn: apsw.Connection, now: datetime, queue_id: str, limit: int, *, failed: bool = False
) -> dict[str, Any]:
    """``{items}``: the first that wait, in the order of claims, or the latest that failed; NotFound."""
    with snapshot(conn):
        if queue_id not in queue_contents.queue_counts(conn, now, queue_id):
            raise _no_queue(queue_id)
        items = (queue_contents.failed_items if failed else queue_contents.peek)(conn, now, queue_id, limit)
    return {"items": [_item(item) for item in items]}


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
    """``{value, items: [{itemKey, value, updatedAt}], count}``, items newest first; NotFound.

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
            {"itemKey": item.item_key, "value": item.value, "updatedAt": item.updated_at} for item in items
        ],
        "count": count,
    }


def no_state(namespace: str, key: str) -> NotFound:
    """What to raise where a key has neither value nor items."""
    return NotFound(f"there is no state {namespace}/{key}", hint=_SEE_STATE)


def _holds(counts: queue_contents.QueueCounts) -> bool:
    return bool(counts.depth or counts.claimed or counts.failed)


def _queue(row: queues.QueueRow, counts: queue_contents.QueueCounts) -> dict[str, Any]:
    return {
        "id": row.id,
        "description": row.description,
        "declared": row.declared,
        "deleted": row.deleted_at is not None,
        "file": row.file,
        "line": row.line,
        **counts.as_json(),
    }


def _item(item: queue_contents.ItemRow) -> dict[str, Any]:
    return {
        "id": item.id,
        "payload": item.payload,
        "priority": item.priority,
        "createdAt": item.created_at,
        "readyAt": item.ready_at,
        "attempt": item.attempt,
        "error": item.error,
    }


def _no_queue(queue_id: str) -> NotFound:
    return NotFound(f"there is no queue {queue_id}", hint="`jeeves-runner queue list` shows what there is")
