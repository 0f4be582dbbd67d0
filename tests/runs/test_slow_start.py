"""A start that takes minutes, because it waits for a place, say: what can happen to a run meanwhile."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.db import child, expect
from support.engine import EngineExecutor, NoTimeout, engine
from support.launches import is_alive
from support.runs import Place, Rig, job, until_there, with_runner

from jeeves_runner.core.model import CancelCause, OverlapPolicy, Retries, RunStatus
from jeeves_runner.core.outcome import Lost
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
sys.path.insert(0, "tests/runs")
from support.launches import is_alive
from support.runs import Place, running
from test_slow_start import LateToAnswer

async def main():
    place = Place(Path(sys.argv[1]))
    executor = LateToAnswer(place.root / "socket")
    async with running(place, executor=executor) as rig:
        await rig.runs.request("work")
        await rig.until(lambda: executor.is_taken or place.runs("work")[0].message == "waits for a place")
        print("starting", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
FULL, LATE = "no place", "order taken, not answered"
LAST_WORDS = {FULL: " (it had not begun, and last said: waits for a place)", LATE: ""}


class LateToAnswer(EngineExecutor):
    """The engine has taken an order long before the runner hears of it. It is not told of timeouts, so that
    its own does not come between."""

    is_taken = False

    async def ask(self, **question: object) -> Any:
        return await super().ask(**question | ({"timeout": None} if "timeout" in question else {}))

    async def start(self, order: Order, sink: RunSink) -> Handle:
        handle = await super().start(order, sink)
        self.is_taken = True
        await asyncio.Event().wait()
        return handle


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with engine(tmp_path / "socket"):
        yield Place(tmp_path)


@pytest.fixture(params=[FULL, LATE])
def way(request: pytest.FixtureRequest, place: Place) -> str:
    """Why the start takes long."""
    if request.param == FULL:
        places(place, 0)
    return str(request.param)


def places(place: Place, number: int) -> None:
    """Have the engine take so many at once."""
    asyncio.run(executor(place).ask(op="be", places=number))


def executor(place: Place, **options: Any) -> EngineExecutor:
    return EngineExecutor(place.root / "socket", **options)


def late(place: Place, **options: Any) -> LateToAnswer:
    return LateToAnswer(place.root / "socket", **options)


def work(place: Place) -> str:
    return f"echo $$ >> {place.root}/begun; {until_there(place.root / 'go')}; echo done"


def the_run(place: Place) -> Run:
    return place.runs("work")[0]


async def until_it_starts(rig: Rig, way: str) -> None:
    if way == FULL:
        await rig.until(lambda: the_run(rig.place).message == "waits for a place")
    else:
        await rig.until((rig.place.root / "begun").exists)


async def until_nothing_works(place: Place) -> None:
    """Wait until what the engine has begun is over."""
    begun = place.root / "begun"
    for pid in begun.read_text().split() if begun.exists() else ():
        async with asyncio.timeout(20):
            while is_alive(int(pid)):  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)


def test_a_cancel_ends_it_and_leaves_nothing(place: Place, way: str) -> None:
    place.apply(job("work", work(place)))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await until_it_starts(rig, way)
        await rig.runs.cancel(run.id)
        ended = await rig.runs.wait(run.id)
        message = f"cancelled on request{LAST_WORDS[way]}"
        assert (ended.status, ended.message) == (RunStatus.CANCELLED, message)
        await until_nothing_works(place)

    with_runner(place, scenario, executor=late(place))
    assert (place.root / "begun").exists() is (way == LATE)


def test_a_run_that_replaces_it_starts_after_it(place: Place, way: str) -> None:
    place.apply(job("work", work(place), overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("work")
        await until_it_starts(rig, way)
        await rig.runs.request("work")
        await rig.until(lambda: place.story("work") == ["cancelled", "running"])

    with_runner(place, scenario, executor=late(place))


def test_its_deadline_passes_meanwhile(place: Place, way: str) -> None:
    place.apply(job("work", work(place), timeout_ms=300, kill_grace_ms=0))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        ended = await rig.runs.wait(run.id)
        message = f"timed out{LAST_WORDS[way]}"
        assert (ended.status, ended.message) == (RunStatus.TIMEOUT, message)
        await until_nothing_works(place)

    with_runner(place, scenario, executor=late(place))


def test_a_place_that_is_free_in_the_end_is_taken(place: Place) -> None:
    place.apply(job("work", work(place)))
    places(place, 0)

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await until_it_starts(rig, FULL)
        await executor(place).ask(op="be", places=1)
        (place.root / "go").touch()
        ended = await rig.runs.wait(run.id)
        assert (ended.status, ended.message, ended.stdout) == (RunStatus.OK, None, "done\n")

    with_runner(place, scenario, executor=executor(place))


def settle(place: Place) -> None:
    """The next runner has what was left to it: the work, or its start. It begins once either way."""
    assert the_run(place).status is RunStatus.RUNNING
    (place.root / "go").touch()

    async def scenario(rig: Rig) -> None:
        await rig.until(
            lambda: the_run(place).message == "waits for a place" or (place.root / "begun").exists()
        )
        await executor(place).ask(op="be", places=4)
        await rig.until_story("work", "ok")

    with_runner(place, scenario, executor=executor(place))
    assert the_run(place).stdout == "done\n"
    assert len((place.root / "begun").read_text().splitlines()) == 1


def test_a_runner_that_stops_leaves_it_to_the_next_one(place: Place, way: str) -> None:
    place.apply(job("work", work(place)))

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work")
        await until_it_starts(rig, way)
        async with asyncio.timeout(30):
            await rig.runs.shut_down(60)

    with_runner(place, begin, executor=late(place))
    assert the_run(place).cancel_cause is None
    settle(place)


def test_a_runner_that_stops_while_the_start_is_committed_is_not_held_up_by_it(place: Place) -> None:
    place.apply(job("work", work(place)))
    places(place, 0)

    with_runner(place, lambda rig: rig.stop_as_it_starts("work"), executor=executor(place))
    settle(place)


def test_a_runner_that_has_lost_its_database_leaves_it_alone(place: Place, way: str) -> None:
    place.apply(job("work", work(place)))

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work")
        await until_it_starts(rig, way)
        with place.write() as tx:
            begin_epoch(tx, 1, "boot")
        await rig.runs.request("work")

    with pytest.raises(JeevesError):
        with_runner(place, begin, executor=late(place))
    settle(place)


def test_after_a_kill_the_next_runner_finds_it_or_begins_it(place: Place, way: str) -> None:
    place.apply(job("work", work(place)))
    with child(RUNNER, place.root) as runner:
        expect(runner, "starting")
        runner.send_signal(signal.SIGKILL)
    assert (place.root / "begun").exists() is (way == LATE)
    settle(place)


@pytest.mark.parametrize("change", ["spec", "disable", "delete", "cancel", "timeout"])
def test_what_has_not_begun_is_left_out_if_it_is_not_to_run_any_more(place: Place, change: str) -> None:
    spec = job("work", work(place), timeout_ms=60_000, kill_grace_ms=0)
    place.apply(spec)
    places(place, 0)

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work")
        await until_it_starts(rig, FULL)

    with_runner(place, begin, executor=executor(place))
    match change:
        case "spec":
            place.apply(spec._replace(script="true"))
        case "disable":
            place.apply(spec._replace(enabled=False))
        case "delete":
            place.apply(delete=("work",))
        case "cancel":
            with place.write() as tx:
                request_cancel(tx, the_run(place).id, CancelCause.CANCEL)
        case "timeout":
            with place.write() as tx:
                tx.conn.execute("UPDATE runs SET deadline = ?", (tx.at,))
    places(place, 4)  # it could begin

    async def scenario(rig: Rig) -> None:
        await rig.runs.look()
        end = {"cancel": "cancelled", "timeout": "timeout"}.get(change, "interrupted")
        await rig.until_story("work", end)

    with_runner(place, scenario, executor=executor(place))
    assert not (place.root / "begun").exists()


def test_a_runner_that_has_lost_its_database_notes_no_handle(place: Place) -> None:
    place.apply(job("work", work(place)))

    class Overtaken(EngineExecutor):
        async def start(self, order: Order, sink: RunSink) -> Handle:
            handle = await super().start(order, sink)
            with place.write() as tx:
                begin_epoch(tx, 1, "boot")
            return handle

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("work")
        async with asyncio.timeout(20):
            await rig.runs.fenced.wait()
        assert place.value("SELECT handle ->> 'work' FROM runs") is None

    with_runner(place, scenario, executor=Overtaken(place.root / "socket"))
    assert the_run(place).status is RunStatus.RUNNING


class Unsure(LateToAnswer):
    """Cannot find out what its engine has taken."""

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        raise JeevesError("the engine is not to be asked")


def test_what_cannot_be_undone_is_said(place: Place) -> None:
    place.apply(job("work", work(place)))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await until_it_starts(rig, LATE)
        await rig.runs.cancel(run.id)
        ended = await rig.runs.wait(run.id)
        assert ended.status is RunStatus.CANCELLED
        assert ended.message == "cancelled on request (the engine is not to be asked)"
        assert place.value("SELECT confirmed FROM runs") == 0

    with_runner(place, scenario, executor=Unsure(place.root / "socket"))


def test_the_handle_is_on_disk_before_anything_more_happens(place: Place) -> None:
    """While the note waits for another program's lock, the end of the work is not waited for."""
    place.apply(job("work", "true"))

    class Waited(EngineExecutor):
        def __init__(self, socket: Path) -> None:
            super().__init__(socket)
            self.has_started, self.is_waited_for = asyncio.Event(), asyncio.Event()

        async def start(self, order: Order, sink: RunSink) -> Handle:
            handle = await super().start(order, sink)
            place.conn.execute("BEGIN IMMEDIATE")
            self.has_started.set()
            return handle

        async def wait(self, handle: Handle, sink: RunSink) -> Any:
            assert place.value("SELECT handle ->> 'work' FROM runs") == handle.facts["work"]
            self.is_waited_for.set()
            return await super().wait(handle, sink)

    waited = Waited(place.root / "socket")

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await waited.has_started.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await waited.is_waited_for.wait()
        place.conn.execute("ROLLBACK")
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario, executor=waited)


