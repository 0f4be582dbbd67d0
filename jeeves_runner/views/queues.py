"""Queues: how full they are and which items they hold."""

from datetime import datetime
from typing import Any

import apsw

from jeeves_runner.db import queue_contents, queues
from jeeves_runner.db.connection import snapshot


def queues_view(conn: apsw.Connection, now: datetime, *, detail: bool = False) -> dict[str, Any]:
    """``{queues}``: ids, or with ``detail`` objects; a deleted queue is listed while it holds items."""
    with snapshot(conn):
        counts = queue_contents.queue_counts(conn, now)
        rows = [row for row in queues.queue_rows(conn) if row.deleted_at is None or _holds(counts[row.id])]
    if not detail:
        return {"queues": [row.id for row in rows]}
    return {"queues": [_queue(row, counts[row.id]) for row in rows]}


def queue_view(conn: apsw.Connection, now: datetime, queue_id: str) -> dict[str, Any]:
    """``{depth, claimed, failed, oldest_age_ms}`` (ms); NotFound."""
    counts = queue_contents.queue_counts(conn, now, queue_id).get(queue_id)
    if counts is None:
        raise queues.unknown_queue(queue_id)
    return counts.as_json()


def peek_view(
    conn: apsw.Connection, now: datetime, queue_id: str, limit: int, *, failed: bool = False
) -> dict[str, Any]:
    """``{items}``: the first that wait, in the order of claims, or the latest that failed; NotFound."""
    with snapshot(conn):
        if queue_id not in queue_contents.queue_counts(conn, now, queue_id):
            raise queues.unknown_queue(queue_id)
        items = (queue_contents.failed_items if failed else queue_contents.peek)(conn, now, queue_id, limit)
    return {"items": [_item(item) for item in items]}


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
        "created_at": item.created_at,
        "ready_at": item.ready_at,
        "attempt": item.attempt,
        "error": item.error,
    }
