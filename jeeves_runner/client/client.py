"""The calls scripts make; see docs/reference/client.md."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from jeeves_runner.client.connection import ClientConnection, Pending
from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.core.durations import Span, span_ms
from jeeves_runner.core.values import Expect, check_name, check_whole, to_json
from jeeves_runner.db import queue_claims, queue_enqueue, state
from jeeves_runner.db.lineage import Act, Effects, Writer
from jeeves_runner.db.queue_claims import Item
from jeeves_runner.db.transaction import PATIENCE, Tx
from jeeves_runner.errors import Conflict, InvalidValue, UsageError

T = TypeVar("T")

_MAX_ERROR_LENGTH = 10_000

_PATIENCE = PATIENCE
"""Seconds that a script which is no run waits for a lock."""


class Client:
    """State and queues of the runner's database. Use it as a context manager, in one thread.

    ``db_path`` defaults to the database of the runner that started this script. All calls raise
    InvalidValue for what cannot be stored and DatabaseError for a database that cannot be used.
    Writes survive a power loss once the call returns, except claims and extensions, which need
    only survive the script.
    """

    def __init__(self, db_path: str | os.PathLike[str] | None = None, *, clock: Clock | None = None) -> None:
        path = _database(db_path, os.environ)
        run_id = _run_id(path, os.environ)
        self._effects = None if run_id is None else Effects(run_id)
        # A run may take as long as its job's timeout says, also to wait.
        patience = _PATIENCE if run_id is None else inf
        self._connection = ClientConnection(
            path, clock or SystemClock(), patience=patience, effects=self._effects
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the end of the ``with`` block does it."""
        self._connection.close()

    # --- state ---

    def get_state(self, namespace: str, key: str, default: Any = None) -> Any:
        """The value of a key, or ``default``."""
        _check_key(namespace, key)
        value = self._connection.read(lambda conn, now: state.get_value(conn, now, namespace, key))
        return default if value is Expect.MISSING else value

    def set_state(
        self,
        namespace: str,
        key: str,
        value: object,
        ttl: Span | None = None,
        expect: object = Expect.ANYTHING,
    ) -> bool:
        """Store a value, for ``ttl`` or for good. An earlier ttl ends.

        With ``expect``, only if the key holds that value (MISSING: none) at this moment, so that
        of two scripts one wins; the answer says whether it was stored. Inside ``transaction()``
        the answer is True, and a failed expectation raises Conflict at its end.
        """
        _check_key(namespace, key)
        text = to_json(value, "the value")
        ttl_ms = None if ttl is None else span_ms(ttl, "ttl")
        expected = expect if isinstance(expect, Expect) else to_json(expect, "expect")

        def act(tx: Tx) -> bool:
            writer = self._writer(tx)
            stored = state.set_value(tx, namespace, key, text, ttl_ms=ttl_ms, expect=expected, writer=writer)
            return bool(self._did("wrote", namespace, stored))

        def insist(tx: Tx) -> None:
            if not act(tx):
                raise Conflict(f"state {namespace}/{key} does not hold the expected value")

        if self._connection.gathering:
            self._connection.gather(insist)
            return True
        return self._connection.write(act)

    def delete_state(self, namespace: str, key: str) -> None:
        """Remove a key: its value and its items."""
        _check_key(namespace, key)
        self._do(lambda tx: self._did("wrote", namespace, state.delete_key(tx, namespace, key)))

    def has_item(self, namespace: str, key: str, item_key: str) -> bool:
        """Whether a key has such an item."""
        return self.get_item(namespace, key, item_key, default=Expect.MISSING) is not Expect.MISSING

    def get_item(self, namespace: str, key: str, item_key: str, default: Any = None) -> Any:
        """The value of an item below a key, or ``default``."""
        _check_item(namespace, key, item_key)
        value = self._connection.read(lambda conn, now: state.get_item(conn, now, namespace, key, item_key))
        return default if value is Expect.MISSING else value

    def set_item(
        self, namespace: str, key: str, item_key: str, value: object = None, ttl: Span | None = None
    ) -> None:
        """Store an item below a key, for ``ttl`` or for good; it becomes the newest."""
        _check_item(namespace, key, item_key)
        text = to_json(value, "the value")
        ttl_ms = None if ttl is None else span_ms(ttl, "ttl")

        def act(tx: Tx) -> None:
            state.set_item(tx, namespace, key, item_key, text, ttl_ms=ttl_ms, writer=self._writer(tx))
            self._did("wrote", namespace, 1)

        self._do(act)

    def delete_item(self, namespace: str, key: str, item_key: str) -> None:
        """Remove an item."""
        _check_item(namespace, key, item_key)
        self._do(lambda tx: self._did("wrote", namespace, state.delete_item(tx, namespace, key, item_key)))

    def count_items(self, namespace: str, key: str) -> int:
        """How many items a key has."""
        _check_key(namespace, key)
        return self._connection.read(lambda conn, now: state.count_items(conn, now, namespace, key))

    def prune_items(self, namespace: str, key: str, keep: int) -> int | None:
        """Remove all but the ``keep`` newest items; how many (None inside ``transaction()``)."""
        _check_key(namespace, key)
        check_whole(keep, "keep", 0)
        return self._do(lambda tx: self._did("wrote", namespace, state.prune_items(tx, namespace, key, keep)))

    def list_item_keys(
        self, namespace: str, key: str, limit: int | None = None, order: Literal["asc", "desc"] = "desc"
    ) -> list[str]:
        """The keys of the items by the time of their last write: newest first unless ``asc``."""
        _check_key(namespace, key)
        if limit is not None:
            check_whole(limit, "limit", 0)
        if order not in ("asc", "desc"):
            raise InvalidValue(f'order must be "asc" or "desc", not {order!r}')
        newest_first = order == "desc"
        return self._connection.read(
            lambda conn, now: state.item_keys(
                conn, now, namespace, key, limit=limit, newest_first=newest_first
            )
        )

    # --- queues ---

    def enqueue(
        self,
        queue: str,
        payload: object,
        priority: int = 0,
        delay: Span | None = None,
        max_attempts: int | None = None,
    ) -> int | Pending | None:
        """Add an item; its id, or None if the queue knows an equal one already.

        Higher ``priority`` is claimed first; with ``delay`` not before that. ``max_attempts``
        overrides the queue's. Inside ``transaction()`` the answer is a Pending.
        """
        return self.enqueue_many(queue, [payload], priority, delay, max_attempts)[0]

    def enqueue_many(
        self,
        queue: str,
        payloads: Iterable[object],
        priority: int = 0,
        delay: Span | None = None,
        max_attempts: int | None = None,
    ) -> list[int | Pending | None]:
        """Add several items in one transaction, far faster than one by one; as ``enqueue`` each.

        All of them or none. No other process can write meanwhile: a second or so for 100,000 items.
        """
        check_name(queue, "queue")
        if isinstance(payloads, str | bytes | bytearray | Mapping):
            raise InvalidValue(
                f"payloads is one {type(payloads).__name__}, not several payloads",
                hint="put it into a list, or use enqueue()",
            )
        texts = [to_json(payload, "the payload") for payload in payloads]
        check_whole(priority, "priority", -1_000_000_000)
        delay_ms = 0 if delay is None else span_ms(delay, "delay", minimum=0)
        if max_attempts is not None:
            check_whole(max_attempts, "max_attempts", 1)

        def act(tx: Tx) -> list[int | None]:
            ids = queue_enqueue.enqueue(
                tx,
                queue,
                texts,
                priority=priority,
                delay_ms=delay_ms,
                max_attempts=max_attempts,
                producer=self._writer(tx),
            )
            self._did("enqueued", queue, len(ids) - ids.count(None))
            return ids

        if not texts:
            return []
        if self._connection.gathering:
            return [*self._gather_enqueue(act, len(texts))]
        return [*self._connection.write(act, announced=True)]

    def claim(self, queue: str, count: int = 1, lease: Span | None = None) -> list[Item]:
        """Take up to ``count`` ready items, 1000 at most, until ``lease`` (default: the queue's) ends.

        Answer each with ``complete`` or ``fail`` in time; past its lease an item goes to the
        next claimant. Claims of a run last 15 s at least, and the runner extends them as long as
        both live. An item in its last attempt comes alone.
        """
        check_name(queue, "queue")
        check_whole(count, "count", 1, queue_claims.MAX_CLAIM)
        lease_ms = None if lease is None else span_ms(lease, "lease")
        if self._connection.gathering:
            raise UsageError(
                "claim() cannot wait for the end of a transaction", hint="claim first, then open it"
            )

        def act(tx: Tx) -> list[Item]:
            run = self._writer(tx)
            terms = {} if run is None else {"run_id": run.run, "revision": run.revision}
            items = queue_claims.claim(tx, queue, count=count, lease_ms=lease_ms, **terms)
            if self._effects is not None:
                self._effects.claimed(queue, [item.id for item in items])
            return items

        return self._connection.write(act, durable=False)

    def complete(self, item: Item) -> None:
        """Answer a claim: done. LeaseLost if the lease has ended."""

        def act(tx: Tx) -> None:
            queue_claims.complete(tx, item.id, item.lease_token)
            if self._effects is not None:
                self._effects.answer(tx.conn, "completed", item.id)

        self._do(act)

    def fail(self, item: Item, error: object, retry_in: Span | None = None) -> None:
        """Answer a claim: not done because of ``error`` (a text or an exception).

        The item is claimable again after ``retry_in`` or the queue's backoff; after its last
        attempt it is a dead letter. LeaseLost if the lease has ended.
        """
        text = _error_text(error)
        retry_ms = None if retry_in is None else span_ms(retry_in, "retry_in", minimum=0)

        def act(tx: Tx) -> None:
            queue_claims.fail(tx, item.id, item.lease_token, text, retry_in_ms=retry_ms)
            if self._effects is not None:
                self._effects.answer(tx.conn, "failed", item.id)

        self._do(act)

    def extend(self, item: Item, lease: Span) -> None:
        """Let the lease of a claim end that long from now. LeaseLost if it has ended already."""
        lease_ms = span_ms(lease, "lease")
        self._do(lambda tx: queue_claims.extend(tx, item.id, item.lease_token, lease_ms), durable=False)

    # --- the run ---

    def result(self, meta: object = None, tokens: int | None = None) -> None:
        """Print the line by which the runner records what this run achieved; the last one counts."""
        answer: dict[str, object] = {}
        if tokens is not None:
            answer["tokens"] = check_whole(tokens, "tokens", 0)
        if meta is not None:
            to_json(meta, "meta")
            answer["meta"] = meta
        # ASCII, because standard output may have any encoding.
        sys.stdout.write(f"JR_RESULT:{json.dumps(answer, separators=(',', ':'))}\n")
        sys.stdout.flush()

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Gather the writes of the block and store them at its end: all of them or, if one fails, none.

        Reads see the database as it is, without the gathered writes; guard what you read with
        ``expect``. ``claim`` is not possible inside.
        """
        with self._connection.transaction():
            yield self

    def _do(self, act: Callable[[Tx], T], *, durable: bool = True) -> T | None:
        """The answer of ``act``, or None when it waits for the end of a transaction."""
        if self._connection.gathering:
            self._connection.gather(act)
            return None
        return self._connection.write(act, durable=durable)

    def _writer(self, tx: Tx) -> Writer | None:
        """The run that this script is, which its writes name."""
        return None if self._effects is None else self._effects.writer(tx.conn)

    def _did(self, act: Act, target: str, count: int) -> int:
        """Count what the run has done; the count."""
        if self._effects is not None:
            self._effects.add(act, target, count)
        return count

    def _gather_enqueue(self, act: Callable[[Tx], list[int | None]], count: int) -> list[Pending]:
        pendings = [Pending() for _ in range(count)]
        ids: list[int | None] = []

        def settle() -> None:
            for pending, item_id in zip(pendings, ids, strict=True):
                pending.settle(item_id)

        self._connection.gather(lambda tx: ids.extend(act(tx)), settle, announced=True)
        return pendings


def _database(db_path: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
    path = db_path or env.get("JR_DB_PATH")
    if not path:
        raise UsageError(
            "no database: JR_DB_PATH is not set, so this script was not started by the runner",
            hint="run it as a job (`jeeves-runner trigger JOB`), or pass Client(db_path=...)",
        )
    return Path(path)


def _run_id(path: Path, env: Mapping[str, str]) -> int | None:
    """The id of the run this script is; None if the client works on another database than its runner."""
    own = env.get("JR_DB_PATH")
    run_id = env.get("JR_RUN_ID", "")
    if own and os.path.realpath(own) == os.path.realpath(path) and run_id.isascii() and run_id.isdigit():
        return int(run_id)
    return None


def _check_key(namespace: str, key: str) -> None:
    check_name(namespace, "namespace")
    check_name(key, "key")


def _check_item(namespace: str, key: str, item_key: str) -> None:
    _check_key(namespace, key)
    check_name(item_key, "item_key")


def _error_text(error: object) -> str:
    text = str(error) or type(error).__name__
    return text[:_MAX_ERROR_LENGTH].encode("utf-8", "backslashreplace").decode()
