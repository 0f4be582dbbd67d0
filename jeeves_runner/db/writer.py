"""The runner's only way to write: one thread, one connection, many operations per commit.

A durable commit is mostly waiting for the disk, so operations that arrive during one commit
share the next. The event loop hands an operation over and awaits its result, which comes after
the COMMIT; no lock of another process can stop the loop.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from jeeves_runner.clock import Clock
from jeeves_runner.core.histogram import Histogram
from jeeves_runner.db import file_upkeep, secret_params
from jeeves_runner.db.ballast import Ballast
from jeeves_runner.db.connection import connect
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.write_batches import Priority, Write, WriteBacklog
from jeeves_runner.db.writer_thread import LATENCIES, WriterThread
from jeeves_runner.errors import DatabaseError
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

__all__ = ["Priority", "Writer"]

T = TypeVar("T")

TRY_AGAIN: Final = 1.0
"""Seconds after which what the database did not take is offered to it again."""

SLOW: Final = 5.0
"""Seconds after which a write is told of that has not come to its end."""

STOP_PATIENCE = 10.0
"""Seconds that a stopping writer waits for another process's lock before it gives up what is left."""

_LAST_COMMIT = 1.0
"""Seconds in which a writer that waits for no lock any more gives its last answers."""


class Writer:
    """Runs operations on its own thread, a batch of them in one transaction.

    An operation is a function of a Tx that touches nothing but the database: it runs on the
    writer's thread, and its effect is undone if it raises. Waiting operations go by priority,
    then age. A ``ballast`` is released when an outcome or a start finds the disk full.
    """

    def __init__(self, path: Path, clock: Clock, *, ballast: Ballast | None = None) -> None:
        self._path = path
        self._clock = clock
        self._ballast = ballast
        self._backlog = WriteBacklog()
        self._thread: WriterThread | None = None

    @property
    def backlog(self) -> int:
        """How many writes wait for their turn."""
        return len(self._backlog)

    @property
    def latency(self) -> Histogram:
        """How many seconds the writes so far took that had a result, from the call to the commit."""
        return Histogram(LATENCIES) if self._thread is None else self._thread.latency

    @property
    def busy_since(self) -> datetime | None:
        """Since when another process has locked the database (UTC); None if none has."""
        return self._thread.busy_since if self._thread else None

    @property
    def lock_moves(self) -> int:
        """How often ``busy_since`` has become another: a lock that is over by then counts too."""
        return self._thread.lock_moves if self._thread else 0

    def start(self) -> None:
        """Open the database and start the thread; results arrive in the running event loop."""
        conn = connect(self._path, clock=self._clock, patient=False)
        self._thread = WriterThread(
            conn, self._clock, self._backlog, asyncio.get_running_loop(), self._ballast
        )
        self._thread.start()

    async def watch(self) -> None:
        """Wait for the writer's end; raises DatabaseError if it has failed.

        Meanwhile it tells of a write that does not come to its end. A disk that hangs gives no error.
        """
        thread = self._thread
        if thread is None:
            return
        trouble = Trouble(log, over="the database's disk takes writes again")
        while not thread.ended.is_set():
            since = thread.at_work_since
            if since is None or self._clock.monotonic() - since < SLOW:
                trouble.over()
            else:
                trouble.met(f"a write has taken over {SLOW:g} s: the database's disk is slow or hangs")
            with suppress(TimeoutError):
                async with asyncio.timeout(TRY_AGAIN):
                    await thread.ended.wait()
        if thread.fault is not None:
            raise thread.fault

    async def stop(self, patience: float = STOP_PATIENCE) -> bool:
        """Finish everything accepted so far and close the connection; whether that could be done.

        A lock of another process is waited for ``patience`` seconds; what is left then fails. A thread that
        hangs, because the disk does not answer, is waited for a second longer and left. May be called twice.
        """
        self._backlog.close()
        if self._thread is None:
            return True
        self._thread.give_up_in(patience)
        try:
            async with asyncio.timeout(patience + _LAST_COMMIT):
                await self._thread.ended.wait()
        except TimeoutError:
            return False
        self._thread.join()
        return True

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def write(
        self, op: Callable[[Tx], T], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> T:
        """What ``op`` returned, once that is committed; or raises what it raised, its effect undone.

        ``durable`` writes survive a power loss; a batch is durable if one of its writes is.
        Cancelling the caller does not cancel the write; its failure is logged then. Raises
        DatabaseError when the file fails, to every caller of the batch.
        """
        # Cancelling the caller cancels this future only; the write is on its way already.
        return await self.submit(op, durable=durable, priority=priority)

    def submit(
        self, op: Callable[[Tx], T], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> "asyncio.Future[T]":
        """Like write, but the call itself hands the operation over, and every error is the future's.

        Of one priority, what is handed over first is committed first, or in the same transaction before it.
        """
        return self._add(op, durable, priority)

    def post(
        self, op: Callable[[Tx], object], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> None:
        """Like write, but from any thread and without waiting; a failure is logged."""
        self._backlog.add(Write(op, durable, priority, since=self._clock.monotonic()))

    async def checkpoint(self) -> file_upkeep.Checkpoint:
        """Copy the WAL into the database between two transactions; see file_upkeep.checkpoint."""
        return await self._add(file_upkeep.checkpoint, False, Priority.MAINTENANCE, alone=True)

    async def checkpoint_if_grown(self) -> None:
        """Checkpoint if many pages wait in the WAL, whichever programs wrote them."""
        await self._add(file_upkeep.checkpoint_if_grown, False, Priority.MAINTENANCE, alone=True)

    async def secrets_erased(self) -> int:
        """How many secret parameters were deleted so far."""
        return await self._add(secret_params.erasures, False, Priority.MAINTENANCE, alone=True)

    async def shorten_wal(self) -> bool:
        """Give the WAL file its usual length; False if a reader or writer is in the way."""
        return await self._add(file_upkeep.shorten_wal, False, Priority.MAINTENANCE, alone=True)

    def _add(
        self, op: Callable[[Any], T], durable: bool, priority: Priority, *, alone: bool = False
    ) -> "asyncio.Future[T]":
        if self._thread is None:
            raise RuntimeError("the database writer has not been started")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            self._backlog.add(Write(op, durable, priority, future, alone, self._clock.monotonic()))
        except (DatabaseError, RuntimeError) as closed:
            future.set_exception(closed)
        return future
