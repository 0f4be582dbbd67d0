"""Writes that wait for the writer, and how they are grouped into batches, one transaction each."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

MAX_BATCH = 256
"""The most writes in one batch: its first caller also waits for its last write."""


class Priority(IntEnum):
    """Which writes go first when several wait."""

    OUTCOME = 0
    START = 1
    OTHER = 2
    MAINTENANCE = 3


@dataclass(slots=True, eq=False)
class Write:
    """One operation for one caller and, once it is done, its result or its error."""

    op: Callable[[Any], Any]
    """Takes the batch's Tx; when ``alone``, takes the connection, outside of any transaction."""
    durable: bool
    """Whether its commit must survive a power loss."""
    priority: Priority
    future: asyncio.Future[Any] | None = None
    """Where the caller awaits the result; None if no caller waits."""
    alone: bool = False
    """Whether it shares no batch with others."""
    since: float = 0.0
    """When it was handed over, in seconds of the clock's awake time."""
    result: Any = field(default=None, init=False)
    """What ``op`` returned."""
    error: BaseException | None = field(default=None, init=False)
    """What ``op`` or the commit raised, None if neither did."""
    age: int = field(default=0, init=False)
    """Its place in the order of arrival."""


class WriteBacklog:
    """Where writes wait. Any thread may add to it; one thread takes batches from it."""

    def __init__(self) -> None:
        self._gate = Lock()
        self._closed = False
        self._fault: Exception | None = None
        self._arrivals: SimpleQueue[Write | None] = SimpleQueue()  # None: closed, nothing follows
        self._ended = False
        self._waiting: list[tuple[int, int, Write]] = []  # a heap by priority, then age
        self._ages = count()

    def add(self, write: Write) -> None:
        """Once closed, raises the fault that closed the backlog, or RuntimeError if there was none."""
        with self._gate:
            if self._closed:
                raise self._fault or RuntimeError("the database writer has been stopped")
            self._arrivals.put(write)

    def close(self, fault: Exception | None = None) -> None:
        """Accept no more writes, because of a fault or a stop; those accepted can still be taken."""
        with self._gate:
            self._fault = self._fault or fault
            if not self._closed:
                self._closed = True
                self._arrivals.put(None)

    def __len__(self) -> int:
        """How many wait; a moment ago, if others add some."""
        return len(self._waiting) + self._arrivals.qsize()

    @property
    def is_empty(self) -> bool:
        return not self._waiting and self._arrivals.empty()

    def take(self) -> list[Write]:
        """The next batch; waits for one. Empty when the backlog is closed and nothing is left."""
        if not self._waiting and not self._ended:
            self._admit(self._arrivals.get())
        while True:
            try:
                self._admit(self._arrivals.get_nowait())
            except Empty:
                return self._next_batch()

    def put_back(self, batch: list[Write]) -> None:
        """Return a batch of which nothing has been done; its writes keep their age."""
        for write in batch:
            write.error = None  # of an attempt that was undone
            heappush(self._waiting, (write.priority, write.age, write))

    def _admit(self, write: Write | None) -> None:
        if write is None:
            self._ended = True
        else:
            write.age = next(self._ages)
            heappush(self._waiting, (write.priority, write.age, write))

    def _next_batch(self) -> list[Write]:
        batch = [heappop(self._waiting)[2]] if self._waiting else []
        while self._waiting and len(batch) < MAX_BATCH and _go_together(batch[0], self._waiting[0][2]):
            batch.append(heappop(self._waiting)[2])
        return batch


def _go_together(first: Write, other: Write) -> bool:
    """Whether two writes may share a commit: housekeeping would hold up the callers of the others."""
    upkeep = Priority.MAINTENANCE
    return not first.alone and not other.alone and (first.priority is upkeep) is (other.priority is upkeep)
