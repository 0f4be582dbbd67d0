"""An executor whose runs do nothing, and end when a test says so."""

import asyncio

from jeeves_runner.core.outcome import Ending, Exited, Lost
from jeeves_runner.execute.contract import Launch, LocalHandle, Sink


class ScriptedExecutor:
    """``live`` are the runs that were started and have not ended, ``asked`` those whose end was asked for.

    A run that is asked to end goes on until the test ends it, unless ``obeys`` is set or its grace is
    over at once.
    """

    def __init__(self) -> None:
        self.live: dict[int, asyncio.Future[Ending]] = {}
        self.started: list[int] = []
        self.asked: set[int] = set()
        self.obeys = False

    def end(self, run_id: int, ending: Ending) -> None:
        self.live[run_id].set_result(ending)

    def is_live(self, run_id: int) -> bool:
        """Whether the run was started and has not been told to end."""
        return run_id in self.live and not self.live[run_id].done()

    async def start(self, launch: Launch, sink: Sink) -> LocalHandle:
        if launch.run_id not in self.live:
            self.live[launch.run_id] = asyncio.get_running_loop().create_future()
            self.started.append(launch.run_id)
        return LocalHandle(run_id=launch.run_id, mark=launch.mark)

    async def wait(self, handle: LocalHandle, sink: Sink) -> Ending:
        ending = await asyncio.shield(self.live[handle.run_id])
        del self.live[handle.run_id]
        return ending

    def has_ended(self, handle: LocalHandle) -> bool:
        future = self.live.get(handle.run_id)
        return future is None or future.done()

    async def cancel(self, handle: LocalHandle, grace: float) -> None:
        self.asked.add(handle.run_id)
        if (self.obeys or grace <= 0) and not self.has_ended(handle):
            self.end(handle.run_id, Exited(signal="SIGTERM"))

    async def recover(self, run_id: int, handle: LocalHandle | None) -> Lost:
        return Lost(message="the runner died while this ran")
