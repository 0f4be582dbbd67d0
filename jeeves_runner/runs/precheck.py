"""The first part of a run: its job's precheck, carried out by the executor of scripts."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import Ending, Exited, Finished, Lost
from jeeves_runner.core.precheck import GO, precheck_spec
from jeeves_runner.execute.contract import Executor, Handle, LeftFacts, Order, RunSink
from jeeves_runner.execute.registry import Executors


def precheck_of(executors: Executors, spec: JobSpec) -> "PrecheckExecutor | None":
    """What carries out the precheck of this job; None if it has none."""
    first = precheck_spec(spec)
    return None if first is None else PrecheckExecutor(executors.of(first), first)


def says_go(ending: Ending) -> bool:
    """Whether a precheck that ended so lets the main part start."""
    return isinstance(ending, Exited) and ending.code == GO


class PrecheckExecutor:
    """Stands before the executor of scripts: to each order it carries out the precheck, and ends it after the
    timeout of ``spec``.

    It never outlives its runner, and its end is not yet that of the run.
    """

    slots: int | None = None
    on_shutdown: Literal["end", "leave"] = "end"
    patience = 0.0

    def __init__(self, executor: Executor, spec: JobSpec) -> None:
        """``spec`` is that of the precheck, as ``core.precheck.precheck_spec`` gives it."""
        self.name = executor.name
        self._executor = executor
        self._spec = spec

    async def open(self) -> None:
        """The executor behind it is open."""

    def room(self, spec: JobSpec) -> Reason | None:
        """The run has its place already."""
        return None

    async def start(self, order: Order, sink: RunSink) -> Handle:
        """Start the precheck of the ordered run."""
        return await self._executor.start(order._replace(spec=self._spec), sink)

    async def wait(self, handle: Handle, sink: RunSink) -> Ending:
        """How it ended; by then nothing that it started is left. One that takes too long is ended, and has
        failed whatever it answers."""
        limit = (self._spec.timeout_ms or 0) / 1000
        try:
            async with asyncio.timeout(limit):
                return await self._executor.wait(handle, sink)
        except TimeoutError:
            is_late = not self._executor.has_ended(handle)
        await self._executor.cancel(handle, self._spec.kill_grace_ms / 1000)
        ending = await self._executor.wait(handle, sink)
        if not is_late or not isinstance(ending, Exited):
            return ending
        return Finished(status="error", message=f"it took longer than {limit:g} s", span=ending.span)

    def has_ended(self, handle: Handle) -> bool:
        """The main part may follow."""
        return False

    async def cancel(self, handle: Handle, grace: float) -> None:
        """As of any script."""
        await self._executor.cancel(handle, grace)

    async def late(self, handle: Handle) -> Ending | None:
        """As of any script."""
        return await self._executor.late(handle)

    async def secrets(self, order: Order) -> Sequence[str]:
        """As of any script."""
        return await self._executor.secrets(order)

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        """Handles name the executor behind it, which is asked itself."""
        return await self._executor.recover(left, handle)
