"""An executor whose runs do nothing, and end when a test says so."""

import asyncio
from typing import Literal

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import Ending, Exited, Lost
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink, Sink


class ScriptedExecutor:
    """``live`` are the runs that were started and have not ended, ``asked`` those whose end was asked for.

    A run that is asked to end goes on until the test ends it, unless ``obeys`` is set or its grace is
    over at once.
    """

    name = "local"
    on_shutdown: Literal["end", "leave"] = "end"
    patience = 0.0

    def __init__(self, slots: int) -> None:
        self.slots: int | None = slots
        self.live: dict[int, asyncio.Future[Ending]] = {}
        self.started: list[int] = []
        self.asked: set[int] = set()
        self.obeys = False

    def end(self, run_id: int, ending: Ending) -> None:
        self.live[run_id].set_result(ending)

    def is_live(self, run_id: int) -> bool:
        """Whether the run was started and has not been told to end."""
        return run_id in self.live and not self.live[run_id].done()

    async def open(self) -> None:
        """There is nothing to get ready."""

    def room(self, spec: JobSpec) -> Reason | None:
        return None

    async def start(self, order: Order, sink: RunSink) -> Handle:
        run_id = order.run.run_id
        if run_id not in self.live:
            self.live[run_id] = asyncio.get_running_loop().create_future()
            self.started.append(run_id)
        return Handle(self.name, run_id, {})

    async def wait(self, handle: Handle, sink: Sink) -> Ending:
        ending = await asyncio.shield(self.live[handle.run_id])
        del self.live[handle.run_id]
        return ending

    def has_ended(self, handle: Handle) -> bool:
        future = self.live.get(handle.run_id)
        return future is None or future.done()

    async def cancel(self, handle: Handle, grace: float) -> None:
        self.asked.add(handle.run_id)
        if (self.obeys or grace <= 0) and not self.has_ended(handle):
            self.end(handle.run_id, Exited(signal="SIGTERM"))

    async def late(self, handle: Handle) -> None:
        """What it ends has ended."""

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Lost:
        return Lost(message="the runner died while this ran")

    async def secrets(self, order: Order) -> tuple[str, ...]:
        """It takes nothing over."""
        return ()
