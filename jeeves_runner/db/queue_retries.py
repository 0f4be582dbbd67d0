"""Dead letters that people have tried again: those that they name, or all of a queue."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit
from jeeves_runner.db.queue_claims import settle_expired
from jeeves_runner.db.queue_enqueue import retry
from jeeves_runner.db.queues import check_known, item_of_another
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict

PORTION: Final = 500
"""The most items that are tried again in one transaction: all other writers wait for it."""


class Place(NamedTuple):
    """A dead letter in the order in which they became so."""

    failed_at: str
    """When it failed for the last time, in the database's form."""
    id: int
    """Its number."""


FIRST: Final = Place("", 0)
"""Before all of them."""


class Retried(NamedTuple):
    """What became of a portion of them."""

    done: int
    """How many are pending again."""
    left: int
    """How many stay, because an equal item waits already."""
    last: Place | None
    """The last of them; None: there were no more."""


def retry_named(tx: Tx, queue_id: str, item_ids: Sequence[int], *, by: Actor) -> int:
    """Have these items tried again, all or none. Returns how many they are.

    NotFound, also for an item of another queue; Conflict for one that is not failed, or where an equal one
    waits already.
    """
    check_known(tx.conn, [queue_id])
    for item_id in item_ids:
        found = retry(tx, item_id)
        if found != queue_id:
            raise item_of_another(item_id, queue_id, found)
        _record(tx, queue_id, f"item {item_id}", by)
    return len(item_ids)


def begin_all(tx: Tx, queue_id: str) -> str:
    """The latest failure that is tried again: now, once leases that have ended are settled. NotFound."""
    check_known(tx.conn, [queue_id])
    settle_expired(tx, queue_id)
    return tx.at


def retry_all(tx: Tx, queue_id: str, after: Place, until: str, *, by: Actor) -> Retried:
    """Have the next PORTION of a queue tried again, of those that failed by ``until``. NotFound."""
    check_known(tx.conn, [queue_id])
    rows = tx.conn.execute(_FAILED, (queue_id, after.failed_at, after.failed_at, after.id, until, PORTION))
    places = [Place._make(row) for row in rows]
    left = 0
    for place in places:
        try:
            retry(tx, place.id)
        except Conflict:  # it has changed nothing
            left += 1
    count = len(places) - left
    if count:
        _record(tx, queue_id, f"{count} items", by)
    return Retried(count, left, places[-1] if places else None)


def _record(tx: Tx, queue_id: str, detail: str, by: Actor) -> None:
    audit.record(tx, actor=by, action="retry", target=f"queue {queue_id}", detail=detail)


_FAILED: Final = """
SELECT completed_at, id FROM queue_items
WHERE queue_id = ? AND status = 'failed' AND completed_at >= ?
  AND (completed_at > ? OR id > ?) AND completed_at <= ?
ORDER BY completed_at, id LIMIT ?
"""
