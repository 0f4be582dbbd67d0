"""A start does not stop the event loop, whatever the files that it needs do."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.orders import facts
from support.runs import job

from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.local import file_work, prepare
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.file_work import Files
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.output.sink import Output


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(str(tmp_path), str(tmp_path), str(tmp_path / "db"), runners={}, base_env={})


@pytest.fixture
def executor(around: Surroundings) -> LocalExecutor:
    return LocalExecutor(Launcher(), around, slots=None)


def order(spec: JobSpec, run_id: int = 1) -> Order:
    return Order(spec, facts(spec.id, run_id))


async def carried_out(executor: LocalExecutor, spec: JobSpec, run_id: int = 1) -> None:
    sink = Output(None, 0)
    await executor.wait(await executor.start(order(spec, run_id), sink), sink)


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """A folder ``hangs`` that answers after the test; how many have asked it."""
    asked: list[str] = []
    statvfs, is_over = os.statvfs, threading.Event()

    def slow(path: Any) -> os.statvfs_result:
        if str(path).startswith(str(tmp_path / "hangs")):
            assert threading.current_thread() is not threading.main_thread()
            asked.append(str(path))
            is_over.wait(30)
        return statvfs(path)

    monkeypatch.setattr(os, "statvfs", slow)
    monkeypatch.setattr(file_work, "PATIENCE", 1.5)  # the other folders answer within it
    yield lambda: len(asked)
    is_over.set()


def test_a_folder_that_does_not_answer_fails_its_run_and_no_other(
    executor: LocalExecutor, tmp_path: Path, hanging: Callable[[], int]
) -> None:
    hung = str(tmp_path / "hangs")
    in_it = job("in_it", cwd=hung)
    script = job("script")._replace(source_type=SourceType.PATH, script=f"{hung}/script.sh")
    secret = job("secret", env=(("KEY", Secret(kind="file", ref=f"{hung}/key")),))

    async def scenario() -> None:
        async def fails(spec: JobSpec, run_id: int) -> None:
            with pytest.raises(StartFailed, match=f"{hung} has not answered"):
                await carried_out(executor, spec, run_id)

        async with asyncio.timeout(25):  # the folder answers after thirty
            failing = [asyncio.create_task(fails(spec, n)) for n, spec in enumerate((in_it, script, secret))]
            await carried_out(executor, job("other"), 9)
            await asyncio.gather(*failing)

    asyncio.run(scenario())
    assert hanging() == 1


def test_a_data_folder_that_does_not_answer_fails_only_runs_that_need_a_file_there(
    around: Surroundings, tmp_path: Path, hanging: Callable[[], int]
) -> None:
    hung = tmp_path / "hangs"
    executor = LocalExecutor(Launcher(), around._replace(data_dir=str(hung)), slots=None)

    async def scenario() -> None:
        with pytest.raises(StartFailed, match=f"{hung}/tmp has not answered"):
            await carried_out(executor, job("named", "#!/bin/sh\nexit 0"))
        await carried_out(executor, job("short", "exit 0"), 2)

    asyncio.run(scenario())
    assert hanging() == 1
    assert not hung.exists()


def test_a_folder_that_has_answered_is_not_asked_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scenario() -> None:
        files = Files(str(tmp_path), str(tmp_path))
        missing = (("KEY", Secret(kind="file", ref="missing/key")),)
        spec = job("script", env=missing)._replace(source_type=SourceType.PATH, script="script.sh")
        assert not files.are_at_hand(spec)
        await asyncio.gather(*(files.ask(spec) for _ in range(5)))
        assert files.are_at_hand(spec)
        assert not files.are_at_hand(spec._replace(script="other.sh"))
        assert not files.are_at_hand(spec._replace(cwd="/"))
        monkeypatch.setattr(file_work, "_LATELY", -1.0)
        assert not files.are_at_hand(spec)

    asyncio.run(scenario())


def test_a_long_script_is_read_beside_the_loop(
    executor: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "long.sh").write_text("exit 0\n" + "#" * 3_000_000)
    threads: list[threading.Thread] = []
    read = prepare._read_script

    def watched(*args: Any) -> Any:
        threads.append(threading.current_thread())
        return read(*args)

    monkeypatch.setattr(prepare, "_read_script", watched)
    spec = job("long")._replace(source_type=SourceType.PATH, script="long.sh")

    async def scenario() -> None:
        await carried_out(executor, spec)
        await carried_out(executor, spec, 2)

    asyncio.run(scenario())
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_pipe_that_has_taken_the_place_of_a_script_is_not_opened(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes right after the look at the file."""
    path = tmp_path / "script.sh"
    path.write_text("exit 0")
    read = prepare._read_script

    def swapped(*args: Any) -> Any:
        path.unlink()
        os.mkfifo(path)
        return read(*args)

    monkeypatch.setattr(prepare, "_read_script", swapped)
    spec = job("script")._replace(source_type=SourceType.PATH, script="script.sh")
    with pytest.raises(InvalidValue, match="the script is not a file"):
        prepare.prepare(order(spec), around)


def test_a_start_that_ends_while_its_secrets_are_made_ready_leaves_no_file(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    class Unready(Output):
        async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
            assert list((tmp_path / "tmp").iterdir())
            raise StartFailed("the secrets could not be made ready")

    async def scenario() -> None:
        work = order(job("a", "#!/bin/sh\necho $KEY", env=(("KEY", Secret("file", "key")),)))
        with pytest.raises(StartFailed, match="could not be made ready"):
            await executor.start(work, Unready(None, 0))

    (tmp_path / "key").write_text("hunter2!")
    asyncio.run(scenario())
    assert not list((tmp_path / "tmp").iterdir())
