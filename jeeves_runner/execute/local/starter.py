"""The runner's side of the starter, the process that starts programs (``starter_main``).

A start blocks a process until its exec is done; in the runner it would stop the event loop and the writer
alike. The starter makes the process, notes the instants of its start and its exit, and reaps it when told.
All else stays here: the pipes, the signals, the hunt for what a run leaves behind.

If the starter dies, the kernel hands its children to this process, which is the subreaper: the runs that
live go on and are watched and reaped here. What was under way is killed and is lost. A new starter takes
the orders that follow; where none can be had, programs are started directly. For want of memory, say, none
can be had for a while, and it is tried again.
"""

import asyncio
import logging
import math
from collections import deque

from jeeves_runner.clock import Clock
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.local import orphans
from jeeves_runner.execute.local.leader import Pipes, Spawner, StartOrder
from jeeves_runner.execute.local.starter_process import StarterProcess
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_TRIES = 3
"""How many processes may end in a row before they have started anything."""
_PAUSE = 30.0
"""Seconds until the next attempt where none could be had."""
_UNDER_WAY = 64
"""The most starts that the starter is told of before it has answered."""


class Starter:
    """Has programs started by a process of its own. Use it from one event loop.

    ``open_files`` is their soft limit on open files, if it is not this process's own. ``direct`` starts
    what is asked for when no starter can be had.
    """

    def __init__(self, clock: Clock, direct: Spawner, *, open_files: int | None = None) -> None:
        self._clock = clock
        self._direct = direct
        self._open_files = open_files
        self.process: StarterProcess | None = None
        """The process that takes orders by now; None if there is none."""
        self._ending: list[StarterProcess] = []
        self._is_pumping = False
        self._is_useless_until = -math.inf
        self._trouble = Trouble(log, over="there is a process that starts programs again")
        self._waiting: deque[StartOrder] = deque()
        self._early_ends = 0

    @property
    def orders(self) -> int:
        """How many starts wait or are under way."""
        return len(self._waiting) + (0 if self.process is None else len(self.process.under_way))

    def open(self) -> None:
        """Begin its process, so that the first start need not wait for it."""
        if self.process is not None or self._is_useless:
            return
        if not orphans.become_subreaper():
            self._give_up("is of use only where orphans come to this process", math.inf)
            return
        try:
            self.process = StarterProcess(
                self._clock, open_files=self._open_files, on_word=self._go_on, on_end=self._on_end
            )
        except OSError as error:
            self._give_up(f"cannot be started: {error}")

    def close(self) -> None:
        """End its process; runs that live become children of this one."""
        ending, self._ending = self._ending, []
        if self.process is not None:
            ending.append(self.process)
            self.process = None
        for process in ending:
            process.close()

    def start(self, order: StartOrder) -> None:
        """Start it soon."""
        self.open()
        self._waiting.append(order)
        self._pump_soon()

    @property
    def _is_useless(self) -> bool:
        return asyncio.get_running_loop().time() < self._is_useless_until

    def _go_on(self) -> None:
        if self.process is not None and self.process.is_ready:
            self._trouble.over()
        if self._waiting or (self.process is not None and self.process.has_to_reap):
            self._pump_soon()

    def _pump_soon(self) -> None:
        """At the end of this turn of the loop: what comes together is sent together."""
        if not self._is_pumping:
            self._is_pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_pumping = False
        process = self.process
        while process is None and self._waiting:
            self._direct.start(self._waiting.popleft())
        if process is None or not process.takes_orders:
            return
        orders: list[tuple[StartOrder, Pipes]] = []
        while self._waiting and len(process.under_way) + len(orders) < _UNDER_WAY:
            order = self._waiting.popleft()
            if not order.withdrawn and (pipes := _pipes_for(order)) is not None:
                orders.append((order, pipes))
        process.send(orders)

    def _on_end(self) -> None:
        """Its process has ended, or is being ended because it is stuck."""
        process, self.process = self.process, None
        if process is None:
            return
        self._ending = [*(one for one in self._ending if not one.is_gone), process]
        self._early_ends = 0 if process.has_started else self._early_ends + 1
        if self._early_ends < _TRIES:
            log.error(
                "the process that starts programs has ended; another one takes its place, and runs go on"
            )
            self.open()
        else:
            self._give_up("ended before it had started anything, again and again")
        self._pump_soon()

    def _give_up(self, why: str, pause: float = _PAUSE) -> None:
        self._is_useless_until = asyncio.get_running_loop().time() + pause
        self._trouble.met(f"the process that starts programs {why}; they are started directly")


def _pipes_for(order: StartOrder) -> Pipes | None:
    try:
        return Pipes.open()
    except StartFailed as error:
        order.answer(error)
        return None
