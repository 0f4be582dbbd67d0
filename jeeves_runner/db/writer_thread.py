"""The thread of the writer: takes batches of writes, commits them, and delivers the results."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from math import inf
from typing import Final

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.histogram import Histogram
from jeeves_runner.db import file_upkeep
from jeeves_runner.db.ballast import FULL, Ballast
from jeeves_runner.db.file_errors import translate
from jeeves_runner.db.transaction import Tx, open_tx, rollback, set_durable
from jeeves_runner.db.turns import sleep_before_retry, turns_of
from jeeves_runner.db.write_batches import Priority, Write, WriteBacklog
from jeeves_runner.errors import DatabaseBusy, DatabaseError, JeevesError

log = logging.getLogger(__name__)

LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""The bounds of how long writes take, in seconds."""

_ATTEMPT = 0.25
"""Seconds that one attempt waits for the lock. After it, writes that are more urgent may go first; so long a
wait is also worth a word."""


class WriterThread(threading.Thread):
    """Takes batches from the backlog, commits them, and hands the results to the event loop."""

    def __init__(
        self,
        conn: apsw.Connection,
        clock: Clock,
        backlog: WriteBacklog,
        loop: asyncio.AbstractEventLoop,
        ballast: Ballast | None,
    ) -> None:
        super().__init__(name="database-writer", daemon=True)
        self._conn = conn
        self._clock = clock
        self._backlog = backlog
        self._loop = loop
        self._ballast = ballast
        self._in_hand: list[Write] = []
        self._durable: bool | None = None
        self._give_up_at: float | None = None
        self._turns = turns_of(conn, clock)
        self.busy_since: datetime | None = None
        self.lock_moves = 0
        self.at_work_since: float | None = None
        self.ended = asyncio.Event()
        self.fault: DatabaseError | None = None
        self.latency = Histogram(LATENCIES)

    def give_up_in(self, patience: float) -> None:
        """Wait for locks of other processes for ``patience`` seconds more. From any thread; the first call
        counts."""
        if self._give_up_at is None:
            self._give_up_at = self._clock.monotonic() + patience

    def run(self) -> None:
        """Work until the backlog is closed and empty. Whatever happens, every caller gets an answer."""
        file = self._conn.filename
        try:
            self._work()
        except Exception as error:
            log.exception("the database writer failed")
            self.fault = translate(error, file) or DatabaseError(
                f"the writer of {file} failed: {error}", hint="the log has more; start the runner again"
            )
        finally:
            self._give_up_backlog()
            self._call_loop(self.ended.set)

    def _work(self) -> None:
        with closing(self._conn):
            pace = file_upkeep.CheckpointPace(self._conn)
            self._hold_ballast()
            if self._ballast is None or self._ballast.is_held:  # else what room there is goes to outcomes
                file_upkeep.lengthen_wal(self._conn)
            while batch := self._backlog.take():
                self._in_hand = batch
                self.at_work_since = self._clock.monotonic()
                if self._settle(batch):
                    self._call_loop(_deliver, batch)
                self._in_hand = []
                self.at_work_since = None
                self._hold_ballast()
                if pace.is_due(idle=self._backlog.is_empty):
                    self._checkpoint()
                    pace.done()

    def _give_up_backlog(self) -> None:
        """Fail the writes that are left."""
        self._backlog.close(self.fault)
        batch = self._in_hand
        while batch := batch or self._backlog.take():
            for write in batch:
                write.error = self.fault
            self._call_loop(_deliver, batch)
            batch = []

    def _settle(self, batch: list[Write]) -> bool:
        """Give each write of the batch its result or error; False if the batch was put back instead."""
        try:
            if batch[0].alone:
                batch[0].result = batch[0].op(self._conn)
            elif self._begin(any(write.durable for write in batch)):
                self._commit(batch)
            else:
                self._backlog.put_back(batch)
                sleep_before_retry()
                return False
        except Exception as error:  # noqa: BLE001 - every error goes to the callers
            rollback(self._conn)
            if any(self._gets_room(write, error) for write in batch) and self._release_ballast(error):
                self._backlog.put_back(batch)
                return False
            for write in batch:
                write.error = _failure(error, self._conn.filename)
        return True

    def _begin(self, durable: bool) -> bool:
        """Take the write lock; False if another process has it and waiting is still allowed."""
        if durable is not self._durable:
            set_durable(self._conn, durable)
            self._durable = durable
        if not self._turns.begin(self._conn, min(_ATTEMPT, self._patience())):
            if self._may_wait():
                return False
            raise DatabaseBusy(f"{self._conn.filename} is locked by another process, and the runner stops")
        if self.busy_since is not None:
            log.warning("the database can be written again; it was locked since %s", to_text(self.busy_since))
            self.busy_since = None
            self.lock_moves += 1  # last: who has read this number finds what belongs to it
        return True

    def _may_wait(self) -> bool:
        """Whether to go on waiting: always until told to give up, so that no accepted write is lost."""
        if self.busy_since is None:
            self.busy_since = self._clock.now()
            self.lock_moves += 1
            log.warning("another process has locked the database; writes wait for it")
        return self._patience() > 0

    def _patience(self) -> float:
        """How many seconds it may wait for locks from now on."""
        return inf if self._give_up_at is None else max(0.0, self._give_up_at - self._clock.monotonic())

    def _commit(self, batch: list[Write]) -> None:
        tx = open_tx(self._conn, self._clock)
        if len(batch) == 1:
            batch[0].result = batch[0].op(tx)
        else:
            for write in batch:
                self._run_in_savepoint(write, tx)
        self._conn.execute("COMMIT")
        now = self._clock.monotonic()
        for write in batch:
            self.latency.add(now - write.since)

    def _run_in_savepoint(self, write: Write, tx: Tx) -> None:
        """Run one write of several in a savepoint, so that its failure undoes nothing else."""
        self._conn.execute("SAVEPOINT write")
        try:
            write.result = write.op(tx)
        except Exception as error:
            if not self._conn.in_transaction or self._gets_room(write, error):
                raise  # SQLite has ended the whole transaction, as it may when the disk is full
            self._conn.execute("ROLLBACK TO write")
            write.error = _failure(error, self._conn.filename)
        self._conn.execute("RELEASE write")

    def _gets_room(self, write: Write, error: Exception) -> bool:
        """Whether to release the ballast: an outcome or a start has found the disk full."""
        return (
            self._ballast is not None
            and self._ballast.is_held
            and write.priority <= Priority.START
            and isinstance(error, apsw.FullError | apsw.IOError)
        )

    def _release_ballast(self, error: Exception) -> bool:
        # A disk that is full may also be told as a fault of it: the file of shared memory cannot grow.
        why = FULL if isinstance(error, apsw.FullError) else "the disk takes no writes"
        return self._ballast is not None and self._ballast.release(why)

    def _hold_ballast(self) -> None:
        if self._ballast is not None:
            self._ballast.hold()

    def _checkpoint(self) -> None:
        try:
            file_upkeep.checkpoint(self._conn)
        except (apsw.Error, DatabaseError) as error:
            why = _failure(error, self._conn.filename)
            log.error("a checkpoint failed, and the write-ahead log grows until one succeeds: %s", why)

    def _call_loop(self, function: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.warning("the event loop ended before the database writer")


def _failure(error: Exception, file: str) -> Exception:
    """The error to raise in the caller's task."""
    known: Exception | None = translate(error, file)
    if known is None and isinstance(error, StopIteration):
        known = RuntimeError("an operation raised StopIteration")  # which a future cannot carry
    if known is None:
        return error
    known.__cause__ = error
    return known


def _deliver(batch: list[Write]) -> None:
    """In the event loop: one wake-up for all callers of a batch."""
    for write in batch:
        if write.future is not None and not write.future.done():
            if write.error is None:
                write.future.set_result(write.result)
            else:
                write.future.set_exception(write.error)
        elif write.error is not None:
            trace = None if isinstance(write.error, JeevesError) else write.error
            log.error("a write whose end is not waited for failed: %s", write.error, exc_info=trace)
