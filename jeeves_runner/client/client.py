"""The calls scripts make; see docs/reference/client.md."""

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Literal, Self

from jeeves_runner.client.gathering import Gathering, Pending
from jeeves_runner.client.transport import Transport, transport
from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.core.durations import Span, span_ms
from jeeves_runner.core.operations import (
    LOWEST_PRIORITY,
    MAX_ERROR_LENGTH,
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
)
from jeeves_runner.core.values import Expect, check_name, check_text, check_whole, to_json
from jeeves_runner.db.queue_claims import MAX_CLAIM, Item
from jeeves_runner.errors import InvalidValue, UsageError

_LARGEST_ID: Final = 2**63 - 1


class Client:
    """State and queues of a runner. Use it as a context manager, in one thread.

    It works on the database ``db_path``, or asks the server at ``url`` (``http://HOST:PORT``, or
    ``unix:PATH`` of its socket) with ``token``. Without either it goes the way of the runner that started
    this script. All calls raise InvalidValue for what cannot be stored, DatabaseError for a database that
    cannot be used, and NoServer for a server that does not answer. Writes survive a power loss once the call
    returns, except claims and extensions, which need only survive the script.
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._way = transport(db_path, url, token, clock or SystemClock(), os.environ)
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        self._closed = False
        self._gathering: Gathering | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the end of the ``with`` block does it."""
        if not self._closed:
            self._closed = True
            self._way.close()

    # --- state ---

    def get_state(self, namespace: str, key: str, default: Any = None) -> Any:
        """The value of a key, or ``default``."""
        _check_key(namespace, key)
        value = self._read(GetState(namespace, key))
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
        stored = self._write(SetState(namespace, key, text, ttl_ms, expected))
        return stored is None or bool(stored)

    def delete_state(self, namespace: str, key: str) -> None:
        """Remove a key: its value and its items."""
        _check_key(namespace, key)
        self._write(DeleteState(namespace, key))

    def has_item(self, namespace: str, key: str, item_key: str) -> bool:
        """Whether a key has such an item."""
        return self.get_item(namespace, key, item_key, default=Expect.MISSING) is not Expect.MISSING

    def get_item(self, namespace: str, key: str, item_key: str, default: Any = None) -> Any:
        """The value of an item below a key, or ``default``."""
        _check_item(namespace, key, item_key)
        value = self._read(GetItem(namespace, key, item_key))
        return default if value is Expect.MISSING else value

    def set_item(
        self, namespace: str, key: str, item_key: str, value: object = None, ttl: Span | None = None
    ) -> None:
        """Store an item below a key, for ``ttl`` or for good; it becomes the newest."""
        _check_item(namespace, key, item_key)
        text = to_json(value, "the value")
        ttl_ms = None if ttl is None else span_ms(ttl, "ttl")
        self._write(SetItem(namespace, key, item_key, text, ttl_ms))

    def delete_item(self, namespace: str, key: str, item_key: str) -> None:
        """Remove an item."""
        _check_item(namespace, key, item_key)
        self._write(DeleteItem(namespace, key, item_key))

    def count_items(self, namespace: str, key: str) -> int:
        """How many items a key has."""
        _check_key(namespace, key)
        count: int = self._read(CountItems(namespace, key))
        return count

    def prune_items(self, namespace: str, key: str, keep: int) -> int | None:
        """Remove all but the ``keep`` newest items; how many (None inside ``transaction()``)."""
        _check_key(namespace, key)
        check_whole(keep, "keep", 0)
        pruned: int | None = self._write(PruneItems(namespace, key, keep))
        return pruned

    def list_item_keys(
        self, namespace: str, key: str, limit: int | None = None, order: Literal["asc", "desc"] = "desc"
    ) -> list[str]:
        """The keys of the items by the time of their last write: newest first unless ``asc``."""
        _check_key(namespace, key)
        if limit is not None:
            check_whole(limit, "limit", 0)
        if order not in ("asc", "desc"):
            raise InvalidValue(f'order must be "asc" or "desc", not {order!r}')
        keys: list[str] = self._read(ListItemKeys(namespace, key, limit, order == "desc"))
        return keys

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
        check_whole(priority, "priority", LOWEST_PRIORITY)
        delay_ms = 0 if delay is None else span_ms(delay, "delay", minimum=0)
        if max_attempts is not None:
            check_whole(max_attempts, "max_attempts", 1)
        if not texts:
            return []
        op = Enqueue(queue, tuple(texts), priority, delay_ms, max_attempts)
        if self._gathering is None:
            return [*self._write(op)]
        pendings = [Pending() for _ in texts]
        self._write(op, pendings)
        return [*pendings]

    def claim(self, queue: str, count: int = 1, lease: Span | None = None) -> list[Item]:
        """Take up to ``count`` ready items, 1000 at most, until ``lease`` (default: the queue's) ends.

        Answer each with ``complete`` or ``fail`` in time; past its lease an item goes to the
        next claimant. Claims of a run last 15 s at least, and the runner extends them as long as
        both live. An item in its last attempt comes alone.
        """
        check_name(queue, "queue")
        check_whole(count, "count", 1, MAX_CLAIM)
        lease_ms = None if lease is None else span_ms(lease, "lease")
        if self._gathering is not None:
            raise UsageError(
                "claim() cannot wait for the end of a transaction", hint="claim first, then open it"
            )
        items: list[Item] = self._usable().write(Claim(queue, count, lease_ms))
        return items

    def complete(self, item: Item) -> None:
        """Answer a claim: done. LeaseLost if the lease has ended."""
        self._write(Complete(*_claim_of(item)))

    def fail(self, item: Item, error: object, retry_in: Span | None = None) -> None:
        """Answer a claim: not done because of ``error`` (a text or an exception).

        The item is claimable again after ``retry_in`` or the queue's backoff; after its last
        attempt it is a dead letter. LeaseLost if the lease has ended.
        """
        text = _error_text(error)
        retry_ms = None if retry_in is None else span_ms(retry_in, "retry_in", minimum=0)
        self._write(Fail(*_claim_of(item), text, retry_ms))

    def extend(self, item: Item, lease: Span) -> None:
        """Let the lease of a claim end that long from now. LeaseLost if it has ended already."""
        lease_ms = span_ms(lease, "lease")
        self._write(Extend(*_claim_of(item), lease_ms))

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
        way = self._usable()
        if self._gathering is not None:
            raise UsageError("a transaction is already open", hint="end its `with` block first")
        gathering = self._gathering = Gathering()
        try:
            yield self
        finally:
            self._gathering = None
        if gathering.ops:
            gathering.settle(way.write_all(gathering.ops))

    def _read(self, op: Read) -> Any:
        return self._usable().read(op)

    def _write(self, op: Gathered, pendings: list[Pending] | None = None) -> Any:
        """What it returns, or None when it waits for the end of a transaction."""
        way = self._usable()
        if self._gathering is None:
            return way.write(op)
        self._gathering.add(op, pendings or ())
        return None

    def _usable(self) -> Transport:
        if self._closed:
            raise UsageError("this Client is closed", hint="use it inside its `with` block")
        if os.getpid() != self._pid:
            # SQLite's locks do not survive a fork; using the connection could damage the file.
            raise UsageError(
                "a Client cannot be used in a forked process", hint="make a Client in each process"
            )
        if threading.get_ident() != self._thread:
            raise UsageError(
                "a Client cannot be used in another thread than the one that made it",
                hint="make a Client in each thread",
            )
        return self._way


def _check_key(namespace: str, key: str) -> None:
    check_name(namespace, "namespace")
    check_name(key, "key")


def _check_item(namespace: str, key: str, item_key: str) -> None:
    _check_key(namespace, key)
    check_name(item_key, "item_key")


def _error_text(error: object) -> str:
    text = str(error) or type(error).__name__
    return text[:MAX_ERROR_LENGTH].encode("utf-8", "backslashreplace").decode()[:MAX_ERROR_LENGTH]


def _claim_of(item: Item) -> tuple[int, str]:
    """By what a claim is answered."""
    check_whole(item.id, "the item's id", 1, _LARGEST_ID)
    if not isinstance(item.lease_token, str):
        raise InvalidValue(f"the item's lease_token must be a string, not {type(item.lease_token).__name__}")
    return item.id, check_text(item.lease_token, "the item's lease_token")
