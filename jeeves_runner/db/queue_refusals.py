"""Why a queue item is not answered: there is none, it is of another queue, or its claim has ended."""

from typing import Final

from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import LeaseLost, NotFound

LEASE_ENDED: Final = "the lease ended without an answer"


def check_queue(tx: Tx, item_id: int, queue_id: str | None) -> None:
    """NotFound if the item is known to be of another queue; None: of whichever it is."""
    if queue_id is None:
        return
    found: str | None = tx.conn.execute("SELECT queue_id FROM queue_items WHERE id = ?", (item_id,)).get
    if found not in (None, queue_id):
        raise NotFound(f"there is no item {item_id} in queue {queue_id}", hint=f"its queue is {found}")


def unknown_item(item_id: int) -> str:
    """What is said of a number that is no queue item, or no longer."""
    return f"there is no queue item {item_id}"


def lease_lost(tx: Tx, item_id: int) -> LeaseLost:
    """Why an item is not answered: its claim has ended, and how."""
    row = tx.conn.execute(
        "SELECT queue_id, status, lease_until <= ? FROM queue_items WHERE id = ?", (tx.at, item_id)
    ).fetchone()
    if row is None:
        return LeaseLost(unknown_item(item_id))
    queue_id, status, ended = row
    longer = "for long work claim with a longer lease, or extend the lease in time"
    if status == "claimed" and not ended:
        return LeaseLost(
            f"this is not the token of its claim: item {item_id} of queue {queue_id} has another",
            hint=f"correct the token, or leave the item to the claimant that has it now; {longer}",
        )
    if status == "claimed":
        state, hint = LEASE_ENDED, f"the next claim will find the item; {longer}"
    elif status == "pending":
        state, hint = "it is pending by now", f"it was given back, and the next claim will find it; {longer}"
    else:
        state, hint = f"it is {status} by now", "it has been answered or given up; leave it alone"
    return LeaseLost(
        f"item {item_id} of queue {queue_id} is no longer claimed with this token: {state}", hint=hint
    )
