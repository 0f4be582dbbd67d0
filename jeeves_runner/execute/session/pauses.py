"""How long to wait before the gateway is asked again: longer each time, and never all at the same moment."""

import asyncio
from random import uniform
from typing import Final, NamedTuple

from jeeves_runner.execute.session.gateway import NotNow

_GROWTH: Final = 10
_JITTER: Final = 0.2
"""By what part a wait is longer or shorter, at random."""


class Pace(NamedTuple):
    """How fast sessions and their gateway are looked after, in seconds."""

    look: float = 1.0
    """Between two looks at a session in its first minute."""
    settle: float = 2.0
    """After which a session can be seen at the gateway whose call has had no answer."""
    pause: float = 1.0
    """Until the gateway is asked again after a failure; later ones are longer."""
    crashes: float = 300.0
    """For which a gateway is asked again that fails at each call for a session: it may be starting."""
    meter: float = 3.0
    """At least between two looks at what a session has used."""
    absent: float = 60.0
    """After which a session counts as lost that the gateway does not know: it may just be starting."""
    set_up: float = 20.0
    """For which a cancel waits at most until the gateway has set the session up."""
    confirm: float = 60.0
    """After a cancel and its grace, within which the gateway has to say that the session has ended."""
    late: float = 600.0
    """For which a session is followed on whose run has ended without it."""


class Pauses:
    """Waits that grow from ``first`` seconds to ten times that."""

    def __init__(self, first: float) -> None:
        self._first = self._next = first
        self._longest = first * _GROWTH

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
