"""The runner as a process whose database another program locks or breaks: one line, and no traceback."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

import apsw
import pytest
from support.server import EVERY_SECOND, PATIENCE, SERVE, command, database, new_project, save, until

from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.db.runner import RunnerLock
from jeeves_runner.errors import NotADatabase
from jeeves_runner.service import Runner

IMPATIENT = """
import sys
from jeeves_runner.runner import epoch
from jeeves_runner.__main__ import main
epoch.WARN_AFTER = 0.1
sys.argv = ["jeeves-runner", "serve"]
main()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    save(new_project(tmp_path), "tick.yaml", EVERY_SECOND)
    return tmp_path


@contextmanager
def started(root: Path, program: Sequence[str], once_it_says: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that has said in its log what it waits for."""
    with log_of(root).open("wb") as stream:
        server = subprocess.Popen(program, cwd=root, stdout=stream, stderr=stream)
    try:
        until(lambda: once_it_says in log_of(root).read_text())
        yield server
    finally:
        server.kill()
        server.wait()


def log_of(root: Path) -> Path:
    return root / "serve.log"


@contextmanager
def waiting(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], apsw.Connection]]:
    """A server that waits for its database, and who holds that."""
    assert command(root, "apply").returncode == 0
    with closing(apsw.Connection(str(database(root)))) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with started(root, [sys.executable, "-c", IMPATIENT], "runner.sqlite for over") as server:
            yield server, holder


@contextmanager
def beside_a_cancel(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], RunnerLock]]:
    """A server that waits for a command which settles a dead one's runs, and the lock of that command."""
    lock = RunnerLock(database(root), command="cancel")
    lock.acquire()
    try:
        with started(root, SERVE, "waits up to 10 s: `jeeves-runner cancel`") as server:
            yield server, lock
    finally:
        lock.release()


def test_a_start_waits_for_a_command_that_settles_runs(root: Path) -> None:
    with beside_a_cancel(root) as (server, lock):
        lock.release()
        until(lambda: "answers on" in log_of(root).read_text())
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0


def test_a_start_that_waits_for_a_command_can_be_stopped(root: Path) -> None:
    with beside_a_cancel(root) as (server, _):
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_locked_database_is_waited_for_until_told_to_stop(root: Path, number: signal.Signals) -> None:
    with waiting(root) as (server, _):
        server.send_signal(number)
        assert server.wait(PATIENCE) == 0
    locked, stopping, stopped = log_of(root).read_text().splitlines()
    assert "has locked" in locked
    assert f"{number.name}: stopping" in stopping
    assert "stopped after" in stopped


def test_a_locked_database_is_taken_over_once_it_is_free(root: Path) -> None:
    with waiting(root) as (server, holder):
        holder.close()
        until(lambda: " answers on " in log_of(root).read_text())
        server.terminate()
        assert server.wait(PATIENCE) == 0


def test_a_part_that_finds_the_database_damaged_ends_the_runner_in_words(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def damaged() -> None:
        raise apsw.CorruptError("database disk image is malformed")

    async def grouped() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(damaged())

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            runner = Runner(load_config(root, None), SystemClock(), stack)
            runner._tasks.spawn("watch of the manifests", grouped())
            await runner.until_stopped()

    with pytest.raises(NotADatabase, match="is damaged"):
        asyncio.run(scene())
    (record,) = caplog.records
    assert record.message.startswith("the watch of the manifests failed; stopping: ")
    assert not record.exc_info
