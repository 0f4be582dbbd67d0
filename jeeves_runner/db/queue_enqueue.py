"""What comes into queues: new items, and dead letters that are tried again.

A queue with a deduplication key takes no second item with an equal key. Scripts import this module
on every run, so it uses no dataclasses, which would make that import slower.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import apsw

from jeeves_runner.core.durations import text_after
from jeeves_runner.core.values import canonical_json, check_queue_id, fields_of
from jeeves_runner.db.lineage import IS_TOLD, Effects
from jeeves_runner.db.queue_claims import settle_expired
from jeeves_runner.db.queue_refusals import unknown_item
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, DatabaseError, InvalidValue, NotFound


def enqueue(
    tx: Tx,
    queue_id: str,
    payloads: Sequence[str],
    *,
    priority: int = 0,
    delay_ms: int = 0,
    max_attempts: int | None = None,
    effects: Effects | None = None,
) -> list[int | None]:
    """Add payloads (JSON texts). Returns their ids in order, None for each duplicate. ``effects``: of the
    run that brings them, if one does.

    An undeclared queue is created with the defaults. Raises InvalidValue for an invalid queue id,
    a payload that does not meet the queue's schema and one without the queue's deduplication key, Conflict
    for a deleted queue.
    """
    terms = _terms(tx, queue_id, None if effects is None else effects.run_id)
    producer = None if effects is None else effects.writer(tx.conn)
    if terms.schema is not None:
        _check_payloads(queue_id, payloads, terms.schema)
    if terms.dedup is not None and terms.dedup.scope == "pending":
        settle_expired(tx, queue_id)
    row = {
        "queue": queue_id,
        "at": tx.at,
        "priority": priority,
        "ready": text_after(tx.now, delay_ms) if delay_ms else None,
        "delay": delay_ms or None,
        "attempts": terms.max_attempts if max_attempts is None else max_attempts,
        "run": producer and producer.run,
        "revision": producer and producer.revision,
        "depth": producer.depth if producer else 0,
    }
    ids = [_insert(tx, row, payload, terms.dedup) for payload in payloads]
    if effects is not None and not terms.are_telling:
        effects.add("enqueued", queue_id, len(ids) - ids.count(None))
    return ids


def retry(tx: Tx, item_id: int) -> str:
    """Make a dead letter pending again, with all its attempts. Returns the id of its queue.

    What follows is what a person has brought about: it goes over no run that was before.

    Raises NotFound, or Conflict if the item is not failed or an equal one waits already.
    """
    row = tx.conn.execute("SELECT queue_id FROM queue_items WHERE id = ?", (item_id,)).fetchone()
    if row is None:
        raise NotFound(unknown_item(item_id))
    queue_id: str = row[0]
    settle_expired(tx, queue_id)
    status, dedup_key = tx.conn.execute(
        "SELECT status, dedup_key FROM queue_items WHERE id = ?", (item_id,)
    ).fetchall()[0]
    if status != "failed":
        raise Conflict(f"item {item_id} of queue {queue_id} is {status}, not failed")
    twin = tx.conn.execute(_WAITING_TWIN, {"queue": queue_id, "key": dedup_key}).get
    if twin is not None:
        raise Conflict(f"item {twin} of queue {queue_id} has the same deduplication key and waits already")
    tx.conn.execute(
        "UPDATE queue_items SET status = 'pending', attempt = 0, depth = 0, ready_at = ?, delay_ms = 0,"
        " completed_at = NULL, claimed_at = NULL, run_id = NULL, run_revision = NULL WHERE id = ?",
        (tx.at, item_id),
    )
    return queue_id


class _Dedup(NamedTuple):
    """Which items of a queue count as the same."""

    key: str
    scope: str


class _Terms(NamedTuple):
    """What a queue says about new items."""

    max_attempts: int
    schema: str | None
    """The JSON Schema of its payloads, as JSON."""
    dedup: _Dedup | None
    are_telling: bool
    """Whether these items tell what the run does that brings them."""


def _terms(tx: Tx, queue_id: str, run_id: int | None) -> _Terms:
    row: tuple[Any, ...] | None
    asked = {"queue": queue_id, "run": run_id}
    row = tx.conn.execute(_TERMS, asked).fetchone()
    if row is None:
        _create_undeclared(tx, queue_id)
        row = tx.conn.execute(_TERMS, asked).fetchall()[0]
    max_attempts, schema, dedup_config, deleted_at, are_telling = row
    if deleted_at is not None:
        raise Conflict(
            f"queue {queue_id} was deleted: its manifest no longer declares it",
            hint="declare it again, or enqueue elsewhere; what is in it can still be claimed",
        )
    if dedup_config is None:
        return _Terms(max_attempts, schema, None, bool(are_telling))
    config = fields_of(dedup_config, str, ("key", "scope"), f"dedup_config of queue {queue_id}")
    return _Terms(max_attempts, schema, _Dedup(*config), bool(are_telling))


def _check_payloads(queue_id: str, payloads: Sequence[str], schema: str) -> None:
    # Scripts that use other queues do not wait for this import.
    from jeeves_runner.core.payload_schema import misfit

    for number, payload in enumerate(payloads):
        name = "payload" if len(payloads) == 1 else f"payloads[{number}]"
        try:
            wrong = misfit(schema, payload, name)
        except ValueError as error:
            raise DatabaseError(f"payload_schema of queue {queue_id} cannot be used: {error}") from error
        if wrong is not None:
            raise InvalidValue(
                f"queue {queue_id} takes no such payload: {wrong}",
                hint="the queue's `payload_schema` says what it takes",
            )


def _create_undeclared(tx: Tx, queue_id: str) -> None:
    check_queue_id(queue_id)
    # Needed once in the life of a queue; at the top, every script would wait for this import.
    from jeeves_runner.core.queue_spec import QueueSpec

    tx.conn.execute(_CREATE_UNDECLARED, {"at": tx.at, **QueueSpec(id=queue_id)._asdict()})


def _insert(tx: Tx, row: dict[str, Any], payload: str, dedup: _Dedup | None) -> int | None:
    key = None
    if dedup is not None:
        key = _dedup_key(tx.conn, row["queue"], payload, dedup.key)
        twins = _WAITING_TWIN if dedup.scope == "pending" else _ANY_TWIN
        if tx.conn.execute(twins, {"queue": row["queue"], "key": key}).get is not None:
            return None
    row["payload"], row["key"] = payload, key
    tx.conn.execute(_INSERT, row)
    return tx.conn.last_insert_rowid()


def _dedup_key(conn: apsw.Connection, queue_id: str, payload: str, path: str) -> str:
    """The value at ``path`` as canonical JSON: 1 equals 1.0 but not "1", and key order does not matter."""
    try:
        key: str | None = conn.execute("SELECT ? -> ?", (payload, path)).get
    except apsw.SQLError as error:
        raise InvalidValue(
            f"queue {queue_id} cannot look for its deduplication key {path} in the payload: {error}"
        ) from error
    if key is None or key == "null":
        raise InvalidValue(
            f"the payload has no {path}, by which queue {queue_id} recognises duplicates",
            hint="add it, or change `dedup` in the queue's manifest",
        )
    return canonical_json(key)


_TERMS = f"""
SELECT max_attempts, spec ->> '$.payload_schema', dedup_config, deleted_at, {IS_TOLD}
FROM queues WHERE id = :queue
"""

_INSERT = """
INSERT INTO queue_items (queue_id, payload, status, created_at, priority, dedup_key, max_attempts, ready_at,
                         delay_ms, producer_run, producer_revision, depth)
VALUES (:queue, :payload, 'pending', :at, :priority, :key, :attempts, :ready, :delay, :run, :revision, :depth)
"""

_WAITING_TWIN = """
SELECT id FROM queue_items
WHERE queue_id = :queue AND dedup_key = :key AND status IN ('pending', 'claimed') LIMIT 1
"""

_ANY_TWIN = "SELECT id FROM queue_items WHERE queue_id = :queue AND dedup_key = :key LIMIT 1"

_CREATE_UNDECLARED = """
INSERT INTO queues (id, declared, max_attempts, lease_ms, retention, backoff, created_at, updated_at)
VALUES (:id, 0, :max_attempts, :lease_ms,
  json_object('completed_ms', :retention_completed_ms, 'failed_ms', :retention_failed_ms),
  json_object('delay_ms', :backoff_delay_ms, 'factor', :backoff_factor,
              'max_delay_ms', :backoff_max_delay_ms),
  :at, :at)
"""
