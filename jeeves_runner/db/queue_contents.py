"""What is in queues, as people see it: how many items, the next ones, and the dead letters.

A claim whose lease has ended counts as given back, or as failed if it was the last attempt: every
read here says so at once, whether or not the row has been settled yet.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.values import parse_json
from jeeves_runner.db.pages import Page, page
from jeeves_runner.db.queue_refusals import LEASE_ENDED
from jeeves_runner.db.unreadable import time_or_none


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How full a queue is."""

    depth: int
    """Items that wait to be claimed, delayed ones included."""
    claimed: int
    """Items whose claim has not ended."""
    failed: int
    """Dead letters."""
    oldest_age_ms: int | None
    """How long ago the oldest waiting item was added; None if none waits."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as people see it; times in the database's form."""

    id: int
    payload: Any
    """Any JSON value; the text itself where another program stored something that is not JSON."""
    priority: int
    """Items with a higher number are claimed first."""
    attempt: int
    """Attempts made so far."""
    created_at: str
    ready_at: str | None
    """Before this time it cannot be claimed; None: it was not delayed."""
    error: str | None
    """Why its last attempt failed."""


def queue_counts(conn: apsw.Connection, now: datetime, queue_id: str | None = None) -> dict[str, QueueCounts]:
    """The counts of each queue by id, or of one (no entry if there is no such queue)."""
    rows = conn.execute(_COUNTS, {"at": to_text(now), "queue": queue_id})
    return {
        name: QueueCounts(
            (pending or 0) + returned,
            (claimed or 0) - returned - exhausted,
            (failed or 0) + exhausted,
            _age_ms(oldest, now, name),
        )
        for name, pending, returned, claimed, exhausted, failed, oldest in rows
    }


def queue_marks(conn: apsw.Connection) -> dict[str, tuple[object, ...]]:
    """What of each queue differs once its counts, or its pause, have changed. It costs little."""
    marks: dict[str, tuple[object, ...]] = {
        row[0]: row
        for row in conn.execute("SELECT id, paused_at, paused_until, deleted_at, declared FROM queues")
    }
    counts = conn.execute(
        "SELECT queue_id, status, items FROM queue_counts WHERE status <> 'completed'"
        " ORDER BY queue_id, status"
    )
    for queue_id, *count in counts:
        marks[queue_id] = (*marks.get(queue_id, ()), *count)
    return marks


def peek(
    conn: apsw.Connection, now: datetime, queue_id: str, limit: int, room: int | None = None
) -> Page[ItemRow]:
    """The next items, in the order in which they will be claimed; delayed ones are among them.

    ``room``: for the texts of their payloads.
    """
    return _item_rows(conn, _PENDING, now, queue_id, limit, room)


def waiting_ids(conn: apsw.Connection, now: datetime, queue_id: str, limit: int) -> list[int]:
    """The numbers of the same. No payload is read."""
    terms = {"at": to_text(now), "queue": queue_id, "limit": limit}
    return [item_id for (item_id,) in conn.execute(_PENDING_IDS, terms)]


def failed_items(
    conn: apsw.Connection, now: datetime, queue_id: str, limit: int, room: int | None = None
) -> Page[ItemRow]:
    """The dead letters of a queue, newest first."""
    return _item_rows(conn, _FAILED, now, queue_id, limit, room)


def item_row(conn: apsw.Connection, now: datetime, item_id: int) -> ItemRow | None:
    """An item by its number."""
    terms = {"id": item_id, "at": to_text(now), "lease_ended": LEASE_ENDED}
    row = conn.execute(_ITEM, terms).fetchone()
    return None if row is None else ItemRow(row[0], _shown(row[1]), *row[2:])


def _item_rows(
    conn: apsw.Connection, statement: str, now: datetime, queue_id: str, limit: int, room: int | None
) -> Page[ItemRow]:
    terms = {"at": to_text(now), "queue": queue_id, "limit": limit + 1, "lease_ended": LEASE_ENDED}
    with closing(conn.execute(statement, terms)) as rows:
        found = page(rows, lambda row: len(row[1]) + len(row[6] or ""), limit=limit, room=room)
    return Page([ItemRow(row[0], _shown(row[1]), *row[2:]) for row in found.rows], found.more)


