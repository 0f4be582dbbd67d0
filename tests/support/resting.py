"""An event loop that knows when it is at rest, and whose time is moved by hand.

At rest means: nothing is ready to run, no thread works for the loop, and only a clock or a test can
bring about what comes next. So tests wait for what must have happened and never for a while.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

from support.clock import HandClock

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Tells the loop when it is about to sleep."""

    loop: "RestingLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        # A timer of the loop goes off when the clock was moved, so there is nothing to wait for but threads.
        return [] if self.loop.tell_that_it_rests() else super().select(None)


class RestingLoop(asyncio.SelectorEventLoop):
    """``at_work`` counts what threads still have to answer; code that hands work to one counts it there."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._sleepers: list[asyncio.Future[None]] = []
        self.at_work = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._clock.monotonic()

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        future = super().run_in_executor(executor, func, *args)
        self.at_work += 1
        future.add_done_callback(self.work_is_done)
        return future

    def work_is_done(self, _future: "asyncio.Future[Any]") -> None:
        self.at_work -= 1

    async def rest(self) -> None:
        """Wait until the loop is at rest."""
        sleeper: asyncio.Future[None] = self.create_future()
        self._sleepers.append(sleeper)
        await sleeper

    def tell_that_it_rests(self) -> bool:
        """Wake those who wait for rest, if the loop is at rest; whether it was, and there were any."""
        if self.at_work or not self._sleepers:
            return False
        sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        return True


def run_resting(clock: HandClock, main: Callable[[RestingLoop], Coroutine[Any, Any, T]]) -> T:
    """What the coroutine returns, on a loop of its own."""
    loop = RestingLoop(clock)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
