"""Processes that left their run: daemons that forked twice and began a session of their own.

On Linux this process declares itself the subreaper of its descendants, so the kernel hands it
every process whose parent has ended. At a run's end such orphans stand among our own children,
which costs one small read to see, where a search through ``/proc`` costs a hundred times that.

Two rules keep strangers safe. A child in our own session was started by some other part of this
program (no run can get there) and is not touched. A child in a foreign session is either the
leader of a run, known here, or an orphan: it is reaped when dead and killed only when it bears
the ending run's mark or still belongs to its session. Therefore nothing else in this process may
start children in sessions of their own and count on their exit status.
"""

import asyncio
import ctypes
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path

from jeeves_runner.execute.local.hunt import Persistence, kill_marked
from jeeves_runner.execute.local.processes import ON_LINUX, bears_mark, environment_of, read_proc

log = logging.getLogger(__name__)

_PR_SET_CHILD_SUBREAPER = 36
_MAX_UNCLEAR_ROUNDS = 20
_ROUND_PATIENCE = 0.05  # seconds a round waits for a process it has killed
_EXEC_PATIENCE = 0.002  # seconds between two looks at a process in the middle of an exec

_lock = threading.Lock()
_leaders: set[bytes] = set()  # their pids, as the kernel writes them
_unreadable: set[int] = set()  # pids of orphans whose environment never came


@cache
def become_subreaper() -> bool:
    """Become the subreaper, once per process. Returns whether orphans can be found this way."""
    if not ON_LINUX or not Path(_children_path()).exists():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


@contextmanager
def registration() -> Iterator[None]:
    """Held while a leader is started and registered: other threads must not take it for an orphan."""
    with _lock:
        yield


def add_leader(pid: int) -> None:
    """Register a run's leader, which only its own watcher reaps; call it within ``registration``."""
    _leaders.add(b"%d" % pid)


def remove_leader(pid: int) -> None:
    """Forget a leader that was reaped."""
    _leaders.discard(b"%d" % pid)


def none_left(mark: str, leader: int) -> bool:
    """Whether it is certain that a run has no process left but its unreaped leader.

    Also reaps the dead orphans of all runs.
    """
    if not become_subreaper():
        return not ON_LINUX
    found = _judged_children(mark, leader)
    return found is not None and all(verdict is _Verdict.STRANGER for _, verdict in found)


async def kill_all(mark: str, leader: int) -> None:
    """Kill the orphans of a run, and those that appear when these die, until none is left.

    Gives up with a warning on a process that does not end: see ``Persistence``.
    """
    if not become_subreaper():
        await asyncio.to_thread(kill_marked, mark)
        return
    persistence, unclear_rounds = Persistence(), 0
    while True:
        found = _judged_children(mark, leader)
        ours, reaped, unclear = (
            [pid for pid, verdict in found or () if verdict is wanted]
            for wanted in (_Verdict.OURS, _Verdict.REAPED, _Verdict.UNCLEAR)
        )
        for pid in ours:
            _kill(pid)
        if persistence.gives_up(ours):
            if ours:
                log.warning("processes of the run led by %d could not be ended: %s", leader, ours)
            else:
                log.warning("what the run led by %d has left cannot be seen: no descriptor is free", leader)
            return
        if found is None:
            await asyncio.sleep(_ROUND_PATIENCE)
        elif ours:
            await _wait_briefly_for(ours[0])
        elif unclear and unclear_rounds < _MAX_UNCLEAR_ROUNDS:
            unclear_rounds += 1
            await asyncio.sleep(_EXEC_PATIENCE)
        elif reaped:
            await asyncio.sleep(0)
        else:
            _unreadable.update(unclear)
            return


class _Verdict(Enum):
    """What a child of this process is to the run that is ending."""

    STRANGER = "stranger"
    OURS = "ours"
    REAPED = "reaped"  # its children may have come to us after we looked
    UNCLEAR = "unclear"  # no environment to read: in the middle of an exec, cleared, or of another user


def _children_path() -> str:
    # The kernel hands orphans to the main thread, whichever thread runs the event loop.
    return f"/proc/self/task/{os.getpid()}/children"


def _judged_children(mark: str, leader: int) -> list[tuple[int, _Verdict]] | None:
    """This process's children that lead no run, each with what it is to the run of this mark; None while they
    cannot be read, for want of a descriptor."""
    with _lock:
        children = read_proc(_children_path())
        if children is None:
            return None
        unknown = [int(pid) for pid in children.split() if pid not in _leaders]
        return [(pid, _judge(pid, mark, leader)) for pid in unknown]


def _judge(pid: int, mark: str, leader: int) -> _Verdict:
    try:
        session = os.getsid(pid)
        if session == os.getsid(0):
            return _Verdict.STRANGER
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None:
            _unreadable.discard(pid)
            return _Verdict.REAPED
    except (ProcessLookupError, ChildProcessError):
        return _Verdict.STRANGER
    if session == leader:
        return _Verdict.OURS
    environment = environment_of(pid)
    if not environment:
        return _Verdict.STRANGER if pid in _unreadable else _Verdict.UNCLEAR
    return _Verdict.OURS if bears_mark(environment, mark) else _Verdict.STRANGER


def _kill(pid: int) -> None:
    # An unreaped child of ours keeps its pid, and only this thread reaps orphans.
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


async def _wait_briefly_for(pid: int) -> None:
    """Wait for a child's end, for ``_ROUND_PATIENCE`` seconds at most."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        await asyncio.sleep(_EXEC_PATIENCE)
        return
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(_ROUND_PATIENCE):
            await ended.wait()
    except TimeoutError:
        return
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
