"""Operations waiting for the writer, and how they are grouped into batches."""

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
"""Jobs in one batch at most, so that its first job is not kept waiting too long by its last."""


class Priority(IntEnum):
    """Which operations go first when several wait."""

    OUTCOME = 0
    START = 1
    OTHER = 2
    MAINTENANCE = 3


@dataclass(slots=True, eq=False)
class Job:
    """One thing to do for one caller, and in the end its ``result``, or its ``error`` if not None.

    ``do`` takes a Tx and shares a transaction with the rest of its batch; the ``do`` of a job
    that is ``alone`` takes the connection, outside of any transaction. Nobody waits for the
    result of a job without a ``future``.
    """

    do: Callable[[Any], Any]
    durable: bool
    priority: Priority
    future: asyncio.Future[Any] | None = None
    alone: bool = False
    result: Any = field(default=None, init=False)
    error: BaseException | None = field(default=None, init=False)
    age: int = field(default=0, init=False)


class Line:
    """Where jobs wait. Any thread may add to it; one thread takes batches from it."""

    def __init__(self) -> None:
        self._gate = Lock()
        self._closed = False
        self._fault: Exception | None = None
        self._arrivals: SimpleQueue[Job | None] = SimpleQueue()  # None: closed, nothing follows
        self._ended = False
        self._waiting: list[tuple[int, int, Job]] = []  # a heap by priority, then age
        self._ages = count()

    def add(self, job: Job) -> None:
        """Once the line is closed, raises the fault that closed it, RuntimeError if none did."""
        with self._gate:
            if self._closed:
                raise self._fault or RuntimeError("the database writer has been stopped")
            self._arrivals.put(job)

    def close(self, fault: Exception | None = None) -> None:
        """Accept no more jobs, because of a fault or in good order; those accepted can still be taken."""
        with self._gate:
            self._fault = self._fault or fault
            if not self._closed:
                self._closed = True
                self._arrivals.put(None)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def is_empty(self) -> bool:
        return not self._waiting and self._arrivals.empty()

    def take(self) -> list[Job]:
        """The next batch; waits for one. Empty when the line is closed and nothing is left."""
        if not self._waiting and not self._ended:
            self._admit(self._arrivals.get())
        while True:
            try:
                self._admit(self._arrivals.get_nowait())
            except Empty:
                return self._next_batch()

    def put_back(self, batch: list[Job]) -> None:
        """Return a batch of which nothing has been done; its jobs keep their age."""
        for job in batch:
            heappush(self._waiting, (job.priority, job.age, job))

    def _admit(self, job: Job | None) -> None:
        if job is None:
            self._ended = True
        else:
            job.age = next(self._ages)
            heappush(self._waiting, (job.priority, job.age, job))

    def _next_batch(self) -> list[Job]:
        batch = [heappop(self._waiting)[2]] if self._waiting else []
        while self._waiting and len(batch) < MAX_BATCH and _go_together(batch[0], self._waiting[0][2]):
            batch.append(heappop(self._waiting)[2])
        return batch


def _go_together(first: Job, other: Job) -> bool:
    """Whether they may share a commit. Nobody who is waited for waits for housekeeping in his own."""
    upkeep = Priority.MAINTENANCE
    return not first.alone and not other.alone and (first.priority is upkeep) is (other.priority is upkeep)
