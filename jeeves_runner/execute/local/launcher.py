"""Starts programs on this machine, each as a process group of its own, and tells how they ended."""

import asyncio
from typing import NamedTuple

from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.core.outcome import Ending, Lost
from jeeves_runner.execute.contract import Sink
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.hunt import terminate_escaped
from jeeves_runner.execute.local.launch import Launch, LocalHandle
from jeeves_runner.execute.local.leader import Answer, Spawner, StartOrder
from jeeves_runner.execute.local.leftovers import Ended, end_leftovers
from jeeves_runner.execute.local.origin import pid_namespace
from jeeves_runner.execute.local.processes import boot_id
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.local.run_process import LostProcess, RunProcess, remove_temporaries
from jeeves_runner.execute.shared_result import SharedResult


class Launcher:
    """Runs each launch as a process group in a session of its own.

    Use it from one event loop. The first start makes this process the subreaper of its
    descendants (see ``orphans``). ``drain`` is how many seconds a pipe is still read when
    something holds it after the run's program has ended. The ``roster`` notes the processes for the
    next runner, in case this one is killed; without one no later runner can tell whose they are. The
    ``spawner`` starts the programs; without one they are started directly.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        drain: float = 1.0,
        roster: Roster | None = None,
        spawner: Spawner | None = None,
    ) -> None:
        self._roster = roster
        self._spawner = spawner or DirectSpawner(clock or SystemClock())
        self._drain = drain
        self._starting: dict[int, _Start] = {}
        self._processes: dict[int, RunProcess | LostProcess] = {}
        self._failing: set[asyncio.Task[None]] = set()
        # Cached from now on: later all file descriptors may be in use.
        boot_id()
        pid_namespace()

    def open(self) -> None:
        """Get ready, so that the first start need not wait."""
        self._spawner.open()

    async def start(self, launch: Launch, sink: Sink) -> LocalHandle:
        """Start the program and attach the sink, which must not be closed before ``wait`` answers.

        A caller who is cancelled leaves no process behind.
        """
        process = self._processes.get(launch.run_id)
        if process is None:
            start = self._starting.get(launch.run_id) or self._ask_for(launch, sink)
            try:
                started = await start.answer.wait()
            except asyncio.CancelledError:
                await self._undo(start)
                raise
            if isinstance(started, Exception):
                raise started
            process = started
        return process.handle

    def _ask_for(self, launch: Launch, sink: Sink) -> "_Start":
        order = StartOrder(launch=launch, answer=lambda answer: self._on_answer(start, sink, answer))
        start = self._starting[launch.run_id] = _Start(order, SharedResult())
        self._spawner.start(order)
        return start

    def _on_answer(self, start: "_Start", sink: Sink, answer: Answer) -> None:
        launch = start.order.launch
        if isinstance(answer, Exception):
            remove_temporaries(launch)
            self._conclude(start, answer)
        elif isinstance(answer, Lost):
            self._conclude(start, LostProcess(launch, answer))
        else:
            process = RunProcess(launch, sink, answer, drain=self._drain, roster=self._roster)
            if process.fault is None:
                self._conclude(start, process)
                return
            task = asyncio.get_running_loop().create_task(self._fail(start, process, process.fault))
            self._failing.add(task)
            task.add_done_callback(self._failing.discard)

    async def _fail(self, start: "_Start", process: RunProcess, fault: Exception) -> None:
        """Say that a start has failed once nothing of it is left."""
        await process.ended.wait()
        self._conclude(start, fault)

    def _conclude(self, start: "_Start", outcome: RunProcess | LostProcess | Exception) -> None:
        run_id = start.order.launch.run_id
        self._starting.pop(run_id, None)
        if not isinstance(outcome, Exception):
            self._processes[run_id] = outcome
        start.answer.set(outcome)

    async def _undo(self, start: "_Start") -> None:
        """End what has been started for a caller who has gone, or keep it from being started."""
        launch = start.order.launch
        start.order.withdrawn = True
        if not start.order.under_way and not start.answer.is_set:
            self._starting.pop(launch.run_id, None)
            remove_temporaries(launch)
            return
        process = await start.answer.wait()
        if not isinstance(process, Exception):
            process.ask_to_end(0)
            await process.ended.wait()
            self._processes.pop(launch.run_id, None)

    async def wait(self, run_id: int) -> Ending:
        """How the program ended; by then nothing of the run is left and all output is delivered.

        A cancelled wait leaves the run as it is and may be repeated.
        """
        process = self._processes.get(run_id)
        if process is None:
            return Lost(message="this runner has no such process")
        ending = await process.ended.wait()
        self._processes.pop(run_id, None)
        return ending

    def has_ended(self, run_id: int) -> bool:
        """Whether the program has exited; what it left behind may still hold its pipes."""
        process = self._processes.get(run_id)
        return process is None or process.has_exited()

    async def cancel(self, run_id: int, grace: float) -> None:
        """SIGTERM to everything of the run, after ``grace`` seconds SIGKILL; a second call is harmless."""
        process = self._processes.get(run_id)
        if process is None or not process.ask_to_end(grace) or process.handle.pid is None:
            return
        if grace > 0:
            await asyncio.to_thread(terminate_escaped, process.handle.mark, process.handle.pid)

    async def end_left(self, handle: LocalHandle) -> Ended:
        """End what an earlier runner's run has certainly left."""
        if self._roster is None:
            return Ended(0)
        if handle.pid is None:
            handle = self._roster.left.get(handle.mark, handle)
        return await asyncio.to_thread(end_leftovers, handle, self._roster.origin)


class _Start(NamedTuple):
    """A start that has been asked for."""

    order: StartOrder
    answer: SharedResult[RunProcess | LostProcess | Exception]
