"""Claims that wait for items. Each is a future, not a thread; a queue is looked at once for all of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.queue_readiness import readiness

_FIRST_LOOK: Final = 0.02
"""Seconds until the first look for one that waits: what was committed before it waited is found then. It also
keeps one from claiming again and again where what a look finds cannot be claimed."""

_LONGEST: Final = 1.0
"""Seconds between two looks while a time is waited for: the clock may be set meanwhile."""

_AT_ONCE: Final = 20
"""Queues that are looked at in one turn of the event loop: that takes a millisecond."""


class ClaimWaits:
    """Those who wait, by queue; used in the event loop. ``conn`` is for its reads there.

    It looks at a queue when something was committed, and when the time has come that a look has named. As
    many are woken as items are ready, those first that have waited longest. Who is woken claims, and waits
    again if others were faster.
    """

    def __init__(
        self, conn: apsw.Connection, clock: Clock, on_commit: Callable[[Callable[[], None]], None]
    ) -> None:
        """``on_commit`` takes what is to be called after each commit of any process."""
        on_commit(self.look)
        self._conn = conn
        self._clock = clock
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._to_look_at: dict[str, None] = {}
        self._turn: asyncio.Handle | None = None

    async def ready(self, queue_id: str) -> None:
        """Wait until an item of the queue can be claimed, perhaps."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(queue_id, deque()).append(future)
        self._look_in(_FIRST_LOOK, queue_id)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # it was woken and can claim no more: another one is to have its turn
                self._look_in(_FIRST_LOOK, queue_id)
            raise
        finally:
            self._forget(queue_id, future)

    def look(self) -> None:
        """Something was committed."""
        self._to_look_at.update(dict.fromkeys(self._waiting))
        self._work()

    def _work(self) -> None:
        """Look at some of those that are to be looked at, and at others in the next turn."""
        if self._turn is not None:
            return
        for queue_id in list(self._to_look_at)[:_AT_ONCE]:
            del self._to_look_at[queue_id]
            self._look_at(queue_id)
        if self._to_look_at:
            self._turn = asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        self._work()

    def _look_at(self, queue_id: str) -> None:
        waiting = self._waiting.get(queue_id)
        if not waiting:
            return
        now = self._clock.now()
        try:
            found = readiness(self._conn, now, queue_id, len(waiting))
        except Exception as error:  # noqa: BLE001 - it is told to those who wait
            for future in waiting:
                _settle(future, error)
            return
        for future in list(waiting)[: found.ready]:
            waiting.remove(future)
            _settle(future, None)
        if waiting and found.again_at is not None:
            self._look_in(_seconds(found.again_at, now), queue_id)

    def _look_in(self, seconds: float, queue_id: str) -> None:
        """Look at a queue after that time, or before it if it is to be looked at sooner."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(queue_id)
        if timer is not None and timer.when() <= loop.time() + seconds:
            return
        if timer is not None:
            timer.cancel()
        self._timers[queue_id] = loop.call_later(seconds, self._time_has_come, queue_id)

    def _time_has_come(self, queue_id: str) -> None:
        del self._timers[queue_id]
        self._look_at(queue_id)

    def _forget(self, queue_id: str, future: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(queue_id)
        if waiting is None:
            return
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            del self._waiting[queue_id]
            timer = self._timers.pop(queue_id, None)
            if timer is not None:
                timer.cancel()


def _settle(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _seconds(until: datetime, now: datetime) -> float:
    return min(max((until - now).total_seconds(), _FIRST_LOOK), _LONGEST)
