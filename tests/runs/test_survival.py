"""Work that outlives its runner: left by one that stops, taken over from one that was killed."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.db import child, expect
from support.engine import RUNNER, EngineExecutor, engine
from support.logs import log_file
from support.runs import Place, Rig, job, until_there, with_runner

from jeeves_runner.core.model import CancelCause, Reason, RunStatus
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.execute.contract import Handle, Order, RunSink


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with engine(tmp_path / "socket"):
        yield Place(tmp_path)


def work(place: Place, rest: str = "echo done") -> str:
    """Shell that says it has begun, waits until it may go on, and says how often it was started."""
    return f"echo x >> {place.root}/begun; {until_there(place.root / 'go')}; {rest}"


@contextmanager
def killed_at_work(place: Place) -> Iterator[None]:
    """A runner was killed while the engine works; by the end of the block the work has begun once."""
    with child(RUNNER, place.root) as runner:
        expect(runner, "working")
        runner.send_signal(signal.SIGKILL)
    yield
    assert (place.root / "begun").read_text() == "x\n"


def executor(place: Place, slots: int | None = None) -> EngineExecutor:
    return EngineExecutor(place.root / "socket", slots)


def go(place: Place) -> None:
    (place.root / "go").touch()


def the_run(place: Place) -> Run:
    (run,) = place.runs("work")
    return run


async def at_work(rig: Rig) -> Run:
    """A run whose work has begun, as the runner has heard and noted."""
    run = await rig.runs.request("work")
    await rig.until(lambda: rig.place.value("SELECT handle ->> 'work' FROM runs") is not None)
    await rig.until((rig.place.root / "begun").exists)
    return run


def test_work_of_a_killed_runner_is_taken_over_and_ends_as_it_ends(place: Place) -> None:
    place.apply(job("work", work(place)))

    async def scenario(rig: Rig) -> None:
        assert the_run(place).status is RunStatus.RUNNING
        go(place)
        assert (await rig.runs.wait(the_run(place).id)).status is RunStatus.OK

    with killed_at_work(place):
        with_runner(place, scenario, executor=executor(place))
    assert the_run(place).stdout == "done\n"
    assert log_file(place.root / "data", the_run(place).id, "work").read_text() == "done\n"


def test_work_that_ended_while_no_runner_lived_has_its_own_end(place: Place) -> None:
    place.apply(job("work", work(place, "exit 3")))

    with killed_at_work(place):
        go(place)
        with_runner(place, lambda rig: rig.until_story("work", "error"), executor=executor(place))
    assert the_run(place).message == "code 3"


def test_a_runner_that_stops_leaves_the_work_alone(place: Place) -> None:
    place.apply(job("work", work(place)))

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until((place.root / "begun").exists)

    with_runner(place, begin, executor=executor(place))
    assert the_run(place).status is RunStatus.RUNNING
    assert the_run(place).cancel_cause is None
    go(place)
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=executor(place))
    assert (place.root / "begun").read_text() == "x\n"


def test_work_whose_start_is_committed_while_the_runner_stops_is_begun_and_left(place: Place) -> None:
    place.apply(job("work", work(place)))

    with_runner(place, lambda rig: rig.stop_as_it_starts("work"), executor=executor(place))
    go(place)
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=executor(place))
    assert (place.root / "begun").read_text() == "x\n"


def test_work_taken_over_has_its_slot_before_anything_is_admitted(place: Place) -> None:
    place.apply(job("work", work(place)), job("next", "true"))

    async def scenario(rig: Rig) -> None:
        await rig.until_story("next", "scheduled: limit")
        go(place)
        await rig.until_story("next", "ok")

    with killed_at_work(place):
        place.request("next")
        with_runner(place, scenario, executor=executor(place, slots=1))


def test_a_cancel_asked_for_while_no_runner_lived_is_carried_out(place: Place) -> None:
    place.apply(job("work", work(place)))
    with killed_at_work(place):
        with place.write() as tx:
            request_cancel(tx, the_run(place).id, CancelCause.CANCEL)

        async def scenario(rig: Rig) -> None:
            await rig.runs.look()
            await rig.until_story("work", "cancelled")

        with_runner(place, scenario, executor=executor(place))


class LateToAnswer(EngineExecutor):
    """The engine has taken an order before the runner hears of it."""

    def __init__(self, socket: Path) -> None:
        super().__init__(socket)
        self.may_answer = asyncio.Event()

    async def start(self, order: Order, sink: RunSink) -> Handle:
        handle = await super().start(order, sink)
        await self.may_answer.wait()
        return handle


def test_work_that_is_cancelled_while_its_engine_takes_the_order_is_ended(place: Place) -> None:
    place.apply(job("work", work(place)))
    late = LateToAnswer(place.root / "socket")

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await rig.until((place.root / "begun").exists)
        await rig.runs.cancel(run.id)
        assert the_run(place).status is RunStatus.RUNNING
        late.may_answer.set()
        assert (await rig.runs.wait(run.id)).status is RunStatus.CANCELLED

    with_runner(place, scenario, executor=late)


def test_a_deadline_passes_also_while_no_runner_lives(place: Place) -> None:
    place.apply(job("work", work(place), timeout_ms=60_000, kill_grace_ms=0))
    with killed_at_work(place):
        with place.write() as tx:
            tx.conn.execute("UPDATE runs SET deadline = ?", (tx.at,))
        with_runner(place, lambda rig: rig.until_story("work", "timeout"), executor=executor(place))


def test_an_engine_that_is_away_is_waited_for(place: Place) -> None:
    """Its socket is gone and comes back; nothing is recorded meanwhile."""
    place.apply(job("work", work(place)))
    socket, away = place.root / "socket", place.root / "away"

    async def scenario(rig: Rig) -> None:
        run = await at_work(rig)
        await asyncio.to_thread(socket.rename, away)
        go(place)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await rig.runs.wait(run.id)
        await asyncio.to_thread(away.rename, socket)
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario, executor=executor(place))


def test_an_engine_that_is_away_is_asked_to_end_the_work_once_it_is_back(place: Place) -> None:
    place.apply(job("work", work(place), kill_grace_ms=0))
    socket, away = place.root / "socket", place.root / "away"

    async def scenario(rig: Rig) -> None:
        run = await at_work(rig)
        await asyncio.to_thread(socket.rename, away)
        await rig.runs.cancel(run.id)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await rig.runs.wait(run.id)
        await asyncio.to_thread(away.rename, socket)
        ended = await rig.runs.wait(run.id)
        assert (ended.status, ended.message) == (RunStatus.CANCELLED, "cancelled on request")

    with_runner(place, scenario, executor=executor(place))


def test_an_executor_that_has_no_room_says_why_and_others_wait(place: Place) -> None:
    place.apply(job("work", "true"))
    full = executor(place)
    full.full = Reason.TOKEN_BUDGET

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until_story("work", "scheduled: token_budget")
        full.full = None
        await rig.until_story("work", "ok")

    with_runner(place, scenario, executor=full)


def test_a_job_whose_executor_this_runner_does_not_have_fails_and_says_so(place: Place) -> None:
    place.apply(job("work", "true"))

    async def scenario(rig: Rig) -> None:
        run = await rig.finish("work")
        assert run.status is RunStatus.ERROR
        assert "this runner has no executor cluster" in (run.message or "")

    with_runner(place, scenario, executor=executor(place), choose=lambda _spec: "cluster")
