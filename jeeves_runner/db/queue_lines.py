"""Items of a queue as a page shows them: what they are, which runs they passed, and the beginning of each
payload. A payload may be 64 MiB long, so more than a part of it is never read."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.queue_refusals import LEASE_ENDED

SHOWN: Final = 4_000
"""Characters of a payload, and of an error."""

READ: Final = 1 << 20
"""Bytes of the longest payload of which the beginning is read."""

_NEWEST: Final = 500
"""Dead letters whose errors are compared."""

_END: Final = 400
"""Characters of each of these."""

_LAST_ENDED: Final = "~"
"""Greater than any time."""

Place = tuple[str, int]
"""Of a dead letter among those of its queue: when it failed, and its number."""


class ItemLine(NamedTuple):
    """One item; times in the database's form."""

    id: int
    """Its number."""
    text: str | None
    """Its payload as JSON, or the beginning of it; None: it is too long to be looked at."""
    size: int
    """The bytes of its payload."""
    priority: int
    """Items with a higher number are claimed first."""
    attempt: int
    """Attempts made so far."""
    max_attempts: int
    """After so many it is a dead letter."""
    created_at: str
    """When it was added."""
    ready_at: str | None
    """Before this time it cannot be claimed; None: it was not delayed."""
    claimed_at: str | None
    """When it was claimed last."""
    lease_until: str | None
    """When its claim ends; None: it is not claimed."""
    ended_at: str | None
    """When it was completed or failed for good; None: neither."""
    error: str | None
    """Why its last attempt failed, or the end of that."""
    producer: int | None
    """The run that enqueued it; None: no run did."""
    producer_revision: int | None
    """That run's revision."""
    consumer: int | None
    """The run that claimed it last; None: no run did, or it is pending again."""
    consumer_revision: int | None
    """That run's revision."""


def lines(
    conn: apsw.Connection, now: datetime, ids: Sequence[int], *, shown: int = SHOWN, read: int = READ
) -> list[ItemLine]:
    """These items, in this order; one that is gone is left out.

    ``shown``: characters of a payload, and of an error. ``read``: bytes of the longest payload that is read.
    """
    terms = {
        "ids": json.dumps(ids),
        "at": to_text(now),
        "shown": shown,
        "read": read,
        "lease_ended": LEASE_ENDED,
    }
    found = {row[0]: ItemLine._make(row) for row in conn.execute(_LINES, terms)}
    return [found[each] for each in ids if each in found]


def claimed_ids(conn: apsw.Connection, now: datetime, queue_id: str, limit: int) -> list[int]:
    """The items whose claims hold, those first whose claims end first."""
    terms = {"queue": queue_id, "at": to_text(now), "limit": limit}
    return [item_id for (item_id,) in conn.execute(_CLAIMED, terms)]


def failed_places(
    conn: apsw.Connection, now: datetime, queue_id: str, limit: int, before: Place | None = None
) -> list[Place]:
    """The dead letters of a queue, newest first, ``before`` one of them."""
    ended, item_id = before or (_LAST_ENDED, 0)
    terms: dict[str, Any] = {"queue": queue_id, "at": to_text(now), "limit": limit}
    return [(at, found) for found, at in conn.execute(_FAILED, {**terms, "ended": ended, "before": item_id})]


def newest_errors(conn: apsw.Connection, queue_id: str) -> list[tuple[str, str]]:
    """The ends of the errors of the newest dead letters, and when these failed."""
    return list(conn.execute(_ERRORS, {"queue": queue_id, "most": _NEWEST, "end": _END}))


# The text of a payload is read only where that takes little; its length is known without that.
_LINES = """
SELECT id,
  CASE WHEN octet_length(payload) <= :read THEN substr(payload, 1, :shown) END, octet_length(payload),
  priority, attempt, max_attempts, created_at, ready_at, claimed_at, lease_until,
  CASE WHEN status = 'claimed' AND lease_until <= :at AND attempt >= max_attempts THEN lease_until
       ELSE completed_at END,
  CASE WHEN status = 'claimed' AND lease_until <= :at AND attempt >= max_attempts THEN :lease_ended
       ELSE substr(error, -:shown) END,
  producer_run, producer_revision, run_id, run_revision
FROM queue_items WHERE id IN (SELECT value FROM json_each(:ids))
"""

_CLAIMED = """
SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'claimed' AND lease_until > :at
ORDER BY lease_until, id LIMIT :limit
"""

_FAILED = """
SELECT id, ended FROM (
  SELECT * FROM (
    SELECT id, completed_at AS ended FROM queue_items
    WHERE queue_id = :queue AND status = 'failed' AND (completed_at, id) < (:ended, :before)
    ORDER BY completed_at DESC, id DESC LIMIT :limit)
  UNION ALL
  SELECT id, lease_until FROM queue_items
  WHERE queue_id = :queue AND status = 'claimed' AND lease_until <= :at AND attempt >= max_attempts
    AND (lease_until, id) < (:ended, :before))
ORDER BY ended DESC, id DESC LIMIT :limit
"""

_ERRORS = """
SELECT substr(coalesce(error, ''), -:end), completed_at FROM queue_items
WHERE queue_id = :queue AND status = 'failed' ORDER BY completed_at DESC LIMIT :most
"""
