"""Several starters side by side.

A starter waits for each exec, and on a busy machine the process that does it waits for a processor
meanwhile. Two starters keep two of them at it, as two threads would; more have brought nothing. A start
that comes alone is made directly: the way to a starter and back takes longer than it saves.
"""

import asyncio
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
        self._asked: list[StartOrder] = []
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
        """Start it soon: whether it comes alone is known at the end of this turn of the loop.

        The first of many, started directly, would have its end seen only when the loop has a moment for it.
        """
        if not self._asked:
            asyncio.get_running_loop().call_soon(self._give_out)
        self._asked.append(order)

    def _give_out(self) -> None:
        asked, self._asked = self._asked, []
        if len(asked) == 1 and not any(starter.orders for starter in self.starters):
            self._direct.start(asked[0])
            return
        for order in asked:
            min(self.starters, key=_orders_of).start(order)


def _orders_of(starter: Starter) -> int:
    return starter.orders
