"""The executor for scripts: programs on this machine."""

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Literal

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import RUNNER_DIED, Ending, Lost
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink
from jeeves_runner.execute.file_threads import beside_the_loop
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.file_work import Files
from jeeves_runner.execute.local.launch import NAME, LocalHandle
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.prepare import LongRead, Prepared, prepare
from jeeves_runner.execute.local.run_process import remove_temporaries
from jeeves_runner.execute.local.temporaries import clear_temporaries

log = logging.getLogger(__name__)


class LocalExecutor:
    """Prepares each run by its spec and has the ``launcher`` start it. Use it from one event loop.

    A program never outlives its runner: a stopping one ends it, and the next one kills what a dead runner
    left. ``slots`` is how many runs may be running at once. ``taken`` tells which variables of the runner's
    environment live jobs take as secrets now; it is called in the event loop.
    """

    name = NAME
    on_shutdown: Literal["end", "leave"] = "end"
    patience = 0.0

    def __init__(
        self,
        launcher: Launcher,
        surroundings: Surroundings,
        *,
        slots: int | None,
        taken: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._launcher = launcher
        self._taken = taken
        # By it a later runner tells the processes of this database from those of a copy.
        self._around = surroundings._replace(db_path=os.path.realpath(surroundings.db_path))
        self._told: set[tuple[str, str]] = set()
        self._files = Files(surroundings.project_dir, surroundings.data_dir)
        self.slots = slots

    async def open(self) -> None:
        """Get ready to start programs, and remove the temporary files of a dead runner's runs."""
        self._launcher.open()
        await asyncio.to_thread(clear_temporaries, self._around.data_dir)

    def room(self, spec: JobSpec) -> Reason | None:
        """This machine always has room; how much may run at once is said by ``slots``."""
        return None

    async def start(self, order: Order, sink: RunSink) -> Handle:
        """Resolve script, interpreter, environment and secrets, and start the program."""
        prepared = await self._prepared(order)
        try:
            await sink.prepared(secrets=prepared.secrets, script_hash=prepared.script_hash)
        except BaseException:  # a start that is cancelled leaves nothing either
            remove_temporaries(prepared.launch)
            raise
        self._warn(order.spec.id, prepared.unmasked)
        return (await self._launcher.start(prepared.launch, sink)).opaque()

    def _warn(self, job_id: str, unmasked: tuple[str, ...]) -> None:
        """Tell of secrets that the output will show; once, or every run would fill the log."""
        for reason in unmasked:
            if (job_id, reason) not in self._told:
                self._told.add((job_id, reason))
                log.warning("job %s: %s", job_id, reason)

    async def _prepared(self, order: Order) -> Prepared:
        """At once where the folders have answered lately and nothing long is to be read."""
        if not self._files.are_at_hand(order.spec):
            await self._files.ask(order.spec)
        taken = self._taken()
        try:
            return prepare(order, self._around, taken=taken, is_patient=False)
        except LongRead:
            work = partial(prepare, order, self._around, taken=taken)
            return await beside_the_loop(work, order.spec.script)

    async def wait(self, handle: Handle, sink: RunSink) -> Ending:
        """How the program ended; by then nothing of the run is left and all output is delivered."""
        return await self._launcher.wait(handle.run_id)

    def has_ended(self, handle: Handle) -> bool:
        """Whether the program has exited; what it left behind may still hold its pipes."""
        return self._launcher.has_ended(handle.run_id)

    async def cancel(self, handle: Handle, grace: float) -> None:
        """SIGTERM to everything of the run, after ``grace`` seconds SIGKILL; a second call is harmless."""
        await self._launcher.cancel(handle.run_id, grace)

    async def late(self, handle: Handle) -> None:
        """Nothing comes late: a program has ended before its run has."""

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Lost:
        """End what is certainly left of the run, and say what may be."""
        known = LocalHandle(left.run_id, left.mark) if handle is None else LocalHandle.of(handle, left.mark)
        ended = await self._launcher.end_left(known)
        return Lost(message=RUNNER_DIED, left_alive=ended.left_alive)

    async def secrets(self, order: Order) -> tuple[str, ...]:
        """No program is taken over: nothing more is heard of it."""
        return ()
