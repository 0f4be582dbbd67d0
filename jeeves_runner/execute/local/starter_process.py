"""One process of a starter, from its start until its children are children of this process.

When it is to end, it is killed and its end awaited without blocking the event loop: a process in the middle
of an uninterruptible read dies only when that is over. Meanwhile another one may do the work.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from jeeves_runner.clock import Clock, from_timestamp
from jeeves_runner.core.outcome import Lost
from jeeves_runner.execute.faults import refused
from jeeves_runner.execute.local import orphans
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.leader import Birth, Pipes, StartOrder
from jeeves_runner.execute.local.message_socket import MessageSocket, encode
from jeeves_runner.execute.local.processes import MARK_VARIABLE, read_stat, start_ticks_between
from jeeves_runner.execute.local.spawn import reaped, start_failed, watch_exit

log = logging.getLogger(__name__)

_PROGRAM = Path(__file__).with_name("starter_main.py")
_SILENCE = 10.0
"""Seconds after which a process that owes a word and says none is taken for stuck. As many lie between two
looks for exits that it has not told of."""
_DYING = 10.0
"""Seconds to wait for the end of a killed process before its runs are taken care of all the same."""
_CLOSING = 1.0
"""Seconds to wait for its end where nothing else can be done meanwhile."""
_LOOK_AGAIN = 0.002
"""Seconds between the first two looks at a process that is killed; later ones are further apart."""
_LOOK_SELDOM = 0.25


class StarterProcess:
    """A process that starts programs. Use it from one event loop.

    Raises OSError if it cannot be begun. ``open_files`` is the programs' soft limit on open files, if it is
    not this process's own. ``on_word`` is called when there may be something to ``send``, ``on_end`` once
    when it has ended by itself, or has said nothing for too long and has been killed.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        open_files: int | None,
        on_word: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._on_word = on_word
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._mark = uuid4().hex
        self.is_ready = False
        """Whether it takes orders."""
        self.has_started = False
        """Whether it has answered an order."""
        self.under_way: dict[int, tuple[StartOrder, Pipes]] = {}
        self._last_key = 0
        self._leaders: dict[int, _Leader] = {}
        self._to_reap: list[bytes] = []
        self._silence: asyncio.TimerHandle | None = None
        self._untold: set[int] = set()
        self._clearing: asyncio.Task[None] | None = None
        self._is_over = False
        ours, theirs = socket.socketpair()
        try:
            self._process = self._begin(theirs.fileno(), open_files)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        try:
            self._socket = MessageSocket(
                ours, on_message=self._on_message, on_room=self._on_word, on_end=self._on_socket_end
            )
        except OSError:  # there is no room to watch one more descriptor
            ours.close()
            self._process.kill()
            self._process.wait()
            raise
        orphans.add_leader(self._process.pid)  # it is no orphan of a run
        self._await_a_word()
        self._next_look = self._loop.call_later(_SILENCE, self._look_for_untold_exits)

    def _begin(self, fd: int, open_files: int | None) -> "subprocess.Popen[bytes]":
        limit = "" if open_files is None else str(open_files)
        utf8 = f"-Xutf8={sys.flags.utf8_mode}"  # names of files are encoded there as they are here
        return subprocess.Popen(
            [sys.executable, "-I", "-S", utf8, str(_PROGRAM), str(fd), limit],
            stdin=subprocess.DEVNULL,
            env=os.environ | {MARK_VARIABLE: self._mark},
            pass_fds=[fd],
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_gone(self) -> bool:
        """Whether it has ended and its children are those of this process."""
        return self._is_over and self._process.returncode is not None

    @property
    def takes_orders(self) -> bool:
        """Whether it can be told something now."""
        return self.is_ready and not self._socket.is_full

    @property
    def has_to_reap(self) -> bool:
        """Whether ``send`` has something to say even without orders."""
        return bool(self._to_reap)

    def send(self, orders: Sequence[tuple[StartOrder, Pipes]]) -> None:
        """Let it reap what has been let go, and start these. It must take orders."""
        messages, self._to_reap = self._to_reap, []
        fds: list[int] = []
        for order, pipes in orders:
            messages.append(self._put_under_way(order, pipes))
            fds += pipes.stdout_end, pipes.stderr_end
        if messages:
            self._socket.send(b"".join(messages), fds)

    def _put_under_way(self, order: StartOrder, pipes: Pipes) -> bytes:
        launch = order.launch
        order.under_way = True
        if self._silence is None:
            self._await_a_word()
        self._last_key += 1
        self.under_way[self._last_key] = order, pipes
        return encode("start", self._last_key, launch.argv, dict(launch.env), launch.cwd)

    def _reap(self, pid: int) -> None:
        """Let a process go that has ended."""
        del self._leaders[pid]
        self._to_reap.append(encode("reap", pid))
        self._on_word()

    # Answers

    def _on_message(self, word: str, *rest: Any) -> None:
        self._end_silence()
        match word:
            case "ready":
                self.is_ready = True
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
        if self.under_way:
            self._await_a_word()
        self._on_word()

    def _on_started(self, key: int, pid: int, instants: tuple[float, float, float, float]) -> None:
        order, pipes = self.under_way.pop(key)
        self.has_started = True
        before, wall, began, after = instants
        birth = Birth(
            pid=pid,
            pid_started=start_ticks_between(pid, before, after),
            started_at=from_timestamp(wall),
            began=began,
            stdout=pipes.stdout,
            stderr=pipes.stderr,
        )
        leader = self._leaders[pid] = _Leader(birth, self._reap)
        orphans.add_leader(pid)  # should the starter die, it becomes a child of this process
        order.answer(leader)

    def _on_failure(self, key: int, error: Callable[[Launch], Exception]) -> None:
        order, pipes = self.under_way.pop(key)
        self.has_started = True
        pipes.close()
        order.answer(error(order.launch))

    # Silence

    def _await_a_word(self) -> None:
        self._silence = self._loop.call_later(_SILENCE, self._on_silence)

    def _end_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _on_silence(self) -> None:
        """It is stopped, or waits for a file system that hangs."""
        log.error("the process that starts programs has said nothing for %.0f s and is killed", _SILENCE)
        self._on_socket_end()

    def _look_for_untold_exits(self) -> None:
        """Without an order it owes no word, and yet it alone tells of exits. An exit that it is just telling
        of has until the next look."""
        untold = {pid for pid, leader in self._leaders.items() if leader.is_untold()}
        if untold & self._untold:
            self._on_silence()
            return
        self._untold = untold
        self._next_look = self._loop.call_later(_SILENCE, self._look_for_untold_exits)

    # Its end

    def _on_socket_end(self) -> None:
        self.end()
        self._on_end()

    def end(self) -> None:
        """Kill it. What it was told to start and has not is lost; the runs that live become children of this
        process, which may come later."""
        self._kill()
        for leader in self._leaders.values():
            leader.orphaned()
        self._look_for_end(_LOOK_AGAIN, self._loop.time() + _DYING)

    def close(self) -> None:
        """The same where the event loop is not to run on: waits for its end, for a second at most."""
        self._kill()
        try:
            self._process.wait(_CLOSING)
        except subprocess.TimeoutExpired:
            log.warning("the process that starts programs (%d) does not end", self.pid)
        else:
            orphans.remove_leader(self.pid)
        if not self._is_over:
            self._inherit()

    def _kill(self) -> None:
        self._end_silence()
        self._next_look.cancel()
        self._socket.close()
        self.is_ready, self._to_reap = False, []
        self._process.kill()

    def _look_for_end(self, pause: float, until: float) -> None:
        is_dead = self._process.poll() is not None
        if is_dead:
            orphans.remove_leader(self.pid)
        if not self._is_over and (is_dead or self._loop.time() >= until):
            self._inherit()
        if not is_dead:
            self._loop.call_later(pause, self._look_for_end, min(2 * pause, _LOOK_SELDOM), until)

    def _inherit(self) -> None:
        """Its children are those of this process by now, unless it does not die."""
        self._is_over = True
        orphans.none_left(self._mark, 0)  # reaps those that it was told to reap and has not
        leaders, self._leaders = self._leaders, {}
        for leader in leaders.values():
            leader.adopt(self._clock)
        lost, self.under_way = list(self.under_way.values()), {}
        for _, pipes in lost:
            pipes.close()
        if lost:
            self._clearing = self._loop.create_task(self._kill_lost([order for order, _ in lost]))

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

    def orphaned(self) -> None:
        """The starter is being ended, and reaps nothing more."""
        self._have_reaped = None

    def adopt(self, clock: Clock) -> None:
        """The starter has died, and its exit is to be seen here."""
        self.orphaned()
        if self._status is None:
            pid = self.birth.pid
            watch_exit(pid, lambda: self._on_exit(clock.monotonic()), is_child=False)

    def has_exited(self) -> bool:
        if self._status is not None:
            return True
        stat = read_stat(self.birth.pid)
        return stat is None or stat.is_dead

    def is_untold(self) -> bool:
        """Whether it has certainly ended, and the starter has not said so."""
        if self._status is not None:
            return False
        stat = read_stat(self.birth.pid)
        return stat is not None and stat.is_dead

    def reap(self) -> int | None:
        if self._have_reaped is not None and self._status is not None:
            self._have_reaped(self.birth.pid)
            return self._status
        if self._status is None:
            return reaped(self.birth.pid)
        with suppress(ChildProcessError):  # the starter is not dead yet; it is reaped as an orphan
            os.waitpid(self.birth.pid, os.WNOHANG)
        return self._status
