"""Several starters side by side.

A starter waits for each exec, and on a busy machine the process that does it waits for a processor
meanwhile. Two starters keep two of them at it, as two threads would; more have brought nothing. A start
that comes alone is made directly: the way to a starter and back takes longer than it saves.
"""

from collections.abc import Sequence

from jeeves_runner.clock import Clock
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.leader import StartOrder
from jeeves_runner.execute.local.starter import Starter

_SIDE_BY_SIDE = 2


class StarterPool:
    """Gives each order to the starter that has the fewest, and one that comes alone to ``direct``. The
    parameters are those of ``Starter``."""

    def __init__(self, clock: Clock, direct: DirectSpawner, *, open_files: int | None = None) -> None:
        self._direct = direct
        self.starters: Sequence[Starter] = [
            Starter(clock, direct, open_files=open_files) for _ in range(_SIDE_BY_SIDE)
        ]

    def open(self) -> None:
        """Begin their processes."""
        for starter in self.starters:
            starter.open()

    def close(self) -> None:
        """End their processes; runs that live become children of this one."""
        for starter in self.starters:
            starter.close()

    def start(self, order: StartOrder) -> None:
        """Start it soon."""
        if not any(starter.orders for starter in self.starters) and not self._direct.is_busy:
            self._direct.start(order)
            return
        min(self.starters, key=_orders_of).start(order)


def _orders_of(starter: Starter) -> int:
    return starter.orders
