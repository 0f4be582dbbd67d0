"""One run's process group: its pipes, its end, and the end of all that it leaves behind.

An end goes through these steps, each at most once:

``exited``  the leader has ended; it stays unreaped, so its pid cannot be given to another process
``drained`` both pipes are at their end, or have been read for ``drain`` seconds more
``killed``  the group is signalled, and escaped processes are hunted
``ended``   the leader is reaped and the ending known
"""

import asyncio
import logging
import os
import signal
from contextlib import suppress

from jeeves_runner.core.outcome import Ending, Exited, Lost, Span
from jeeves_runner.errors import JeevesError, StartFailed
from jeeves_runner.execute.contract import Sink, StreamName
from jeeves_runner.execute.local import orphans
from jeeves_runner.execute.local.launch import Launch, LocalHandle
from jeeves_runner.execute.local.leader import Leader
from jeeves_runner.execute.local.processes import ON_LINUX, kill_group
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.local.temporaries import remove_temporary
from jeeves_runner.execute.shared_result import SharedResult

log = logging.getLogger(__name__)

_CHUNK = 65536  # what a pipe holds
_MAX_DRAIN_BYTES = 16 * 1024 * 1024
_AT_ONCE = 2  # chunks in one turn of the loop: a full pipe, and its end
_LOOK_AGAIN = 0.01  # seconds between two looks at a process that nothing watches