def _shown(payload: str) -> Any:
    """The value of a payload; its text where another program stored something that is not JSON."""
    try:
        return parse_json(payload)
    except ValueError:
        return payload


def _age_ms(created_at: str | None, now: datetime, queue_id: str) -> int | None:
    if created_at is None:
        return None
    created = time_or_none(created_at, f"an item of queue {queue_id}", "created_at")
    return None if created is None else max(0, round((now - created).total_seconds() * 1000))


# Of what was counted when it was written, leases that have ended make another status until they are settled.
# Ids rise with time, so the smallest id is the oldest item, found without sorting.
_COUNTS = """
SELECT id,
  (SELECT items FROM queue_counts WHERE queue_id = queues.id AND status = 'pending'),
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed'
     AND lease_until <= :at AND attempt < max_attempts),
  (SELECT items FROM queue_counts WHERE queue_id = queues.id AND status = 'claimed'),
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed'
     AND lease_until <= :at AND attempt >= max_attempts),
  (SELECT items FROM queue_counts WHERE queue_id = queues.id AND status = 'failed'),
  (SELECT created_at FROM queue_items WHERE id = (
     SELECT min(id) FROM (
       SELECT min(id) AS id FROM queue_items WHERE queue_id = queues.id AND status = 'pending'
       UNION ALL
       SELECT min(id) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed'
         AND lease_until <= :at AND attempt < max_attempts)))
FROM queues WHERE id >= coalesce(:queue, '') AND (:queue IS NULL OR id <= :queue) ORDER BY id
"""


# Limited parts, so that a look at ten items does not sort a million.
def _in_turn(told: str, columns: str) -> str:
    """The items that wait, in the order of claims: of each what is ``told`` of the ``columns``."""
    waiting = f"SELECT {columns} FROM queue_items WHERE queue_id = :queue AND status = 'pending'"
    return f"""
SELECT {told} FROM (
  SELECT * FROM ({waiting} AND ready_at IS NULL ORDER BY priority DESC, id LIMIT :limit)
  UNION ALL
  SELECT * FROM ({waiting} AND ready_at IS NOT NULL ORDER BY priority DESC, ready_at, id LIMIT :limit)
  UNION ALL
  SELECT {columns} FROM queue_items
  WHERE queue_id = :queue AND status = 'claimed' AND lease_until <= :at AND attempt < max_attempts)
ORDER BY priority DESC, coalesce(ready_at, min(created_at, :at)), id LIMIT :limit
"""


_COLUMNS = "id, payload, priority, attempt, created_at, ready_at, error"
_PENDING = _in_turn(_COLUMNS, _COLUMNS)
_PENDING_IDS = _in_turn("id", "id, priority, created_at, ready_at")

_FAILED = """
SELECT id, payload, priority, attempt, created_at, ready_at, error FROM (
  SELECT * FROM (
    SELECT id, payload, priority, attempt, created_at, ready_at, error, completed_at AS ended FROM queue_items
    WHERE queue_id = :queue AND status = 'failed' ORDER BY completed_at DESC, id DESC LIMIT :limit)
  UNION ALL
  SELECT id, payload, priority, attempt, created_at, ready_at, :lease_ended, lease_until
  FROM queue_items
  WHERE queue_id = :queue AND status = 'claimed' AND lease_until <= :at AND attempt >= max_attempts)
ORDER BY ended DESC, id DESC LIMIT :limit
"""

_ITEM = """
SELECT id, payload, priority, attempt, created_at, ready_at,
  CASE WHEN status = 'claimed' AND lease_until <= :at AND attempt >= max_attempts THEN :lease_ended
       ELSE error END
FROM queue_items WHERE id = :id
"""
