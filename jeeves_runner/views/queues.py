"""Queues: how full they are and which items they hold."""

from datetime import datetime
from typing import NotRequired, TypedDict

import apsw

from jeeves_runner.db import queue_contents, queues
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.pages import Page
from jeeves_runner.db.queue_pauses import QueuePause, queue_pauses


class QueuePauseDocument(TypedDict):
    """A pause of a queue that is in force: nothing is claimed from it, and it starts no job."""

    until: str | None
    """When it ends; null: when it is resumed."""
    reason: str | None
    """Why it was made."""


class QueueCountsDocument(TypedDict):
    """How full a queue is, and whether it is paused."""

    depth: int
    """Items that wait to be claimed, delayed ones included."""
    claimed: int
    """Items whose claim has not ended."""
    failed: int
    """Dead letters."""
    oldest_age_ms: int | None
    """How long ago the oldest waiting item was added; null if none waits."""
    paused: QueuePauseDocument | None
    """Its pause; null if none is in force."""


class QueueDocument(QueueCountsDocument):
    """A queue in a list with details."""

    id: str
    """The queue's id."""
    description: str | None
    """What it is for, for people."""
    declared: bool
    """Whether a manifest declares it; the others were made by an enqueue."""
    deleted: bool
    """Whether its manifest no longer does."""
    file: str | None
    """That manifest; null for an undeclared queue."""
    line: int | None
    """Where it stands in that, from 1."""


class QueueIdsDocument(TypedDict):
    """The queues, by id; a deleted one is listed while it holds items."""

    queues: list[str]
    """Their ids."""
    next_cursor: NotRequired[str]
    """Where the next page begins, if others follow."""


class QueuesDocument(TypedDict):
    """The same queues with details."""

    queues: list[QueueDocument]
    """By id."""
    next_cursor: NotRequired[str]
    """Where the next page begins, if others follow."""


class PurgedDocument(TypedDict):
    """What was deleted from a queue."""

    deleted: dict[str, int]
    """How many items by kind, of the kinds that were asked for: `failed`, `completed`, `pending`."""


class RetriedDocument(TypedDict):
    """What was tried again."""

    retried: int
    """How many dead letters are pending again."""
    left: int
    """How many stay, because an equal item waits already."""


class ItemDocument(TypedDict):
    """One item of a queue."""

    id: int
    """Its number."""
    payload: object
    """Any JSON value; the text itself where another program stored something that is not JSON."""
    priority: int
    """Items with a higher number are claimed first."""
    created_at: str
    """When it was added."""
    ready_at: str | None
    """Before this time it cannot be claimed; null: it was not delayed."""
    attempt: int
    """Attempts made so far."""
    error: str | None
    """Why its last attempt failed."""


class ItemsDocument(TypedDict):
    """Items of a queue."""

    items: list[ItemDocument]
    """In the order of claims; dead letters newest first."""
    more: bool
    """Whether others follow: there are more than were asked for, or than fit into one answer."""


def queue_ids_view(
    conn: apsw.Connection, now: datetime, *, after: str | None = None, limit: int | None = None
) -> QueueIdsDocument:
    """``{queues}``: the ids ``after`` one, up to ``limit``; ``next_cursor`` if there are more."""
    found = _page(conn, now, after, limit)
    document: QueueIdsDocument = {"queues": [row.id for row, _ in found.rows]}
    if found.more:
        document["next_cursor"] = document["queues"][-1]
    return document


def queues_view(
    conn: apsw.Connection, now: datetime, *, after: str | None = None, limit: int | None = None
) -> QueuesDocument:
    """``{queues}``: the same as objects."""
    with snapshot(conn):
        found, paused = _page(conn, now, after, limit), queue_pauses(conn, now)
    document: QueuesDocument = {
        "queues": [_queue(row, counts, paused.get(row.id)) for row, counts in found.rows]
    }
    if found.more:
        document["next_cursor"] = document["queues"][-1]["id"]
    return document


def queue_document(conn: apsw.Connection, now: datetime, queue_id: str) -> QueueDocument:
    """One queue as a list with details has it, whether it holds anything or not; NotFound."""
    with snapshot(conn):
        counts = queue_contents.queue_counts(conn, now, queue_id).get(queue_id)
        row = next((row for row in queues.queue_rows(conn) if row.id == queue_id), None)
        if counts is None or row is None:
            raise queues.unknown_queue(queue_id)
        return _queue(row, counts, queue_pauses(conn, now).get(queue_id))


def queue_view(conn: apsw.Connection, now: datetime, queue_id: str) -> QueueCountsDocument:
    """``{depth, claimed, failed, oldest_age_ms, paused}``; NotFound."""
    with snapshot(conn):
        counts = queue_contents.queue_counts(conn, now, queue_id).get(queue_id)
        if counts is None:
            raise queues.unknown_queue(queue_id)
        return counts_document(counts, queue_pauses(conn, now).get(queue_id))


def peek_view(
    conn: apsw.Connection,
    now: datetime,
    queue_id: str,
    limit: int,
    *,
    failed: bool = False,
    room: int | None = None,
) -> ItemsDocument:
    """``{items, more}``: the first that wait, in the order of claims, or the latest that failed; NotFound.

    Up to ``limit``, as many as have ``room`` in characters of their payloads, but one at least.
    """
    with snapshot(conn):
        if queue_id not in queue_contents.queue_counts(conn, now, queue_id):
            raise queues.unknown_queue(queue_id)
        look = queue_contents.failed_items if failed else queue_contents.peek
        items = look(conn, now, queue_id, limit, room)
    return {"items": [item_document(item) for item in items.rows], "more": items.more}


_Shown = tuple[queues.QueueRow, queue_contents.QueueCounts]


def _page(conn: apsw.Connection, now: datetime, after: str | None, limit: int | None) -> Page[_Shown]:
    rows = [each for each in _shown(conn, now) if after is None or each[0].id > after]
    return Page(rows[:limit], limit is not None and len(rows) > limit)


def _shown(conn: apsw.Connection, now: datetime) -> list[_Shown]:
    with snapshot(conn):
        counts = queue_contents.queue_counts(conn, now)
        rows = queues.queue_rows(conn)
    return [(row, counts[row.id]) for row in rows if row.deleted_at is None or _holds(counts[row.id])]


def _holds(counts: queue_contents.QueueCounts) -> bool:
    return bool(counts.depth or counts.claimed or counts.failed)


def _queue(
    row: queues.QueueRow, counts: queue_contents.QueueCounts, paused: QueuePause | None
) -> QueueDocument:
    return {
        "id": row.id,
        "description": row.description,
        "declared": row.declared,
        "deleted": row.deleted_at is not None,
        "file": row.file,
        "line": row.line,
        **counts_document(counts, paused),
    }


def counts_document(counts: queue_contents.QueueCounts, paused: QueuePause | None) -> QueueCountsDocument:
    """How full a queue is, and its pause."""
    return {
        "depth": counts.depth,
        "claimed": counts.claimed,
        "failed": counts.failed,
        "oldest_age_ms": counts.oldest_age_ms,
        "paused": paused and {"until": paused.until, "reason": paused.reason},
    }


def item_document(item: queue_contents.ItemRow) -> ItemDocument:
    """An item as it is shown in lists, and by itself."""
    return {
        "id": item.id,
        "payload": item.payload,
        "priority": item.priority,
        "created_at": item.created_at,
        "ready_at": item.ready_at,
        "attempt": item.attempt,
        "error": item.error,
    }
