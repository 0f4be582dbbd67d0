"""Items of queues deleted by people, portion by portion: all other writers wait for each."""

from typing import Final, NamedTuple

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit
from jeeves_runner.db.queue_claims import settle_expired
from jeeves_runner.db.queue_deletion import delete_items
from jeeves_runner.db.queues import check_known
from jeeves_runner.db.transaction import Tx

PORTION: Final = 5_000
"""The most items that are deleted in one transaction."""


class Purgeable(NamedTuple):
    """What is in a queue before it is purged."""

    items: dict[str, int]
    """How many items can be deleted: by ``failed``, ``completed`` and ``pending``."""
    claimed: int
    """How many cannot, because they are being worked on."""
    newest: int
    """The number of the newest item of all queues."""


def purgeable(tx: Tx, queue_id: str) -> Purgeable:
    """What can be deleted of a queue now; leases that have ended are settled first. NotFound."""
    check_known(tx.conn, [queue_id])
    settle_expired(tx, queue_id)
    counts = dict(tx.conn.execute("SELECT status, items FROM queue_counts WHERE queue_id = ?", (queue_id,)))
    items = {kind: counts.get(kind, 0) for kind in FINDS}
    newest: int = tx.conn.execute("SELECT coalesce(max(id), 0) FROM queue_items").get
    return Purgeable(items, counts.get("claimed", 0), newest)


def purge(tx: Tx, queue_id: str, kind: str, *, newest: int, by: Actor) -> int:
    """Delete items of one ``kind`` up to the number ``newest``, PORTION of them at most. Returns how many;
    where there were any, the audit tells."""
    count = delete_items(tx, FINDS[kind], {"queue": queue_id, "newest": newest, "limit": PORTION})
    if count:
        audit.record(tx, actor=by, action="purge", target=f"queue {queue_id}", detail=f"{count} {kind}")
    return count


FINDS: Final = {
    kind: f"""
SELECT id FROM queue_items WHERE queue_id = :queue AND status = '{kind}' AND id <= :newest LIMIT :limit
"""
    for kind in ("failed", "completed", "pending")
}
"""By kind, what finds its items. Each has an index of its own."""
