"""Frees the space of expired state, which readers do not see any more."""

from datetime import datetime

from jeeves_runner.clock import to_text
from jeeves_runner.db.transaction import Tx


def prune_state(tx: Tx, limit: int, *, before: datetime) -> int:
    """Delete up to ``limit`` rows that had expired by then. Returns how many; fewer than ``limit`` means all
    are gone."""
    at = to_text(before)
    bounds = {"at": at, "limit": limit}
    tx.conn.execute(
        """
        DELETE FROM state_items WHERE (namespace, key, item_key) IN (
          SELECT namespace, key, item_key FROM state_items
          WHERE expires_at IS NOT NULL AND expires_at <= :at LIMIT :limit)
        """,
        bounds,
    )
    freed = tx.conn.changes()
    tx.conn.execute(
        """
        DELETE FROM state_items WHERE (namespace, key, item_key) IN (
          SELECT item.namespace, item.key, item.item_key
          FROM state AS owner JOIN state_items AS item USING (namespace, key)
          WHERE owner.expires_at IS NOT NULL AND owner.expires_at <= :at LIMIT :limit)
        """,
        {"at": at, "limit": limit - freed},
    )
    freed += tx.conn.changes()
    # A key whose items did not all fit into the limit must stay: its expiry is what hides them.
    tx.conn.execute(
        """
        DELETE FROM state WHERE (namespace, key) IN (
          SELECT namespace, key FROM state AS owner
          WHERE expires_at IS NOT NULL AND expires_at <= :at
            AND NOT EXISTS (SELECT 1 FROM state_items AS item
                            WHERE item.namespace = owner.namespace AND item.key = owner.key)
          LIMIT :limit)
        """,
        {"at": at, "limit": limit - freed},
    )
    return freed + tx.conn.changes()
