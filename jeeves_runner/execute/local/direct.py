"""Starting programs from the runner's own process, where there is no starter."""

import asyncio
import os
import subprocess
from collections import deque
from collections.abc import Callable

from jeeves_runner.clock import Clock
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.local import orphans
from jeeves_runner.execute.local.leader import Birth, Pipes, StartOrder
from jeeves_runner.execute.local.processes import ON_LINUX, start_ticks_between
from jeeves_runner.execute.local.spawn import reaped, set_open_file_limit, spawn, watch_exit


class DirectSpawner:
    """Starts programs by subprocess, as children of this process.

    A start blocks the loop for a part of a millisecond, so each turn of the loop makes only one.
    ``open_files`` is their soft limit on open files, if it is not this process's own.
    """

    def __init__(self, clock: Clock, *, use_pidfd: bool = True, open_files: int | None = None) -> None:
        self._clock = clock
        self._use_pidfd = use_pidfd and ON_LINUX
        self._open_files = open_files
        self._waiting: deque[StartOrder] = deque()
        self._has_started = False

    def open(self) -> None:
        """Nothing is needed."""

    def start(self, order: StartOrder) -> None:
        """Start it at once, or in a turn of the loop to come if this one has made a start already."""
        if self._has_started:
            self._waiting.append(order)
        else:
            self._start(order)

    def _start(self, order: StartOrder) -> None:
        self._has_started = True
        asyncio.get_running_loop().call_soon(self._next_turn)
        if not order.withdrawn:
            self._answer(order)

    def _next_turn(self) -> None:
        self._has_started = False
        if self._waiting:
            self._start(self._waiting.popleft())

    def _answer(self, order: StartOrder) -> None:
        try:
            leader = self._spawn(order)
        except Exception as error:  # noqa: BLE001 - it goes to the caller
            order.answer(error)
        else:
            order.answer(leader)

    def _spawn(self, order: StartOrder) -> "_Child":
        orphans.become_subreaper()
        pipes = Pipes.open()
        clock = self._clock
        before, started_at, began = clock.boottime(), clock.now(), clock.monotonic()
        try:
            with orphans.registration():
                popen = spawn(order.launch, pipes.stdout_end, pipes.stderr_end)
                if self._open_files is not None:
                    set_open_file_limit(popen.pid, self._open_files)
                orphans.add_leader(popen.pid)
        except BaseException:
            pipes.close()
            raise
        finally:
            pipes.close_ends()
        birth = Birth(
            pid=popen.pid,
            pid_started=start_ticks_between(popen.pid, before, clock.boottime()),
            started_at=started_at,
            began=began,
            stdout=pipes.stdout,
            stderr=pipes.stderr,
        )
        return _Child(birth, popen, clock, self._use_pidfd)


class _Child:
    """A run's process that is a child of this one."""

    def __init__(self, birth: Birth, popen: "subprocess.Popen[bytes]", clock: Clock, use_pidfd: bool) -> None:
        self.birth = birth
        self._popen = popen
        self._clock = clock
        self._use_pidfd = use_pidfd

    def watch(self, on_exit: Callable[[float], None]) -> None:
        clock = self._clock
        try:
            watch_exit(self.birth.pid, lambda: on_exit(clock.monotonic()), use_pidfd=self._use_pidfd)
        except RuntimeError as error:  # no thread to be had
            raise StartFailed(f"cannot watch the run's process: {error}") from error

    def has_exited(self) -> bool:
        """At once on Linux; elsewhere the watcher is waited for."""
        if not ON_LINUX:
            return False
        try:
            found = os.waitid(os.P_PID, self.birth.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True  # something else has taken its status
        return found is not None

    def reap(self) -> int | None:
        status = reaped(self.birth.pid)
        # Popen.wait would take a status that something else has taken for 0. Told of the end, it stays away
        # from the number, which may be another process's from now on.
        self._popen.returncode = 0 if status is None else status
        return status
