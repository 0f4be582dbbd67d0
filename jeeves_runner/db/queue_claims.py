"""Claims of queue items: taken under a lease, and answered once.

An item is ``pending``, ``claimed``, ``completed`` or ``failed``. A claim ends with its lease;
``settle_expired`` writes that into the rows before anything is decided on them. Scripts import
this module on every run, so it uses no dataclasses, which would make that import slower.
"""

import math
from typing import Any, Final, Literal, NamedTuple

import apsw

from jeeves_runner.core.durations import text_after
from jeeves_runner.core.values import check_queue_id, check_whole, fields_of, parse_json, why_no_json
from jeeves_runner.db.lineage import IS_TOLD, Effects, counting_claims, disown
from jeeves_runner.db.queue_pauses import IS_PAUSED
from jeeves_runner.db.queue_refusals import LEASE_ENDED, lease_lost
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.waits import DELAYS, LEASES, longest_is_ahead, shorten

LEASE_INTERVAL: Final = 5.0
"""Seconds between two extensions of the leases that running runs hold."""

_RUN_LEASE_MS: Final = round(3 * LEASE_INTERVAL * 1000)
"""The shortest lease of a run's claim: three intervals, so an extension may come late."""

MAX_CLAIM: Final = 1000
"""The most items in one claim: all other writers wait for its transaction."""


class Item(NamedTuple):
    """A claimed item."""

    id: int
    payload: Any
    """Any JSON value."""
    attempt: int
    """Which attempt at the item this claim is, from 1."""
    lease_token: str
    """Random; proves the claim in every answer."""


def claim(
    tx: Tx,
    queue_id: str,
    *,
    count: int = 1,
    lease_ms: int | None = None,
    effects: Effects | None = None,
) -> list[Item]:
    """Claim up to ``count`` ready items until their lease ends, by priority, ready time and id.

    An item that was not delayed is ready from when it was added, whatever the clock said then. Where a clock
    that has been put right since dated leases and delays too far ahead, those of this queue are shortened
    before it is said that fewer are ready.

    Nothing is ready in a queue that is paused. An item in its last attempt comes alone: a claimant that dies
    counts an attempt of all that it held, and none is to be given up for what another item did.

    The claims of a run, to which ``effects`` belong, last 15 s at least, so that the runner can extend them
    while the run works; it gives them back when the run ends. An item whose payload is not JSON (another
    program wrote it) becomes a dead letter, because no claimant could read it. InvalidValue for a ``count``
    over MAX_CLAIM, and for an id that no queue can have.
    """
    check_whole(count, "count", 1, MAX_CLAIM)
    run_id = None if effects is None else effects.run_id
    queue = tx.conn.execute(_LEASE, {"queue": queue_id, "at": tx.at, "run": run_id}).fetchone()
    if queue is None:
        check_queue_id(queue_id)  # what is misspelt would be waited for in vain
        return []
    if queue[1]:
        return []
    if lease_ms is None:
        lease_ms = int(queue[0])
    settle_expired(tx, queue_id)
    if run_id is not None:
        lease_ms = run_lease_ms(lease_ms)
    terms = {
        "at": tx.at,
        "until": text_after(tx.now, lease_ms),
        "lease": lease_ms,
        "run": run_id,
        "revision": None if effects is None else effects.writer(tx.conn).revision,
    }
    batch = _Batch(tx, count, terms)
    _claim_ready(tx, queue_id, batch)
    if batch.room and _shorten_waits(tx, queue_id):
        settle_expired(tx, queue_id)
        _claim_ready(tx, queue_id, batch)
    if effects is not None:
        effects.claimed(queue_id, [item.id for item in batch.items], are_telling=bool(queue[2]))
    return batch.items


