"""The runner's side of the starter, the process that starts programs (``starter_main``).

A start blocks a process until its exec is done; in the runner it would stop the event loop and the writer
alike. The starter makes the process, notes the instants of its start and its exit, and reaps it when told.
All else stays here: the pipes, the signals, the hunt for what a run leaves behind.

If the starter dies, the kernel hands its children to this process, which is the subreaper: the runs that
live go on and are watched and reaped here. What was under way is killed and is lost. A new starter takes
the orders that follow; where none can be had, programs are started directly.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from jeeves_runner.clock import Clock, from_timestamp
from jeeves_runner.core.outcome import Lost
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.local import orphans
from jeeves_runner.execute.local.faults import refused
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.leader import Birth, Pipes, Spawner, StartOrder
from jeeves_runner.execute.local.message_socket import MessageSocket, encode
from jeeves_runner.execute.local.processes import MARK_VARIABLE, read_stat, start_ticks_between
from jeeves_runner.execute.local.spawn import start_failed, watch_exit

log = logging.getLogger(__name__)

_PROGRAM = Path(__file__).with_name("starter_main.py")
_SILENCE = 10.0
"""Seconds after which a process that has orders and says nothing is taken for stuck."""
_TRIES = 3
"""How many processes may end in a row before they are ready."""
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
        self._mark = uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: MessageSocket | None = None
        self._is_ready = self._is_pumping = self._is_useless = False
        self._waiting: deque[StartOrder] = deque()
        self._under_way: dict[int, tuple[StartOrder, Pipes]] = {}
        self._last_key = self._early_ends = 0
        self._silence: asyncio.TimerHandle | None = None
        self._leaders: dict[int, _Leader] = {}
        self._to_reap: list[bytes] = []
        self._clearing: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """The number of its process while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def orders(self) -> int:
        """How many starts wait or are under way."""
        return len(self._waiting) + len(self._under_way)

    def open(self) -> None:
        """Begin its process, so that the first start need not wait for it."""
        if self._process is not None or self._is_useless:
            return
        if not orphans.become_subreaper():
            self._give_up("is of use only where orphans come to this process")
            return
        ours, theirs = socket.socketpair()
        try:
            self._process = process = self._begin(theirs.fileno())
        except OSError as error:
            ours.close()
            self._give_up(f"cannot be started: {error}")
            return
        finally:
            theirs.close()
        orphans.add_leader(process.pid)  # it is no orphan of a run
        self._socket = MessageSocket(
            ours, on_message=self._on_message, on_room=self._pump_soon, on_end=self._on_death
        )

    def close(self) -> None:
        """End its process; runs that live become children of this one."""
        self._end_process()

    def start(self, order: StartOrder) -> None:
        """Start it soon."""
        self.open()
        self._waiting.append(order)
        self._pump_soon()

    def reap(self, pid: int) -> None:
        """Let a process go that has ended."""
        del self._leaders[pid]
        self._to_reap.append(encode("reap", pid))
        self._pump_soon()

    def _begin(self, fd: int) -> "subprocess.Popen[bytes]":
        limit = "" if self._open_files is None else str(self._open_files)
        utf8 = f"-Xutf8={sys.flags.utf8_mode}"  # names of files are encoded there as they are here
        return subprocess.Popen(
            [sys.executable, "-I", "-S", utf8, str(_PROGRAM), str(fd), limit],
            stdin=subprocess.DEVNULL,
            env=os.environ | {MARK_VARIABLE: self._mark},
            pass_fds=[fd],
            start_new_session=True,
        )

    # Orders

    def _pump_soon(self) -> None:
        """At the end of this turn of the loop: what comes together is sent together."""
        if not self._is_pumping:
            self._is_pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_pumping = False
        while self._is_useless and self._waiting:
            self._direct.start(self._waiting.popleft())
        if self._socket is None or not self._is_ready or self._socket.is_full:
            return
        messages, self._to_reap = self._to_reap, []
        fds: list[int] = []
        while self._waiting and len(self._under_way) < _UNDER_WAY:
            order = self._waiting.popleft()
            if not order.withdrawn and (pipes := _pipes_for(order)) is not None:
                messages.append(self._put_under_way(order, pipes))
                fds += pipes.stdout_end, pipes.stderr_end
        if messages:
            self._socket.send(b"".join(messages), fds)

    def _put_under_way(self, order: StartOrder, pipes: Pipes) -> bytes:
        launch = order.launch
        order.under_way = True
        if self._silence is None:
            self._silence = asyncio.get_running_loop().call_later(_SILENCE, self._on_silence)
        self._last_key += 1
        self._under_way[self._last_key] = order, pipes
        return encode("start", self._last_key, launch.argv, dict(launch.env), launch.cwd)

    # Answers

    def _on_message(self, word: str, *rest: Any) -> None:
        self._end_silence()
        match word:
            case "ready":
                self._is_ready, self._early_ends = True, 0
            case "started":
                self._on_started(*rest)
            case "exited":
                pid, status, over = rest
                self._leaders[pid].exited(status, over)
            case "failed":
                key, number, path = rest
                error = OSError(number, os.strerror(number), path)
                self._on_failure(key, lambda launch: start_failed(launch, error))
            case "refused":
                key, text = rest
                self._on_failure(key, lambda _launch: refused(text))
        if self._under_way:
            self._silence = asyncio.get_running_loop().call_later(_SILENCE, self._on_silence)
        if self._waiting or self._to_reap:
            self._pump_soon()

    def _end_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _on_silence(self) -> None:
        """It is stopped, or waits for a file system that hangs."""
        log.error("the process that starts programs has said nothing for %.0f s and is killed", _SILENCE)
        self._on_death()

    def _on_started(self, key: int, pid: int, instants: tuple[float, float, float, float]) -> None:
        order, pipes = self._under_way.pop(key)
        before, wall, began, after = instants
        birth = Birth(
            pid=pid,
            pid_started=start_ticks_between(pid, before, after),
            started_at=from_timestamp(wall),
            began=began,
            stdout=pipes.stdout,
            stderr=pipes.stderr,
        )
        leader = self._leaders[pid] = _Leader(birth, self.reap)
        orphans.add_leader(pid)  # should the starter die, it becomes a child of this process
        order.answer(leader)

    def _on_failure(self, key: int, error: Callable[[Launch], Exception]) -> None:
        order, pipes = self._under_way.pop(key)
        pipes.close()
        order.answer(error(order.launch))

    # The end of its process

    def _on_death(self) -> None:
        self._early_ends += not self._is_ready
        self._end_process()
        if self._early_ends < _TRIES:
            log.error(
                "the process that starts programs has ended; another one takes its place, and runs go on"
            )
            self.open()
        else:
            self._give_up("ended before it was ready, again and again")
        self._pump_soon()

    def _give_up(self, why: str) -> None:
        self._is_useless = True
        log.warning("the process that starts programs %s; they are started directly", why)

    def _end_process(self) -> None:
        self._end_silence()
        process, self._process = self._process, None
        if process is None or self._socket is None:
            return
        self._socket.close()
        self._socket, self._is_ready, self._to_reap = None, False, []
        process.kill()
        process.wait()  # from here on its children are those of this process
        orphans.remove_leader(process.pid)
        orphans.none_left(self._mark, 0)  # reaps those that it was told to reap and has not
        leaders, self._leaders = self._leaders, {}
        for leader in leaders.values():
            leader.adopt(self._clock)
        lost, self._under_way = list(self._under_way.values()), {}
        for _, pipes in lost:
            pipes.close()
        if lost:
            task = asyncio.get_running_loop().create_task(self._kill_lost([order for order, _ in lost]))
            self._clearing.add(task)
            task.add_done_callback(self._clearing.discard)

    async def _kill_lost(self, orders: list[StartOrder]) -> None:
        """Kill what may have come of starts that were under way. Before its exec, a process bears the
        starter's mark."""
        await orphans.kill_all(self._mark, 0)
        for order in orders:
            await orphans.kill_all(order.launch.mark, 0)
            order.answer(Lost(message="the process that starts programs died while it started this one"))