# The timeout of a job, and the patience after it


def test_an_engine_that_keeps_to_the_timeout_has_time_to_tell_of_it(place: Place) -> None:
    place.apply(job("work", "echo '3 x' >> $SAYS; sleep 60", timeout_ms=2000, retries=Retries(limit=0)))

    async def scenario(rig: Rig) -> None:
        ended = await rig.finish("work")
        assert (ended.status, ended.message) == (RunStatus.TIMEOUT, "the engine's own timeout")
        assert (ended.cancel_cause, ended.tokens) == (None, 3)

    with_runner(place, scenario, executor=executor(place, patience=30))


def test_one_that_does_not_is_cancelled_after_the_patience(place: Place) -> None:
    place.apply(job("work", work(place), timeout_ms=1, kill_grace_ms=0))

    patient = NoTimeout(place.root / "socket", patience=0.7)

    async def scenario(rig: Rig) -> None:
        ended = await rig.finish("work")
        assert (ended.status, ended.cancel_cause) == (RunStatus.TIMEOUT, CancelCause.TIMEOUT)
        assert ended.duration_ms is not None
        assert ended.duration_ms > 500

    with_runner(place, scenario, executor=patient)


def test_the_stored_deadline_holds_the_patience_too(place: Place) -> None:
    place.apply(job("work", work(place), timeout_ms=10_000))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until((place.root / "begun").exists)
        assert place.value("SELECT timeout_ms FROM runs") == 40_000
        seconds = "(julianday(deadline) - julianday(started_at)) * 86400"
        assert round(place.value(f"SELECT {seconds} FROM runs")) == 40

    with_runner(place, scenario, executor=executor(place, patience=30))
    with place.write() as tx:
        tx.conn.execute("UPDATE runs SET deadline = ?", (tx.at,))
    with_runner(place, lambda rig: rig.until_story("work", "timeout"), executor=executor(place, patience=30))
