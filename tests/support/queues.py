"""Steps of queue tests, each in a transaction of its own; the queue is ``mail`` unless another is named."""

import json
from typing import Any

from support.ledger import Store

from jeeves_runner.db import queue_claims, queue_enqueue
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.queue_claims import Item


def push(store: Store, *payloads: object, queue_id: str = "mail", **options: Any) -> list[int | None]:
    with store.tx() as tx:
        return queue_enqueue.enqueue(tx, queue_id, [json.dumps(payload) for payload in payloads], **options)


def claim(store: Store, count: int = 1, *, run_id: int | None = None, **options: int) -> list[Item]:
    with store.tx() as tx:
        return queue_claims.claim(tx, "mail", count=count, effects=_of(run_id), **options)


def complete(store: Store, item: Item) -> None:
    """As the run that claimed it, if one has."""
    run = column(store, "run_id", item.id)
    with store.tx() as tx:
        effects = _of(run)
        queue_claims.complete(tx, item.id, item.lease_token, effects)
        if effects is not None:
            effects.write(tx)


def _of(run: object) -> Effects | None:
    return Effects(run) if isinstance(run, int) else None


def fail(store: Store, item: Item, **options: Any) -> str:
    with store.tx() as tx:
        return queue_claims.fail(tx, item.id, item.lease_token, "broken", **options)


def column(store: Store, name: str, item_id: int) -> object:
    return store.conn.execute(f"SELECT {name} FROM queue_items WHERE id = ?", (item_id,)).get