class _Batch:
    """The items of one claim: ``count`` of them at most, or one alone that is in its last attempt."""

    def __init__(self, tx: Tx, count: int, terms: dict[str, Any]) -> None:
        self._tx = tx
        self._terms = terms
        self.items: list[Item] = []
        self.room = count
        """How many more there may be."""

    def take(self, found: apsw.Cursor) -> bool:
        """Claim those of a search for ``room`` items that fit. Whether another search may find more.

        ``found``: rows of ``_TAKEN``. They are read before the first is written, which would move it within
        the index that is searched; and only as far as they fit, for payloads may be long.
        """
        asked = self.room
        rows: list[tuple[int, str, int, str]] = []
        is_cut = False
        for item_id, payload, attempt, max_attempts, lease_token in found:
            is_cut = attempt >= max_attempts
            if not (is_cut and (rows or self.items)):
                rows.append((item_id, payload, attempt, lease_token))
            if is_cut:
                break
        found.close()
        for row in rows:
            self._claim(*row)
        if is_cut and self.items:
            self.room = 0
        return is_cut or len(rows) == asked

    def _claim(self, item_id: int, payload: str, attempt: int, lease_token: str) -> None:
        tx = self._tx
        tx.conn.execute(_CLAIM, {**self._terms, "id": item_id, "attempt": attempt, "token": lease_token})
        try:
            self.items.append(Item(item_id, parse_json(payload), attempt, lease_token))
        except ValueError as error:
            fault = f"the payload is not JSON: {why_no_json(error)}"
            tx.conn.execute(_BURY, {"id": item_id, "at": tx.at, "error": fault})
        else:
            self.room -= 1


def _claim_ready(tx: Tx, queue_id: str, batch: _Batch) -> None:
    if tx.conn.execute(_SOME_DELAYED, {"queue": queue_id, "at": tx.at}).get:
        _claim_by_level(tx, queue_id, batch)
        return
    while batch.room and batch.take(tx.conn.execute(_ADDED, {"queue": queue_id, "wanted": batch.room})):
        pass


def _claim_by_level(tx: Tx, queue_id: str, batch: _Batch) -> None:
    """Where some that were delayed are ready, and have their turn between the others of their priority."""
    below: float = math.inf
    while batch.room:
        # One priority at a time, so that both statements are index searches even when a million
        # items of a higher priority are not ready yet.
        level: int | None = tx.conn.execute(_NEXT_PRIORITY, {"queue": queue_id, "below": below}).get
        if level is None:
            break
        bounds = {"queue": queue_id, "level": level, "at": tx.at, "wanted": batch.room}
        if not batch.take(tx.conn.execute(_OF_LEVEL, bounds)):
            below = level


def _shorten_waits(tx: Tx, queue_id: str) -> bool:
    """Whether leases or delays of the queue lay further ahead than they last, and are shorter now.

    One look by index at the one that ends last tells whether there are any: a queue's waits are mostly of
    one length.
    """
    if not tx.conn.execute(_WAITS_TOO_LONG, {"at": tx.at, "queue": queue_id}).get:
        return False
    return shorten(tx, LEASES, queue_id) + shorten(tx, DELAYS, queue_id) > 0


def complete(tx: Tx, item_id: int, lease_token: str, effects: Effects | None = None) -> None:
    """Answer a claim: done. ``effects``: of the run that answers, if one does. LeaseLost if the claim has
    ended."""
    run_id = None if effects is None else effects.run_id
    answer = {"id": item_id, "token": lease_token, "at": tx.at, "run": run_id}
    tx.conn.execute(_COMPLETE_OWN, answer)
    if tx.conn.changes():
        if effects is not None:
            effects.completed(tx.conn, item_id)
        return
    row = tx.conn.execute(_COMPLETE, answer).fetchone()
    if row is None:
        raise lease_lost(tx, item_id)
    queue_id, claimant = row
    if claimant is not None:
        disown(tx, queue_id, claimant)
    if effects is not None:
        effects.add("completed", queue_id)


