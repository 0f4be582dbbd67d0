"""The executors whose work is a shell's text: for the tests of the contract that all executors keep."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from support.engine import EngineExecutor, engine
from support.orders import facts

from jeeves_runner.core.model import JobSpec, SourceType
from jeeves_runner.core.outcome import Ending, outcome
from jeeves_runner.core.run import Outcome
from jeeves_runner.execute.contract import Executor, Order, StreamName
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.roster import Roster

Make = Callable[[], Executor]
"""A new executor on what the one before has left, as after a restart of the runner."""


@contextmanager
def _local(folder: Path) -> Iterator[Make]:
    around = Surroundings(
        project_dir=str(folder),
        data_dir=str(folder / "data"),
        db_path=str(folder / "db"),
        runners={},
        base_env=dict(os.environ),
    )
    (folder / "db").touch()
    yield lambda: LocalExecutor(Launcher(roster=Roster(folder / "db")), around, slots=4)


@contextmanager
def _engine(folder: Path) -> Iterator[Make]:
    with engine(folder / "socket"):
        yield lambda: EngineExecutor(folder / "socket", slots=4)


MAKERS: Final = {"local": _local, "engine": _engine}
"""By the name of the executor: a context that makes its executors in a folder."""


class Noted:
    """A sink that keeps everything, in order."""

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] | None = None
        self.output = b""
        self.said: list[tuple[str | None, int | None]] = []

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        assert self.output == b""
        self.secrets = tuple(secrets)

    def write(self, stream: StreamName, data: bytes) -> None:
        assert self.secrets is not None
        self.output += data

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        assert self.secrets is not None
        self.said.append((message, tokens))


def order(text: str, run_id: int = 1, **env: str) -> Order:
    """A run of this shell's text."""
    spec = JobSpec(
        id="job", name="job", source_type=SourceType.INLINE, script=text, env=tuple(sorted(env.items()))
    )
    return Order(spec, facts("job", run_id))


def recorded(ending: Ending) -> Outcome:
    return outcome(ending, cause=None, result=None, note=None)


async def until(path: Path) -> None:
    """Wait for a file that the work makes."""
    while not os.access(path, os.R_OK):  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.01)
