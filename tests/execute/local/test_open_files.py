"""The runner may open all the files the system lets it; what it starts has the limit of before."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.outcome import Exited
from jeeves_runner.execute.contract import StreamName
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.spawn import raise_open_file_limit, set_open_file_limit
from jeeves_runner.execute.local.starter import Starter

LOW = 256


@pytest.fixture
def low_limit() -> Iterator[int]:
    """A soft limit as a login gives it; the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LOW, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_becomes_the_hard_one(low_limit: int) -> None:
    assert raise_open_file_limit() == LOW
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (low_limit, low_limit)
    assert raise_open_file_limit() == low_limit


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets the limits of another process")
@pytest.mark.parametrize("with_starter", [False, True])
def test_a_program_gets_the_limit_of_before(low_limit: int, with_starter: bool, tmp_path: Path) -> None:
    told: list[bytes] = []
    go = tmp_path / "go"
    os.mkfifo(go)

    class Sink:
        def write(self, _stream: StreamName, data: bytes) -> None:
            told.append(data)

    async def run() -> object:
        limit = raise_open_file_limit()
        direct = DirectSpawner(SystemClock(), open_files=limit)
        starter = Starter(SystemClock(), direct, open_files=limit)
        executor = Launcher(spawner=starter if with_starter else direct)
        # Started directly, it has its limit only some moments after its beginning.
        ask = f"open({str(go)!r}).read(); import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
        program = Launch(
            run_id=1, argv=(sys.executable, "-c", ask), env=dict(os.environb), cwd="/", mark="a mark"
        )
        handle = await executor.start(program, Sink())
        await asyncio.to_thread(go.write_text, "")
        with closing(starter):
            return await executor.wait(handle.run_id)

    assert asyncio.run(run()) == Exited(code=0)
    assert b"".join(told).split() == [b"%d" % LOW, b"%d" % low_limit]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets the limits of another process")
def test_a_soft_limit_above_what_the_system_allows_by_now_is_left_as_it_is() -> None:
    with subprocess.Popen(["sleep", "60"]) as program:
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (64, 64))
        set_open_file_limit(program.pid, 128)
        assert resource.prlimit(program.pid, resource.RLIMIT_NOFILE) == (64, 64)
        program.kill()