def fail(
    tx: Tx,
    item_id: int,
    lease_token: str,
    error: str,
    *,
    retry_in_ms: int | None = None,
    effects: Effects | None = None,
) -> Literal["pending", "failed"]:
    """Answer a claim: not done. ``effects``: as of ``complete``. Returns the item's new status.

    It is pending again after ``retry_in_ms`` or the queue's backoff, and failed (a dead letter)
    after its last attempt. LeaseLost if the claim has ended.
    """
    row = tx.conn.execute(
        """
        SELECT attempt, item.max_attempts, queue_id, backoff FROM queue_items AS item
        JOIN queues ON queues.id = queue_id
        WHERE item.id = ? AND lease_token = ? AND lease_until > ?
        """,
        (item_id, lease_token, tx.at),
    ).fetchone()
    if row is None:
        raise lease_lost(tx, item_id)
    attempt, max_attempts, queue_id, backoff = row
    tx.conn.execute(_COUNT_CLAIM, {"id": item_id})
    if effects is not None:
        effects.add("failed", queue_id)
    if attempt >= max_attempts:
        tx.conn.execute(_BURY, {"id": item_id, "at": tx.at, "error": error})
        return "failed"
    wait_ms = retry_in_ms
    if wait_ms is None:
        where = f"backoff of queue {queue_id}"
        [factor] = fields_of(backoff, float, ("factor",), where)
        delay_ms, max_delay_ms = fields_of(backoff, int, ("delay_ms", "max_delay_ms"), where)
        wait_ms = backoff_ms(delay_ms, factor, max_delay_ms, attempt)
    tx.conn.execute(
        """
        UPDATE queue_items
        SET status = 'pending', ready_at = :ready, delay_ms = :delay, error = :error,
            claimed_at = NULL, run_id = NULL, run_revision = NULL, lease_token = NULL, lease_until = NULL,
            lease_ms = NULL
        WHERE id = :id
        """,
        {"id": item_id, "ready": text_after(tx.now, wait_ms), "delay": wait_ms, "error": error},
    )
    return "pending"


def extend(tx: Tx, item_id: int, lease_token: str, lease_ms: int) -> None:
    """Let a claim end ``lease_ms`` from now (a run's after 15 s at least). LeaseLost if it has ended."""
    tx.conn.execute(
        _EXTEND,
        {
            "own": lease_ms,
            "own_until": text_after(tx.now, lease_ms),
            "run": run_lease_ms(lease_ms),
            "run_until": text_after(tx.now, run_lease_ms(lease_ms)),
            "id": item_id,
            "token": lease_token,
            "at": tx.at,
        },
    )
    if not tx.conn.changes():
        raise lease_lost(tx, item_id)


def settle_expired(tx: Tx, queue_id: str | None = None) -> None:
    """Take back the claims whose lease has ended, of one queue or of all.

    Their items are pending again, in their old place; after the last attempt they are failed.
    """
    bounds = {"at": tx.at, "queue": queue_id}
    # Each claim asks for this, and there is seldom one: to begin the UPDATE costs three times the look.
    if queue_id is None or tx.conn.execute(_SOME_ENDED, bounds).get:
        tx.conn.execute(_COUNT_ALL if queue_id is None else _COUNT_ONE, bounds)
        tx.conn.execute(_SETTLE_ALL if queue_id is None else _SETTLE_ONE, {**bounds, "error": LEASE_ENDED})
        if ended := tx.conn.changes():
            tx.conn.execute(_COUNT_ENDED, (ended,))


def ended_leases(conn: apsw.Connection) -> int:
    """How many claims have ended with their lease since the database was made, as far as it was noticed."""
    count: int | None = conn.execute("SELECT value FROM sequences WHERE name = 'ended_leases'").get
    return count or 0


def run_lease_ms(lease_ms: int) -> int:
    """The lease of a run's claim that asked for ``lease_ms``: that, but 15 s at least."""
    return max(lease_ms, _RUN_LEASE_MS)


def backoff_ms(delay_ms: int, factor: float, max_delay_ms: int, attempt: int) -> int:
    """The wait after failed attempt ``attempt``: ``delay * factor ** (attempt - 1)``, capped."""
    if delay_ms == 0:
        return 0  # whatever the power is: it overflows after enough attempts
    try:
        wait = delay_ms * factor ** (attempt - 1)
    except OverflowError:
        return max_delay_ms
    return int(min(wait, max_delay_ms))


