"""Processes as the system shows them: who they are, when they began, what environment they were given."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MARK_VARIABLE = "JR_RUN_MARK"
"""Holds the random text by which a run's processes are found again."""
DATABASE_VARIABLE = "JR_DB_PATH"
"""Holds the real path of the database that a run's processes belong to."""
ON_LINUX: bool = sys.platform == "linux"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_READ_SIZE = 65536
_EXEC_PATIENCE = 0.001  # seconds between two looks at a process in the middle of an exec
_EXEC_LOOKS = 50
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """The fields of ``/proc/PID/stat`` that are used here; see proc_pid_stat(5)."""

    state: str
    """One letter, such as R for running and Z for a zombie."""
    group: int
    session: int
    flags: int
    """The kernel's flags of the process."""
    started: int
    """Clock ticks since boot."""
    environment: tuple[int, int]
    """Where its environment begins and ends in memory: zeros while it has none, and for a process
    of another user."""

    @property
    def is_dead(self) -> bool:
        return self.state in "ZX"

    @property
    def is_kernel_thread(self) -> bool:
        return bool(self.flags & _KERNEL_THREAD)


@cache
def boot_id() -> str:
    """A text that is the same until the machine restarts, and never again."""
    if ON_LINUX:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return _output_of("sysctl", "-n", "kern.bootsessionuuid") or "unknown"


def start_ticks(pid: int) -> str | None:
    """When a process started, in a form only to be compared; None if there is no such process."""
    if ON_LINUX:
        stat = read_stat(pid)
        return None if stat is None else str(stat.started)
    return _output_of("ps", "-o", "lstart=", "-p", str(pid)) or None


def start_ticks_between(pid: int, before: float, after: float) -> str | None:
    """``start_ticks`` of a process forked between two readings of the boot-time clock (seconds).

    If both readings fall into one tick, that is the answer. The kernel's answer would take up to a
    millisecond, because the process is in the middle of its exec: longer than starting it took.
    """
    first, last = int(before * _TICKS_PER_SECOND), int(after * _TICKS_PER_SECOND)
    return str(first) if ON_LINUX and first == last else start_ticks(pid)


def read_stat(pid: int) -> ProcessStat | None:
    """A process as Linux shows it; None if it is gone. Zombies still have one."""
    text = read_proc(f"/proc/{pid}/stat") or b""
    # The name in parentheses may itself hold spaces and parentheses.
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 49:
        return None
    return ProcessStat(
        state=fields[0].decode(),
        group=int(fields[2]),
        session=int(fields[3]),
        flags=int(fields[6]),
        started=int(fields[19]),
        environment=(int(fields[47]), int(fields[48])),
    )


def environment_of(pid: int) -> bytes:
    """The environment a process was started with.

    Empty if the process is gone, another user's, or in the middle of an exec.
    """
    return read_proc(f"/proc/{pid}/environ") or b""


def read_proc(path: str) -> bytes | None:
    """All of a file of ``/proc``; None if unreadable. Plain system calls, because searches read many."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = [os.read(fd, _READ_SIZE)]
        while parts[-1]:
            parts.append(os.read(fd, _READ_SIZE))
    except OSError:
        return None  # the process ended between the two calls
    finally:
        os.close(fd)
    return b"".join(parts)


def carries(environment: bytes, name: str, value: str) -> bool:
    """Whether a variable has this value in an environment, as ``environment_of`` gives it."""
    return b"\0%s=%s\0" % (name.encode(), os.fsencode(value)) in b"\0" + environment


def bears_mark(environment: bytes, mark: str) -> bool:
    """Whether an environment carries this run's mark. Of a row without a mark, none does."""
    return bool(mark) and carries(environment, MARK_VARIABLE, mark)


def kill_group(pid: int, signum: int) -> None:
    """Signal a process group. Its leader must be unreaped, so that the number is not another group's."""
    try:
        os.killpg(pid, signum)
    except (ProcessLookupError, PermissionError):
        # No process is left, or only processes of another user, which may not be signalled.
        return


def all_pids() -> Iterator[int]:
    """All processes but this one; none if what is at ``/proc`` numbers those of another PID namespace."""
    own = str(os.getpid())
    try:
        if os.readlink("/proc/self") != own:
            return iter(())
        with os.scandir("/proc") as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return iter(())
    return (int(name) for name in names if name.isdigit() and name != own)


def settled_environment(pid: int) -> bytes:
    """Like ``environment_of``, but waits while the process is in the middle of an exec.

    An exec gives a process new memory, then an empty place for its environment, then the
    environment. So a process has really cleared its environment if its place stays and stays empty.
    """
    place = (0, 0)
    for _ in range(_EXEC_LOOKS):
        environment = read_proc(f"/proc/{pid}/environ")
        if environment or environment is None:
            break
        stat = read_stat(pid)
        if stat is None or stat.is_dead or stat.is_kernel_thread:
            break
        if stat.environment == place != (0, 0):
            break
        place = stat.environment
        select.select([], [], [], _EXEC_PATIENCE)
    return environment or b""


def _output_of(*argv: str) -> str:
    environment = {"LC_ALL": "C", "PATH": os.defpath}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
    return done.stdout.strip()
