"""The tasks of a runner: a shortage has them begun again, and all else ends the runner."""

import asyncio
from collections.abc import Callable
from errno import EMFILE, ENOSPC
from pathlib import Path

import apsw
import pytest

from jeeves_runner.errors import DatabaseError, DatabaseReplaced, NotADatabase
from jeeves_runner.runner import tasks
from jeeves_runner.runner.tasks import Tasks

SHORTAGES: list[BaseException] = [
    OSError(EMFILE, "Too many open files"),
    OSError(ENOSPC, "No space left on device"),
    RuntimeError("can't start new thread"),
    MemoryError(),
    DatabaseError("the disk is full"),
    apsw.IOError("disk I/O error"),
    apsw.NoMemError("out of memory"),
    ExceptionGroup("tasks", [TimeoutError(), MemoryError()]),
]

FAULTS: list[BaseException] = [
    KeyError("x"),
    RuntimeError("no event loop"),
    apsw.CorruptError("database disk image is malformed"),
    DatabaseReplaced("the file was deleted"),
    ExceptionGroup("tasks", [MemoryError(), KeyError("x")]),
]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TRY_AGAIN", 0)


def kept(path: Path, fault: BaseException, times: int, then: Callable[[], None] = lambda: None) -> list[str]:
    """Keep work that fails so many times and ends then; the faults that came out."""
    left = times

    async def work() -> None:
        nonlocal left
        if left:
            left -= 1
            raise fault
        then()

    async def scene() -> list[str]:
        out: list[BaseException] = []
        kept = Tasks(path, out.append)
        kept.keep("work", work)
        await asyncio.gather(*kept._tasks, return_exceptions=True)
        return [type(error).__name__ for error in out]

    return asyncio.run(scene())


@pytest.mark.parametrize("shortage", SHORTAGES, ids=repr)
def test_a_shortage_has_work_begun_again_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shortage: BaseException
) -> None:
    done: list[bool] = []
    assert kept(tmp_path / "db", shortage, 3, lambda: done.append(True)) == []
    assert done == [True]
    (record,) = caplog.records
    assert record.message.startswith("the work has stopped and is begun again: ")
    assert not record.message.endswith(": ")
    assert not record.exc_info


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_any_other_fault_ends_it(tmp_path: Path, fault: BaseException) -> None:
    (out,) = kept(tmp_path / "db", fault, 1)
    assert out == (NotADatabase.__name__ if isinstance(fault, apsw.Error) else type(fault).__name__)


def test_work_that_lives_again_is_said_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "_WELL", 0)
    caplog.set_level("INFO")
    has_failed = False

    async def work() -> None:
        nonlocal has_failed
        if not has_failed:
            has_failed = True
            raise MemoryError
        for _ in range(5):  # turns of the loop
            await asyncio.sleep(0)

    async def scene() -> None:
        kept = Tasks(tmp_path / "db", lambda _fault: None)
        kept.keep("work", work)
        await asyncio.gather(*kept._tasks)

    asyncio.run(scene())
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert caplog.messages[1] == "the work goes on"


@pytest.mark.parametrize(
    ("fault", "said", "has_trace"),
    [(KeyError("x"), "", True), (apsw.CorruptError("malformed"), ": {database} is damaged", False)],
)
def test_what_nothing_relies_on_may_fail_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Exception, said: str, has_trace: bool
) -> None:
    async def work() -> None:
        raise fault

    async def scene() -> list[BaseException]:
        out: list[BaseException] = []
        tried = Tasks(tmp_path / "db", out.append)
        tried.attempt("look", work())
        await asyncio.gather(*tried._tasks, return_exceptions=True)
        return out

    assert asyncio.run(scene()) == []
    (record,) = caplog.records
    said = said.format(database=tmp_path / "db")
    assert record.message.startswith(f"the look failed; the runner goes on{said}")
    assert bool(record.exc_info) == has_trace
