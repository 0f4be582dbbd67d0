"""An event loop whose turns stay short when thousands of connections have something to tell at once.

asyncio takes up all that is ready in one turn, and what is to be done at its time waits for the end of that
turn. Here a turn takes up some, and the system tells the rest in the next one.
"""

import asyncio
import math
import select
import selectors
import sys
from typing import Final, Protocol

from jeeves_runner.clock import SystemClock

MOST: Final = 64
"""What a turn takes up of sockets and pipes: with some 50 microseconds for each, a turn takes a few
milliseconds."""

_GAP: Final = 0.0002
"""Seconds for which those that wait in the loop go on without a look at what is ready: a request takes three
turns, and each look is a call of the system."""

_CLOCK: Final = SystemClock()


class _Polls(Protocol):
    """What a selector of Linux has of the system's interface."""

    def poll(self, timeout: float, maxevents: int) -> list[tuple[int, int]]: ...


if sys.platform == "linux":

    class Portions(selectors.EpollSelector):
        """Gives out what is ready in portions. The system has what is left out come first the next time, so
        those that are ready all the time keep nothing else from its turn."""

        _selector: _Polls
        _looked = -math.inf

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """At most ``MOST`` of what is ready. As ``EpollSelector`` does it, which asks for all. With a
            ``timeout`` of 0 nothing is ready within ``_GAP`` of the last look."""
            if timeout == 0:
                now = _CLOCK.monotonic()
                if now - self._looked < _GAP:
                    return []
                self._looked = now
            try:
                found = self._selector.poll(_seconds(timeout), MOST)
            except InterruptedError:
                return []
            keys = self.get_map()
            ready = []
            for fd, event in found:
                if (key := keys.get(fd)) is not None:
                    writes = selectors.EVENT_WRITE if event & ~select.EPOLLIN else 0
                    reads = selectors.EVENT_READ if event & ~select.EPOLLOUT else 0
                    ready.append((key, (writes | reads) & key.events))
            return ready

else:
    Portions = selectors.DefaultSelector


def _seconds(timeout: float | None) -> float:
    """As the system takes it: in whole milliseconds, and never too early."""
    if timeout is None:
        return -1
    return 0 if timeout <= 0 else math.ceil(timeout * 1e3) * 1e-3


def short_turns() -> asyncio.AbstractEventLoop:
    """The loop, as ``asyncio.Runner`` takes it."""
    return asyncio.SelectorEventLoop(Portions())
