"""How long to wait before the gateway is asked again: longer each time, and never all at the same moment."""

import asyncio
from random import uniform
from typing import Final

from jeeves_runner.execute.session.gateway import NotNow

_JITTER: Final = 0.2
"""By what part a wait is longer or shorter, at random."""


class Pauses:
    """Waits that grow from ``first`` seconds to ``longest``."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = self._next = first
        self._longest = longest

    def begin_anew(self) -> None:
        """It has answered."""
        self._next = self._first

    def after(self, fault: NotNow | None = None) -> float:
        """Seconds until it may be asked again. What it has asked for itself counts."""
        wait = self._next
        self._next = min(self._longest, self._next * 2)
        if fault is not None and fault.retry_after is not None:
            return fault.retry_after * uniform(1, 1 + _JITTER)
        return jittered(wait)

    async def wait(self, fault: NotNow | None = None) -> None:
        """The same, waited for."""
        await asyncio.sleep(self.after(fault))


def jittered(seconds: float) -> float:
    """About so long."""
    return seconds * uniform(1 - _JITTER, 1 + _JITTER)
