"""Calls that may never return, because a file system hangs: neither the event loop nor the end of the program
waits for them.

The threads that all parts of the program share are not for these: there are few of them, and one that hangs
is missing to all.
"""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable
from errno import EAGAIN
from queue import SimpleQueue
from typing import Any, Final, Generic, NamedTuple, TypeVar

from jeeves_runner.clock import Clock

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds after which a call counts as one that does not return."""

SILENT: Final = "its disk does not answer"
"""What is wrong with a file then: a TimeoutError has no words of its own."""


class SideThread:
    """A thread of its own that makes calls one after another. It starts with the first one.

    While a call hangs, those that are made after it time out; they are not made any more once it returns.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: _Calls = SimpleQueue()
        self._has_started = False
        weakref.finalize(self, self._calls.put, None)

    async def call(self, work: Callable[[], T], patience: float = PATIENCE) -> T:
        """What ``work`` returns or raises; TimeoutError after ``patience`` seconds.

        OSError if there can be no thread now. So an ``except OSError`` takes all of a file system's faults.
        """
        self._start()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(work, answer, loop))
        async with asyncio.timeout(patience):
            return await answer

    def _start(self) -> None:
        if self._has_started:
            return
        try:
            threading.Thread(target=_make, args=(self._calls,), name=self._name, daemon=True).start()
        except RuntimeError as error:
            raise OSError(EAGAIN, str(error)) from None
        self._has_started = True


class Kept(Generic[T]):
    """An answer that is asked for more often than it changes. Used in the event loop."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._answer: tuple[T, float] | None = None

    async def get(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What ``ask`` answers, or has answered within the last ``seconds``. What it raises is not kept."""
        answer = self.find()
        if answer is None:
            answer = await ask()
            self._answer = answer, self._clock.monotonic()
        return answer

    def find(self) -> T | None:
        """What it has answered within that time; None: nothing."""
        if self._answer is None or self._clock.monotonic() - self._answer[1] >= self._seconds:
            return None
        return self._answer[0]


class _Call(NamedTuple, Generic[T]):
    work: Callable[[], T]
    answer: "asyncio.Future[T]"
    loop: asyncio.AbstractEventLoop


_Calls = SimpleQueue[_Call[Any] | None]


def _make(calls: _Calls) -> None:
    while (call := calls.get()) is not None:
        if not call.answer.done():
            _answer(call)


def _answer(call: _Call[T]) -> None:
    settle: Callable[[], None]
    try:
        result = call.work()
    except Exception as fault:  # noqa: BLE001 - the caller gets it
        settle = _raising(call.answer, fault)
    else:
        settle = _returning(call.answer, result)
    try:
        call.loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has been closed meanwhile
        return


def _returning(answer: "asyncio.Future[T]", result: T) -> Callable[[], None]:
    return lambda: None if answer.done() else answer.set_result(result)


def _raising(answer: "asyncio.Future[T]", fault: Exception) -> Callable[[], None]:
    return lambda: None if answer.done() else answer.set_exception(fault)
