"""What a dead runner's run has left on this machine: ended is only what is certainly the run's own.

A process is the run's own if one of two things is proven. It bears the run's mark, and its environment names
this very database. Or it is in the session of the run's leader, and that leader lives: it has the noted
number and start time, in the same boot and PID namespace, and was started from this very database. A session
without its leader proves nothing, since its number may have come to another. What cannot be proven is left
alive and named.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple

from jeeves_runner.execute.local.hunt import kill_until_quiet, send
from jeeves_runner.execute.local.launch import LocalHandle
from jeeves_runner.execute.local.origin import Origin, file_identity
from jeeves_runner.execute.local.processes import (
    DATABASE_VARIABLE,
    MARK_VARIABLE,
    ON_LINUX,
    all_pids,
    bears_mark,
    carries,
    kill_group,
    read_stat,
    settled_environment,
    start_ticks,
)

_MOST_NAMED = 10


class Ended(NamedTuple):
    """What became of a run's leftovers."""

    killed: int
    """How many processes have been killed."""
    left_alive: str | None = None
    """What may be the run's and was left alive, for people; None if there is nothing of the kind."""


def end_leftovers(known: LocalHandle, here: Origin) -> Ended:
    """Kill what is certainly left of a run, for a runner ``here``; name what may be its own.

    Takes a minute at most, and mostly milliseconds. Blocking: call it in a thread.
    """
    left = _Leftovers(known, here)
    return Ended(left.kill(), left.left_alive())


class _Verdict(Enum):
    """What a process is to the run."""

    OWN = "own"
    DOUBTFUL = "doubtful"
    STRANGER = "stranger"


class _Leader(NamedTuple):
    """A leader that lives."""

    pid: int
    pidfd: int


class _Leftovers:
    """The processes of one run, as far as they can be told from others."""

    def __init__(self, known: LocalHandle, here: Origin) -> None:
        self._mark = known.mark
        self._here = here
        self._origin = origin = known.origin
        self._is_foreign = origin is not None and not origin.is_of_same_database(here)
        self._leader: tuple[int, str] | None = None
        if origin is None or self._is_foreign or not origin.shares_pids_with(here):
            return
        started = known.pid_started
        if known.pid is not None and started is not None and (started.isdecimal() or not ON_LINUX):
            self._leader = known.pid, started

    def kill(self) -> int:
        """Kill what is its own; how many those were."""
        if not ON_LINUX:
            return self._kill_group()
        with self._stopped_leader() as leader:
            killed = kill_until_quiet(self._is_own_member)
            # Last, because while it lives no other session can have its number.
            if leader is not None and send(leader.pidfd, signal.SIGKILL):
                killed.add(leader.pid)
        return len(killed | kill_until_quiet(lambda pid: self._judge(pid) is _Verdict.OWN))

    def left_alive(self) -> str | None:
        """In words, what may be its own and was not ended."""
        doubtful = [pid for pid in all_pids() if self._judge(pid) is _Verdict.DOUBTFUL] if ON_LINUX else []
        pids = ", ".join(map(str, doubtful[:_MOST_NAMED])) + (", …" if len(doubtful) > _MOST_NAMED else "")
        if owner := self._owner(doubtful):
            return f"it was started from {owner}, whose processes are left alone" + (pids and f": {pids}")
        return f"left alive, since they may be another's: processes {pids}" if pids else None

    def _owner(self, doubtful: list[int]) -> str | None:
        """The database that the run belongs to, if that is another one."""
        here = self._here.database
        named = [] if self._origin is None else [self._origin.database] * self._is_foreign
        for pid in doubtful:
            named += _database_of(settled_environment(pid))
        others = [database for database in named if database != here]
        return others[0] if others else f"another file at {here}" if self._is_foreign else None

    def _judge(self, pid: int) -> _Verdict:
        environment = settled_environment(pid)
        is_marked = bears_mark(environment, self._mark)
        if not is_marked and self._leader is None:
            return _Verdict.STRANGER
        stat = read_stat(pid)
        if stat is None or stat.is_dead:
            return _Verdict.STRANGER
        if is_marked and self._is_of_this_database(pid, environment):
            return _Verdict.OWN
        if self._leader is not None and stat.session == self._leader[0]:
            is_other_run = not is_marked and MARK_VARIABLE.encode() + b"=" in environment
            leader = start_ticks(self._leader[0])
            if is_other_run or leader not in (None, self._leader[1]) or stat.started < int(self._leader[1]):
                return _Verdict.STRANGER
            return _Verdict.DOUBTFUL if leader is None else _Verdict.OWN
        return _Verdict.DOUBTFUL if is_marked else _Verdict.STRANGER

    def _is_of_this_database(self, pid: int, environment: bytes) -> bool:
        """Whether a process that bears the mark was started from this database and not from a copy."""
        if self._is_foreign or not carries(environment, DATABASE_VARIABLE, self._here.database):
            return False
        if self._origin is not None:
            return True
        # Nothing was noted of the file. A process in a container may mean another one by the same path.
        found = file_identity(f"/proc/{pid}/root{self._here.database}")
        return found is not None and found == self._here.database_file

    def _is_own_member(self, pid: int) -> bool:
        is_leader = self._leader is not None and pid == self._leader[0]
        return not is_leader and self._judge(pid) is _Verdict.OWN

    @contextmanager
    def _stopped_leader(self) -> Iterator["_Leader | None"]:
        """The leader, which starts nothing more; None if it is gone."""
        if self._leader is None:
            yield None
            return
        pid, started = self._leader
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            yield None
            return
        try:
            is_it = start_ticks(pid) == started  # looked at once the pidfd is there
            yield _Leader(pid, pidfd) if is_it and send(pidfd, signal.SIGSTOP) else None
        finally:
            os.close(pidfd)

    def _kill_group(self) -> int:
        """Where environments cannot be read, the group goes if its leader lives."""
        if self._leader is None or start_ticks(self._leader[0]) != self._leader[1]:
            return 0
        kill_group(self._leader[0], signal.SIGKILL)
        return 1


def _database_of(environment: bytes) -> list[str]:
    """The database that an environment names, if it names one."""
    start = f"{DATABASE_VARIABLE}=".encode()
    return [os.fsdecode(entry[len(start) :]) for entry in environment.split(b"\0") if entry.startswith(start)]
