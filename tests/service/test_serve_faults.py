"""The runner as a process whose database somebody else locks or breaks: said in a line, and no traceback."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import apsw
import pytest
from support.server import PATIENCE, SERVE, command, until

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
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "tick.yaml").write_text("schedule: '* * * * * *'\nrun: echo tick\ntimeout: 10s\n")
    (tmp_path / "jeeves-runner.yaml").write_text("port: 0\n")
    return tmp_path


@contextmanager
def waiting(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], apsw.Connection, Path]]:
    """A server that has said what it waits for, who holds its database, and its log."""
    assert command(root, "apply").returncode == 0
    log = root / "serve.log"
    holder = apsw.Connection(str(root / "data" / "runner.sqlite"))
    holder.execute("BEGIN EXCLUSIVE")
    with log.open("wb") as stream:
        server = subprocess.Popen([sys.executable, "-c", IMPATIENT], cwd=root, stdout=stream, stderr=stream)
    try:
        until(lambda: "runner.sqlite for over" in log.read_text())
        yield server, holder, log
    finally:
        holder.close()
        server.kill()
        server.wait()


@contextmanager
def beside_a_cancel(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], RunnerLock, Path]]:
    """A server that waits for a command which settles a dead one's runs, its lock, and the server's log."""
    log = root / "serve.log"
    lock = RunnerLock(root / "data" / "runner.sqlite", command="cancel")
    lock.acquire()
    with log.open("wb") as stream:
        server = subprocess.Popen(SERVE, cwd=root, stdout=stream, stderr=stream)
    try:
        until(lambda: "waits up to 10 s: `jeeves-runner cancel`" in log.read_text())
        yield server, lock, log
    finally:
        lock.release()
        server.kill()
        server.wait()


def test_a_start_waits_for_a_command_that_settles_runs(root: Path) -> None:
    with beside_a_cancel(root) as (server, lock, log):
        lock.release()
        until(lambda: "answers on" in log.read_text())
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0


def test_a_start_that_waits_for_a_command_can_be_stopped(root: Path) -> None:
    with beside_a_cancel(root) as (server, _, _):
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_locked_database_is_waited_for_until_told_to_stop(root: Path, number: signal.Signals) -> None:
    with waiting(root) as (server, _, log):
        server.send_signal(number)
        assert server.wait(PATIENCE) == 0
    locked, stopping = log.read_text().splitlines()
    assert "has locked" in locked
    assert f"{number.name}: stopping" in stopping


def test_a_locked_database_is_taken_over_once_it_is_free(root: Path) -> None:
    with waiting(root) as (server, holder, log):
        holder.close()
        until(lambda: " answers on " in log.read_text())
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
            runner._spawn("watch of the manifests", grouped())
            await runner.until_stopped()

    with pytest.raises(NotADatabase, match="is damaged"):
        asyncio.run(scene())
    (record,) = caplog.records
    assert record.message.startswith("the watch of the manifests failed; stopping: ")
    assert not record.exc_info
