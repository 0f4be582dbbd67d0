"""Starting a run's program: the call, why it failed in words, its limit on open files, its exit."""

import asyncio
import errno
import os
import resource
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jeeves_runner.errors import JeevesError, StartFailed
from jeeves_runner.execute.faults import folder_fault, refused
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.processes import ON_LINUX, read_stat
from jeeves_runner.regular_files import read_all

_LOOK_AGAIN = 0.05
"""Seconds between two looks at a process that nothing else tells of."""
_MOST_ON_MACOS = 10_240
"""Where the hard limit says "infinity", macOS still refuses more than this."""


def spawn(launch: Launch, stdout: int, stderr: int) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, with empty stdin; blocks for some 0.6 ms.

    No ``preexec_fn``: without one the interpreter can use vfork, whose cost does not grow with
    this process. Raises StartFailed or InvalidValue.
    """
    try:
        return subprocess.Popen(
            launch.argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=launch.cwd,
            env=launch.env,
            close_fds=True,
            start_new_session=True,
        )
    except OSError as error:
        raise start_failed(launch, error) from error
    except ValueError as error:
        raise refused(str(error)) from error


def start_failed(launch: Launch, error: OSError) -> JeevesError:
    """What the system's answer to a start means; ``filename`` is the working folder if that was at fault."""
    if error.filename == launch.cwd != launch.argv[0]:
        return folder_fault(launch.cwd, error).as_error(StartFailed)
    program = Path(launch.cwd, launch.argv[0])
    match error.errno:
        case errno.ENOENT if program.exists():
            return _interpreter_missing(program)
        case errno.ENOENT | errno.ENOTDIR:
            return StartFailed(
                f"program not found: {launch.argv[0]}", hint="check the name and the PATH of the runner"
            )
        case errno.EACCES | errno.EPERM:
            return StartFailed(f"permission denied: {launch.argv[0]}", hint=f"chmod +x {launch.argv[0]}")
        case errno.ENOEXEC:
            return StartFailed(
                f"not a program this system can run: {program}",
                hint="does its first line lack an interpreter, such as #!/bin/sh?",
            )
        case errno.E2BIG:
            return StartFailed("the arguments and the environment are too large for this system")
        case _:
            return StartFailed(f"cannot start {launch.argv[0]}: {error.strerror or error}")


def _interpreter_missing(program: Path) -> StartFailed:
    with suppress(OSError):
        first_line = read_all(program, 256, follow=True).partition(b"\n")[0] + b"\n"
        if first_line.startswith(b"#!"):
            interpreter = first_line[2:].decode(errors="replace").strip()
            hint = "the file has Windows line endings" if first_line.endswith(b"\r\n") else None
            return StartFailed(f"the interpreter of {program} does not exist: {interpreter}", hint=hint)
    return StartFailed(f"program not found, or its loader is missing: {program}")


def watch_exit(
    pid: int, on_exit: Callable[[], None], *, use_pidfd: bool = True, is_child: bool = True
) -> None:
    """Call back once in the running loop when a process has ended, leaving it unreaped.

    On Linux it need not be a child. Raises RuntimeError elsewhere, if there is no thread to be had.
    """
    loop = asyncio.get_running_loop()
    if use_pidfd:
        with suppress(OSError):  # a sandbox without pidfds, or no descriptor left
            _watch_pidfd(loop, os.pidfd_open(pid), on_exit)
            return
    if is_child:
        try:
            _watch_from_thread(loop, pid, on_exit)
        except RuntimeError:
            if not ON_LINUX:
                raise
        else:
            return
    _watch_by_looking(loop, pid, on_exit)


def _watch_pidfd(loop: asyncio.AbstractEventLoop, pidfd: int, on_exit: Callable[[], None]) -> None:
    def end() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        on_exit()

    try:
        loop.add_reader(pidfd, end)
    except OSError:
        os.close(pidfd)
        raise


def _watch_from_thread(loop: asyncio.AbstractEventLoop, pid: int, on_exit: Callable[[], None]) -> None:
    def wait() -> None:
        _block_until_exit(pid)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(on_exit)

    threading.Thread(target=wait, name=f"exit-of-{pid}", daemon=True).start()


def _watch_by_looking(loop: asyncio.AbstractEventLoop, pid: int, on_exit: Callable[[], None]) -> None:
    stat = read_stat(pid)
    if stat is None or stat.is_dead:
        loop.call_soon(on_exit)
    else:
        loop.call_later(_LOOK_AGAIN, _watch_by_looking, loop, pid, on_exit)


def _block_until_exit(pid: int) -> None:
    if sys.platform == "darwin":
        queue = select.kqueue()
        event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        # The process may have ended already, which the kernel reports as "no such process".
        with suppress(ProcessLookupError):
            queue.control([event], 1)
        queue.close()
    else:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def reaped(pid: int) -> int | None:
    """The exit code of a child that has ended, or minus its signal; None if something else has taken it."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)


def raise_open_file_limit() -> int:
    """Let this process open as many files as its hard limit allows; returns the soft limit it had before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, _MOST_ON_MACOS) if sys.platform == "darwin" else hard
    with suppress(ValueError, OSError):  # a system that does not allow it: the runner works with what it has
        if soft != most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return soft


def set_open_file_limit(pid: int, soft: int) -> None:
    """Set the soft limit on open files of a process that has just started. Linux only.

    Programs that use ``select``, or that close every descriptor they might have, do badly with a
    high limit. It is set from outside, because a ``preexec_fn`` would turn the vfork of every start
    into a fork. The program has run for some microseconds by then, too short to reach either limit.
    """
    if sys.platform == "linux":
        # It has ended already, or became another user's; or the hard limit is lower by now.
        with suppress(OSError, ValueError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
