"""Starts programs on this machine, each as a process group of its own, and tells how they ended."""

import asyncio

from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.core.outcome import Ending, Lost
from jeeves_runner.execute.contract import Sink
from jeeves_runner.execute.local import orphans
from jeeves_runner.execute.local.launch import Launch, LocalHandle
from jeeves_runner.execute.local.processes import ON_LINUX, boot_id, kill_marked, terminate_escaped
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.local.run_process import RunProcess, remove_temporaries


class Launcher:
    """Runs each launch as a process group in a session of its own.

    Use it from one event loop. The first start makes this process the subreaper of its
    descendants (see ``orphans``). ``drain`` is how many seconds a pipe is still read when
    something holds it after the run's program has ended. The ``roster`` notes the processes for the
    next runner, in case this one is killed. ``open_files`` is the soft limit on open files that
    programs get; without it they get this process's own.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        drain: float = 1.0,
        use_pidfd: bool = True,
        roster: Roster | None = None,
        open_files: int | None = None,
    ) -> None:
        self._roster = roster
        self._clock = clock or SystemClock()
        self._drain = drain
        self._open_files = open_files
        self._use_pidfd = use_pidfd and ON_LINUX
        self._processes: dict[int, RunProcess] = {}
        self._spawning = asyncio.Lock()
        self._has_spawned = False
        boot_id()  # cached from now on: later all file descriptors may be in use

    async def start(self, launch: Launch, sink: Sink) -> LocalHandle:
        """Start the program and attach the sink, which must not be closed before ``wait`` answers."""
        try:
            # A spawn blocks the loop for a part of a millisecond, so each turn of the loop makes only one.
            async with self._spawning:
                while self._has_spawned:  # noqa: ASYNC110 - it waits for the next turn of the loop
                    await asyncio.sleep(0)
                process = self._processes.get(launch.run_id) or self._spawn(launch, sink)
        except asyncio.CancelledError:
            remove_temporaries(launch)
            raise
        return process.handle

    def _spawn(self, launch: Launch, sink: Sink) -> RunProcess:
        orphans.become_subreaper()
        try:
            process = RunProcess(
                launch,
                sink,
                self._clock,
                drain=self._drain,
                use_pidfd=self._use_pidfd,
                roster=self._roster,
                open_files=self._open_files,
            )
        except BaseException:
            remove_temporaries(launch)
            raise
        self._processes[launch.run_id] = process
        self._has_spawned = True
        asyncio.get_running_loop().call_soon(self._next_turn)
        return process

    def _next_turn(self) -> None:
        self._has_spawned = False

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

    async def kill_left(self, handle: LocalHandle) -> int:
        """Kill what an earlier runner's run has left; how many processes those were."""
        if handle.pid is None and self._roster is not None:
            handle = self._roster.left.get(handle.mark, handle)
        return await asyncio.to_thread(
            kill_marked, handle.mark, handle.pid, handle.pid_started, handle.boot_id
        )
