"""Operations of state and queues, carried out: the one place for scripts, commands and requests.

What a run does is counted in its ``Effects``, and names the run. Scripts import this module on every run.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import apsw

from jeeves_runner.core.operations import (
    Claim,
    Complete,
    CountItems,
    DeleteItem,
    DeleteState,
    Enqueue,
    Extend,
    Fail,
    Gathered,
    GetItem,
    GetState,
    ListItemKeys,
    PruneItems,
    Read,
    SetItem,
    SetState,
    Write,
)
from jeeves_runner.db import queue_claims, queue_enqueue, state
from jeeves_runner.db.lineage import Act, Effects
from jeeves_runner.db.lineage import Writer as RunThatWrites
from jeeves_runner.db.queue_claims import Item
from jeeves_runner.db.queue_refusals import check_queue
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict


def perform(tx: Tx, op: Write, effects: Effects | None = None) -> Any:
    """Do it. ``effects``: of the run that does it, if one does.

    Returns, of SetState, whether the value was stored; of DeleteState and DeleteItem, whether there was
    something; of PruneItems, how many went; of Enqueue, the ids, None for each duplicate; of Claim, the
    items; of Fail, the item's new status; of all others None. Raises what the functions of the tables raise.
    """
    return _WRITES[type(op)](tx, op, effects)


def perform_all(tx: Tx, ops: Sequence[Gathered], effects: Effects | None = None) -> list[Any]:
    """Do them as parts of one transaction; what each returns. Conflict where a value is not the expected
    one."""
    return [_insisting(tx, op, effects) for op in ops]


def look(conn: apsw.Connection, now: datetime, op: Read) -> Any:
    """What is found: of GetState and GetItem the value, or ``Expect.MISSING``; of the others a number or a
    list."""
    return _READS[type(op)](conn, now, op)


def is_durable(op: Write) -> bool:
    """Whether it must survive a power loss. Claims need only survive the program that made them."""
    return type(op) is not Claim and type(op) is not Extend


def is_announced(op: Write) -> bool:
    """Whether the server is to hear of it at once."""
    return type(op) is Enqueue


def _insisting(tx: Tx, op: Gathered, effects: Effects | None) -> Any:
    done = perform(tx, op, effects)
    if type(op) is SetState and not done:
        raise Conflict(
            f"state {op.namespace}/{op.key} does not hold the expected value",
            hint="nothing of this was done; read it again, and decide anew",
        )
    return done


def _writer(tx: Tx, effects: Effects | None) -> RunThatWrites | None:
    """The run that does it, which its writes name."""
    return None if effects is None else effects.writer(tx.conn)


def _did(effects: Effects | None, act: Act, target: str, count: int) -> None:
    if effects is not None:
        effects.add(act, target, count)


def _set_state(tx: Tx, op: SetState, effects: Effects | None) -> bool:
    writer = _writer(tx, effects)
    stored = state.set_value(
        tx, op.namespace, op.key, op.value, ttl_ms=op.ttl_ms, expect=op.expect, writer=writer
    )
    _did(effects, "wrote", op.namespace, stored)
    return stored


def _delete_state(tx: Tx, op: DeleteState, effects: Effects | None) -> bool:
    existed = state.delete_key(tx, op.namespace, op.key)
    _did(effects, "wrote", op.namespace, existed)
    return existed


def _set_item(tx: Tx, op: SetItem, effects: Effects | None) -> None:
    writer = _writer(tx, effects)
    state.set_item(tx, op.namespace, op.key, op.item_key, op.value, ttl_ms=op.ttl_ms, writer=writer)
    _did(effects, "wrote", op.namespace, 1)


def _delete_item(tx: Tx, op: DeleteItem, effects: Effects | None) -> bool:
    existed = state.delete_item(tx, op.namespace, op.key, op.item_key)
    _did(effects, "wrote", op.namespace, existed)
    return existed


def _prune_items(tx: Tx, op: PruneItems, effects: Effects | None) -> int:
    pruned = state.prune_items(tx, op.namespace, op.key, op.keep)
    _did(effects, "wrote", op.namespace, pruned)
    return pruned


def _enqueue(tx: Tx, op: Enqueue, effects: Effects | None) -> list[int | None]:
    return queue_enqueue.enqueue(
        tx,
        op.queue,
        op.payloads,
        priority=op.priority,
        delay_ms=op.delay_ms,
        max_attempts=op.max_attempts,
        effects=effects,
    )


def _claim(tx: Tx, op: Claim, effects: Effects | None) -> list[Item]:
    return queue_claims.claim(tx, op.queue, count=op.most, lease_ms=op.lease_ms, effects=effects)


def _complete(tx: Tx, op: Complete, effects: Effects | None) -> None:
    check_queue(tx, op.item_id, op.queue)
    queue_claims.complete(tx, op.item_id, op.lease_token, effects)


def _fail(tx: Tx, op: Fail, effects: Effects | None) -> str:
    check_queue(tx, op.item_id, op.queue)
    return queue_claims.fail(
        tx, op.item_id, op.lease_token, op.error, retry_in_ms=op.retry_in_ms, effects=effects
    )


def _extend(tx: Tx, op: Extend, _effects: Effects | None) -> None:
    check_queue(tx, op.item_id, op.queue)
    queue_claims.extend(tx, op.item_id, op.lease_token, op.lease_ms)


def _get_state(conn: apsw.Connection, now: datetime, op: GetState) -> Any:
    return state.get_value(conn, now, op.namespace, op.key)


def _get_item(conn: apsw.Connection, now: datetime, op: GetItem) -> Any:
    return state.get_item(conn, now, op.namespace, op.key, op.item_key)


def _count_items(conn: apsw.Connection, now: datetime, op: CountItems) -> int:
    return state.count_items(conn, now, op.namespace, op.key)


def _list_item_keys(conn: apsw.Connection, now: datetime, op: ListItemKeys) -> list[str]:
    return state.item_keys(conn, now, op.namespace, op.key, limit=op.limit, newest_first=op.newest_first)


_WRITES: Final[dict[type, Callable[[Tx, Any, Effects | None], Any]]] = {
    SetState: _set_state,
    DeleteState: _delete_state,
    SetItem: _set_item,
    DeleteItem: _delete_item,
    PruneItems: _prune_items,
    Enqueue: _enqueue,
    Claim: _claim,
    Complete: _complete,
    Fail: _fail,
    Extend: _extend,
}
_READS: Final[dict[type, Callable[[apsw.Connection, datetime, Any], Any]]] = {
    GetState: _get_state,
    GetItem: _get_item,
    CountItems: _count_items,
    ListItemKeys: _list_item_keys,
}