class RunProcess:
    """A run's leader process and what is attached to it; lives in one event loop's thread."""

    def __init__(
        self, launch: Launch, sink: Sink, leader: Leader, *, drain: float, roster: Roster | None = None
    ) -> None:
        """Attach the sink to a program that has just started.

        ``drain`` is how many seconds a held pipe is read after the exit.
        """
        self._launch = launch
        self._roster = roster
        self._sink: Sink | None = sink
        self._drain = drain
        self._loop = asyncio.get_running_loop()
        self._pipes: dict[int, StreamName] = {leader.birth.stdout: "stdout", leader.birth.stderr: "stderr"}
        self._drained_bytes = 0
        self._is_watched = False
        self._exited = self._asked = self._impatient = self._killed = False
        self._over = 0.0
        self._kill_timer: asyncio.TimerHandle | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._hunt_task: asyncio.Task[None] | None = None
        self.ended: SharedResult[Ending] = SharedResult()
        self._leader = leader
        birth = leader.birth
        self._pid = birth.pid
        self.handle = LocalHandle(
            run_id=launch.run_id,
            mark=launch.mark,
            pid=birth.pid,
            pid_started=birth.pid_started,
            origin=None if roster is None else roster.origin,
        )
        self.fault: JeevesError | None = None
        """Why the program could not be attached. Then it is being ended, and ``ended`` tells when it is."""
        try:
            self._attach()
        except Exception as error:  # noqa: BLE001 - whatever it is, the program must not run on unseen
            self._abandon(error)

    def _attach(self) -> None:
        if self._roster is not None:
            self._roster.note(self.handle)
        for fd in self._pipes:
            os.set_blocking(fd, False)
        self._leader.watch(self._on_exit)
        self._is_watched = True
        for fd in self._pipes:
            self._loop.add_reader(fd, self._on_readable, fd)

    def _abandon(self, error: Exception) -> None:
        if not isinstance(error, JeevesError):
            error = StartFailed(f"the run's program cannot be watched: {error}")
        self.fault = error
        self._impatient = True
        kill_group(self._pid, signal.SIGKILL)
        if not self._is_watched:
            self._look_for_exit()

    def _look_for_exit(self) -> None:
        # Elsewhere than on Linux it cannot be seen; there, to reap waits for it.
        if self._leader.has_exited() or not ON_LINUX:
            self._on_exit(self._leader.birth.began)
        else:
            self._loop.call_later(_LOOK_AGAIN, self._look_for_exit)

    # Asking for an end

    def ask_to_end(self, grace: float) -> bool:
        """SIGTERM now, SIGKILL after ``grace`` seconds. Returns whether this was the first request.

        Asking again can only bring the SIGKILL forward.
        """
        if self.ended.is_set:
            return False
        if self.has_exited():
            self._hurry()
            return False
        first, self._asked = not self._asked, True
        if first and grace > 0:
            kill_group(self._pid, signal.SIGTERM)
        self._kill_after(grace)
        return first

    def kill(self) -> None:
        """SIGKILL to the group now; what has escaped follows when the leader has ended."""
        if self.ended.is_set:
            return
        kill_group(self._pid, signal.SIGKILL)
        self._hurry()

    def has_exited(self) -> bool:
        """Whether the leader has ended, also if the watcher has not noticed yet."""
        return self._exited or self._leader.has_exited()

    def _hurry(self) -> None:
        """Stop waiting for output: at once if the leader has exited, else as soon as it does."""
        self._impatient = True
        if self._exited:
            self._end_drain()

    def _kill_after(self, grace: float) -> None:
        if grace <= 0:
            self.kill()
            return
        timer = self._loop.call_later(grace, self.kill)
        if self._kill_timer is None or timer.when() < self._kill_timer.when():
            timer, self._kill_timer = self._kill_timer or timer, timer
        if timer is not self._kill_timer:
            timer.cancel()

    # Output

    def _on_readable(self, fd: int) -> None:
        self._read_once(fd)
        if self._exited and not self._killed and (not self._pipes or self._drained_bytes > _MAX_DRAIN_BYTES):
            self._end_drain()

    def _read_once(self, fd: int) -> bool:
        """Pass one chunk on; False when there is nothing more to read for now."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._close_pipe(fd)
            return False
        if self._exited:
            self._drained_bytes += len(data)
        self._deliver(self._pipes[fd], data)
        return True

    def _read_what_is_there(self, most: int = _MAX_DRAIN_BYTES // _CHUNK) -> None:
        """``most``: chunks of each pipe. What a process that lives on writes meanwhile counts as well."""
        for fd in list(self._pipes):
            left = most
            while left > 0 and self._drained_bytes <= _MAX_DRAIN_BYTES and self._read_once(fd):
                left -= 1

    def _deliver(self, stream: StreamName, data: bytes) -> None:
        if self._sink is None:
            return
        try:
            self._sink.write(stream, data)
        except Exception:  # whatever the sink's fault is, the process is drained, ended and reaped
            log.exception("output of run %d is lost from here on", self._launch.run_id)
            self._sink = None

    def _close_pipe(self, fd: int) -> None:
        del self._pipes[fd]
        self._loop.remove_reader(fd)
        os.close(fd)

    # The end

    def _on_exit(self, over: float) -> None:
        self._exited, self._over = True, over
        self._read_what_is_there(_AT_ONCE)
        if not self._pipes or self._impatient:
            self._end_drain()
        else:
            self._drain_timer = self._loop.call_later(self._drain, self._end_drain)

    def _end_drain(self) -> None:
        if self._killed:
            return
        self._killed = True
        kill_group(self._pid, signal.SIGKILL)
        if not self._pipes and orphans.none_left(self._launch.mark, self._pid):
            self._finish()
        else:
            self._hunt_task = self._loop.create_task(self._hunt())

    async def _hunt(self) -> None:
        try:
            await orphans.kill_all(self._launch.mark, self._pid)
        finally:
            self._finish()

    def _finish(self) -> None:
        self._read_what_is_there()
        for fd in list(self._pipes):
            self._close_pipe(fd)
        for timer in (self._kill_timer, self._drain_timer):
            if timer is not None:
                timer.cancel()
        birth = self._leader.birth
        span = Span(birth.started_at, round((self._over - birth.began) * 1000))
        ending = _ending_of(self._leader.reap(), span)
        orphans.remove_leader(self._pid)
        if self._roster is not None:
            self._roster.forget(self._launch.mark)
        remove_temporaries(self._launch)
        self._sink = None
        self.ended.set(ending)


class LostProcess:
    """Stands for a process of which it cannot be known how far it came. It has been killed."""

    def __init__(self, launch: Launch, lost: Lost) -> None:
        remove_temporaries(launch)
        self.handle = LocalHandle(run_id=launch.run_id, mark=launch.mark)
        self.ended: SharedResult[Ending] = SharedResult()
        self.ended.set(lost)

    def ask_to_end(self, grace: float) -> bool:
        """Nothing is left to end."""
        return False

    def has_exited(self) -> bool:
        """It is gone."""
        return True


def remove_temporaries(launch: Launch) -> None:
    """Remove the files made for a launch, once it is over or if it never started."""
    for path in launch.temporaries:
        with suppress(OSError):
            remove_temporary(path)


def _ending_of(status: int | None, span: Span) -> Ending:
    if status is None:
        return Lost(message="how it ended is not known: something else has taken its exit status")
    if status >= 0:
        return Exited(code=status, span=span)
    return Exited(signal=_signal_name(-status), span=span)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Of Linux's real-time signals only the first and the last have a name in Python.
        return f"SIGRTMIN+{number - signal.SIGRTMIN}" if ON_LINUX else f"SIG{number}"