class _Leader:
    """A run's process that is a child of the starter, and of this process once the starter has died."""

    def __init__(self, birth: Birth, reap: Callable[[int], None]) -> None:
        self.birth = birth
        self._have_reaped: Callable[[int], None] | None = reap
        self._status: int | None = None
        self._on_exit: Callable[[float], None] = lambda _over: None

    def watch(self, on_exit: Callable[[float], None]) -> None:
        """The starter does that."""
        self._on_exit = on_exit

    def exited(self, status: int, over: float) -> None:
        """The starter has seen its exit."""
        self._status = status
        self._on_exit(over)

    def adopt(self, clock: Clock) -> None:
        """The starter has died, and its exit is to be seen here."""
        self._have_reaped = None
        if self._status is None:
            watch_exit(self.birth.pid, lambda: self._on_exit(clock.monotonic()))

    def has_exited(self) -> bool:
        if self._status is not None:
            return True
        stat = read_stat(self.birth.pid)
        return stat is None or stat.is_dead

    def reap(self) -> int | None:
        if self._have_reaped is not None and self._status is not None:
            self._have_reaped(self.birth.pid)
            return self._status
        try:
            _, status = os.waitpid(self.birth.pid, 0)
        except ChildProcessError:
            return self._status
        return os.waitstatus_to_exitcode(status)


def _pipes_for(order: StartOrder) -> Pipes | None:
    try:
        return Pipes.open()
    except StartFailed as error:
        order.answer(error)
        return None
