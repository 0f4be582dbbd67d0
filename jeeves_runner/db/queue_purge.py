"""Items of queues deleted by people: one, or portion by portion, for all other writers wait for each."""

from typing import Final, NamedTuple

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit
from jeeves_runner.db.queue_claims import settle_expired
from jeeves_runner.db.queue_deletion import delete_items
from jeeves_runner.db.queue_refusals import unknown_item
from jeeves_runner.db.queues import check_known, item_of_another
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, NotFound

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


def delete(tx: Tx, item_id: int, queue_id: str | None = None, *, by: Actor) -> str:
    """Delete one item for good. Returns what it was: ``failed``, ``completed`` or ``pending``.

    ``queue_id``: the queue in which it has to be. NotFound; Conflict while it is claimed.
    """
    if queue_id is not None:
        check_known(tx.conn, [queue_id])
    found: str | None = tx.conn.execute("SELECT queue_id FROM queue_items WHERE id = ?", (item_id,)).get
    if found is None:
        raise NotFound(unknown_item(item_id))
    if queue_id not in (None, found):
        raise item_of_another(item_id, queue_id, found)
    settle_expired(tx, found)
    status: str = tx.conn.execute("SELECT status FROM queue_items WHERE id = ?", (item_id,)).get
    if status not in FINDS:
        raise Conflict(
            f"item {item_id} of queue {found} is {status}: it is being worked on",
            hint="delete it once it is answered, or once its lease has ended",
        )
    delete_items(tx, _THIS, {"item": item_id})
    audit.record(tx, actor=by, action="delete", target=f"queue {found}", detail=f"item {item_id}, {status}")
    return status


_THIS: Final = "SELECT :item"

FINDS: Final = {
    kind: f"""
SELECT id FROM queue_items WHERE queue_id = :queue AND status = '{kind}' AND id <= :newest LIMIT :limit
"""
    for kind in ("failed", "completed", "pending")
}
"""By kind, what finds its items. Each has an index of its own."""
