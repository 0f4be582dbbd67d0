"""The real writer, whose commits a test can hold back, and watch."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw
from support.clock import HandClock
from support.resting import RestingLoop

from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Held:
    op: Callable[[Tx], Any]
    priority: Priority
    answer: "asyncio.Future[Any]"


class HeldWriter(Writer):
    """Counts its open writes as work of the loop: once the loop is at rest, all is committed.

    While it ``holds``, nothing is committed until ``commit``: so a test decides what falls into the time of
    a commit. ``faults`` are the failures of what was posted. Commits do not wait for the disk.
    """

    def __init__(self, path: Path, clock: HandClock, loop: RestingLoop) -> None:
        super().__init__(path, clock)
        self._loop = loop
        self._held: list[_Held] = []
        self.holds = False
        self.faults: list[BaseException] = []

    def submit(
        self, op: Callable[[Tx], T], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> "asyncio.Future[T]":
        return self._hold(op, priority) if self.holds else self._add_counted(op, priority)

    def post(
        self, op: Callable[[Tx], object], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> None:
        answer = self._hold(op, priority) if self.holds else self._add_counted(op, priority)
        answer.add_done_callback(self._note_fault)

    async def commit(self, only: Priority | None = None) -> None:
        """Commit what is held back, all of it at once, or only that of one priority. What that leads to is
        held back again."""
        held = [each for each in self._held if only in (None, each.priority)]
        self._held = [each for each in self._held if each not in held]
        with _Gate() as gate:
            self._add_counted(gate.stand_in, Priority.OUTCOME, alone=True)
            await asyncio.to_thread(gate.reached.wait)
            for each in held:
                answer = self._add_counted(each.op, each.priority)
                answer.add_done_callback(partial(_pass_on, each.answer))
        await self._loop.rest()

    async def commit_one_by_one(self) -> None:
        """Commit what is held back, each by itself, as a thread does that is quicker than the loop; also what
        that leads to."""
        while self._held:
            oldest = self._held.pop(0)
            self._add_counted(oldest.op, oldest.priority).add_done_callback(partial(_pass_on, oldest.answer))
            await self._loop.rest()

    async def release(self) -> None:
        """Commit what is held back, and hold nothing back from here on."""
        self.holds = False
        await self.commit()

    async def hurry(self) -> None:
        """Do not wait until the file reaches the disk: no test here cuts the power."""
        await self.write(lambda tx: None)
        await self._add_counted(lambda conn: conn.pragma("synchronous", 0), Priority.OTHER, alone=True)

    async def watch_commits(self, look: Callable[[apsw.Connection], None]) -> None:
        """Have a function called with the connection after each commit, on the writer's thread."""

        def hook(conn: apsw.Connection, _name: str, _pages: int) -> int:
            look(conn)
            return apsw.SQLITE_OK

        await self.write(lambda tx: tx.conn.set_wal_hook(hook))

    def _note_fault(self, answer: "asyncio.Future[Any]") -> None:
        if not answer.cancelled() and (error := answer.exception()) is not None:
            self.faults.append(error)

    def _hold(self, op: Callable[[Tx], Any], priority: Priority) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._held.append(_Held(op=op, priority=priority, answer=answer))
        return answer

    def _add_counted(
        self, do: Callable[[Any], Any], priority: Priority, *, alone: bool = False
    ) -> "asyncio.Future[Any]":
        answer = self._add(do, False, priority, alone=alone)
        self._loop.at_work += 1
        answer.add_done_callback(self._loop.work_is_done)
        return answer


class _Gate:
    """Keeps the writer's thread from its work while more of it arrives."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def stand_in(self, _conn: object) -> None:
        self.reached.set()
        self._open.wait()

    def __enter__(self) -> "_Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()


def _pass_on(to: "asyncio.Future[Any]", answer: "asyncio.Future[Any]") -> None:
    if to.done():
        return
    error = answer.exception()
    if error is None:
        to.set_result(answer.result())
    else:
        to.set_exception(error)
