"""What every executor does with the work that a runner, or a start, has left."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from support.contract import Make, Noted, order, recorded, until
from support.engine import EngineExecutor
from support.launches import linux_only
from support.orders import left, play
from support.runs import until_there

from jeeves_runner.core.model import RunStatus, Secret
from jeeves_runner.core.outcome import Exited, Lost
from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors

HERE = RunOrigin.here("db")


def test_what_must_be_masked_is_found_out_again(make: Make, tmp_path: Path) -> None:
    """Of a run that was taken over; nothing is heard any more of one that was not."""
    (tmp_path / "key").write_text("hunter2-secret")
    (tmp_path / "too").write_text("another-secret")
    env = (("A", Secret("file", "key")), ("B", Secret("file", str(tmp_path / "too"))))

    async def scenario() -> None:
        executor, sink = make(), Noted()
        work = order("true")
        work = work._replace(spec=work.spec._replace(env=env))
        await executor.wait(await executor.start(work, sink), sink)
        assert sink.secrets == ("hunter2-secret", "another-secret")
        (tmp_path / "too").unlink()
        found = await make().secrets(work)
        assert tuple(found) == (("hunter2-secret",) if executor.on_shutdown == "leave" else ())

    play(scenario)


@pytest.mark.parametrize("noted", [True, False], ids=["handle noted", "handle lost"])
def test_after_a_restart_work_is_taken_over_or_nothing_of_it_is_left(
    make: Make, tmp_path: Path, noted: bool
) -> None:
    """The handle passes through the database as text, if the runner lived long enough to write it."""
    pid, go = tmp_path / "pid", tmp_path / "go"

    async def scenario() -> None:
        old = make()
        work = order(f"echo $$ > {pid}.new; mv {pid}.new {pid}; {until_there(go)}; echo done")
        handle = await old.start(work, Noted())
        await until(pid)
        new = make()
        kept = handle.as_json() if noted else Handle(new.name, 1, {}).as_json()
        answer = await Executors([new], lambda _spec: new.name, HERE).recover(left(work), kept)
        if new.on_shutdown == "leave":
            assert not isinstance(answer, Lost)
            go.touch()
            sink = Noted()
            await sink.prepared(secrets=(), script_hash=None)
            assert recorded(await new.wait(answer[1], sink)).status is RunStatus.OK
            assert sink.output == b"done\n"
        else:
            assert isinstance(answer, Lost)
            ending = await old.wait(handle, Noted())
            assert ending == Exited(signal=signal.SIGKILL.name)

    play(scenario)


@pytest.mark.parametrize(
    "kept", ['{"executor": ["local"]}', '{"executor": {}, "pid": 1}', "[]", "{half", "7"]
)
def test_work_of_a_handle_that_nothing_has_written_is_looked_for_without_it(make: Make, kept: str) -> None:
    """Scripts may write the database."""

    async def scenario() -> None:
        new = make()
        assert isinstance(
            await Executors([new], lambda _spec: new.name, HERE).recover(left(order("true")), kept), Lost
        )

    play(scenario)


def living_with(variable: str) -> list[str]:
    """The processes that have this in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone since, or another user's
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(process.name)
    return found


@linux_only
@pytest.mark.parametrize("after", [0.0, 0.002, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("places", [0, 4])
def test_of_a_cancelled_start_nothing_is_left_that_cannot_be_found(
    make: Make, after: float, places: int
) -> None:
    """A start may be cancelled at any moment, and ends at once; what the engine has taken has its mark."""
    mine = uuid4().hex

    async def scenario() -> None:
        executor, sink = make(), Noted()
        await executor.open()
        if isinstance(executor, EngineExecutor):
            await executor.ask(op="be", places=places)
        work = order("sleep 60", MINE=mine)
        start = asyncio.create_task(executor.start(work, sink))
        await asyncio.sleep(after)
        start.cancel()
        async with asyncio.timeout(20):
            await asyncio.wait([start])
        found: Handle | Lost | None = None
        if not start.cancelled():
            found = start.result()
        elif executor.on_shutdown == "leave":
            found = await executor.recover(left(work), None)
        if isinstance(found, Handle):
            await executor.cancel(found, 0)
            await executor.wait(found, sink)

    play(scenario)
    assert living_with(f"MINE={mine}") == []


def test_work_that_is_not_known_is_lost(make: Make) -> None:
    async def scenario() -> None:
        assert isinstance(await make().recover(left(order("true")), None), Lost)

    play(scenario)


def test_a_run_of_an_executor_that_is_gone_is_lost(make: Make) -> None:
    async def scenario() -> None:
        executors = Executors([make()], lambda _spec: "unused", HERE)
        answer = await executors.recover(left(order("true")), '{"executor": "cluster", "job": "x"}')
        assert answer == Lost(
            message="the runner died while this ran, and this one has no executor cluster",
            left_alive="its work may go on elsewhere",
        )

    play(scenario)
