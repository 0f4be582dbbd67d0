"""Processes that stand for those of a run: started by a test, looked at, and ended after it."""

import contextlib
import os
import select
import signal
import subprocess
from pathlib import Path

Process = subprocess.Popen[bytes]

SLEEPER = "echo $$; exec sleep 600"
DAEMON = (
    "daemon=$(setsid sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 600 >&-\" & exit'); echo $daemon; {then}"
)
"""Prints once what lies between the leader and the daemon has ended, so that both can be counted."""
NAMELESS = "env -i sh -c 'echo $$; exec sleep 600' & {then}"

INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from jeeves_runner.__main__ import main
main()
"""
"""The program, also where the tests run in the background, for which shells have the signal ignored."""


class Spawner:
    """Starts processes whose first line of output is awaited, and ends them after the test."""

    def __init__(self) -> None:
        self.started: list[Process] = []

    def __call__(self, script: str, mark: str | None = None, database: object = None) -> tuple[Process, int]:
        """The process, in a session of its own, and the pid it printed. It bears the mark, and the database's
        path."""
        env = {"PATH": os.environ["PATH"]}
        env |= {"JR_RUN_MARK": mark} if mark else {}
        env |= {"JR_DB_PATH": str(database)} if database else {}
        process = subprocess.Popen(
            ["sh", "-c", script], env=env, start_new_session=True, stdout=subprocess.PIPE
        )
        self.started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    def end(self) -> None:
        """End all of them."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def runs_left(folder: Path) -> list[int]:
    """The processes of runs whose database lies below a folder."""
    wanted = f"JR_DB_PATH={folder}/".encode()
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and any(value.startswith(wanted) for value in _environment(process))
    ]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is of another user
        return []


def end_of(pid: int) -> "int | None":
    """A pidfd of a process, readable once it has ended; None if it is gone already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def has_ended(pid: int, within: float = 0) -> bool:
    """Whether a process ends in so many seconds."""
    pidfd = end_of(pid)
    if pidfd is None:
        return True
    try:
        return bool(select.select([pidfd], [], [], within)[0])
    finally:
        os.close(pidfd)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