GIVE_BACK: Final = """
UPDATE queue_items SET
  status = CASE WHEN attempt < max_attempts THEN 'pending' ELSE 'failed' END,
  claimed_at = CASE WHEN attempt < max_attempts THEN NULL ELSE claimed_at END,
  completed_at = CASE WHEN attempt < max_attempts THEN NULL ELSE :at END,
  run_id = CASE WHEN attempt < max_attempts THEN NULL ELSE run_id END,
  run_revision = CASE WHEN attempt < max_attempts THEN NULL ELSE run_revision END,
  error = :error, lease_token = NULL, lease_until = NULL, lease_ms = NULL
"""
_LEASE = f"SELECT lease_ms, {IS_PAUSED}, {IS_TOLD} FROM queues WHERE id = :queue"
_ENDED = "status = 'claimed' AND lease_until <= :at"
_OF_QUEUE = f"{_ENDED} AND queue_id = :queue"
_COUNT_ALL = counting_claims(_ENDED)
_COUNT_ONE = counting_claims(_OF_QUEUE)
_SETTLE_ALL = f"{GIVE_BACK}WHERE {_ENDED}"
_SETTLE_ONE = f"{GIVE_BACK}WHERE {_OF_QUEUE}"
_COUNT_ENDED = """
INSERT INTO sequences (name, value) VALUES ('ended_leases', ?)
ON CONFLICT (name) DO UPDATE SET value = value + excluded.value
"""
_SOME_ENDED = f"SELECT true FROM queue_items WHERE {_OF_QUEUE} LIMIT 1"

# Those that were delayed are in indexes of their own.
_SOME_DELAYED = """
SELECT true FROM queue_items
WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL AND ready_at <= :at LIMIT 1
"""

# What a claim needs of an item. To read it together with the search costs less than UPDATE ... RETURNING.
_TAKEN = "id, payload, attempt + 1, max_attempts, lower(hex(randomblob(16)))"

_ADDED = f"""
SELECT {_TAKEN} FROM queue_items
WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NULL
ORDER BY priority DESC, id LIMIT :wanted
"""

_NEXT_PRIORITY = """
SELECT max(priority) FROM (
  SELECT max(priority) AS priority FROM queue_items
  WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NULL AND priority < :below
  UNION ALL
  SELECT max(priority) FROM queue_items
  WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL AND priority < :below)
"""

# What was delayed has its turn by when it became ready, all else by when it was added: two searches by index.
_OF_LEVEL = f"""
SELECT {_TAKEN} FROM queue_items JOIN (
  SELECT id AS found, turn FROM (
    SELECT id, min(created_at, :at) AS turn FROM queue_items WHERE id IN (
      SELECT id FROM queue_items
      WHERE queue_id = :queue AND status = 'pending' AND priority = :level AND ready_at IS NULL
      ORDER BY id LIMIT :wanted)
    UNION ALL
    SELECT * FROM (
      SELECT id, ready_at AS turn FROM queue_items
      WHERE queue_id = :queue AND status = 'pending' AND priority = :level AND ready_at <= :at
      ORDER BY ready_at, id LIMIT :wanted))
  ORDER BY turn, id LIMIT :wanted
) ON id = found
ORDER BY turn, id
"""

_WAITS_TOO_LONG = "SELECT {} OR {}".format(
    *(f"coalesce(({longest_is_ahead(wait, 'queue_id = :queue')}), 0)" for wait in (LEASES, DELAYS))
)

# By id, one at a time: for one item, SQLite takes five times as long with `id IN (SELECT ...)`.
_CLAIM = """
UPDATE queue_items
SET status = 'claimed', attempt = :attempt, claimed_at = :at, run_id = :run, run_revision = :revision,
    lease_token = :token, lease_until = :until, lease_ms = :lease
WHERE id = :id
"""

_DONE = """
UPDATE queue_items
SET status = 'completed', completed_at = :at, error = NULL, lease_token = NULL, lease_until = NULL,
    lease_ms = NULL
WHERE id = :id AND lease_token = :token AND lease_until > :at
"""
# First without RETURNING, which takes longer.
_COMPLETE_OWN = f"{_DONE} AND run_id IS :run"
_COMPLETE = f"{_DONE} RETURNING queue_id, run_id"

_COUNT_CLAIM = counting_claims("id = :id")

_BURY = """
UPDATE queue_items
SET status = 'failed', completed_at = :at, error = :error, lease_token = NULL, lease_until = NULL,
    lease_ms = NULL
WHERE id = :id
"""

_EXTEND = """
UPDATE queue_items SET
  lease_until = iif(run_id IS NULL, :own_until, :run_until), lease_ms = iif(run_id IS NULL, :own, :run)
WHERE id = :id AND lease_token = :token AND lease_until > :at
"""
