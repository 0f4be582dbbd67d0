"""Ends that were recorded without the work's own word, and what becomes known of it later."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.engine import EngineExecutor, NoTimeout, engine
from support.runs import Place, Rig, job, until_there, with_runner
from support.server import until

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, Retries, RunStatus
from jeeves_runner.core.outcome import Lost
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_list import WholeRunRow, run_row
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.db.runs import left_running
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.outcomes import record_outcome
from jeeves_runner.runs.settle import end_left_run


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """With an engine that obeys no cancel."""
    with engine(tmp_path / "socket"):
        asyncio.run(EngineExecutor(tmp_path / "socket").ask(op="be", deaf=True))
        yield Place(tmp_path)


def executor(place: Place) -> EngineExecutor:
    return EngineExecutor(place.root / "socket")


def work(place: Place, rest: str = "exit 0") -> str:
    waits = until_there(place.root / "go")
    return f"touch {place.root}/begun; {waits}; echo '9 x' >> $SAYS; {rest}"


def row(place: Place) -> WholeRunRow:
    found = run_row(place.conn, 1)
    assert found is not None
    return found


async def cancelled(rig: Rig, place: Place) -> Run:
    """A run that is recorded as cancelled while its work goes on."""
    run = await rig.runs.request("work")
    await rig.until((place.root / "begun").exists)
    await rig.runs.cancel(run.id)
    return await rig.runs.wait(run.id)


def go(place: Place) -> None:
    (place.root / "go").touch()


async def until_known(rig: Rig, place: Place) -> dict[str, Any]:
    await rig.until(lambda: row(place)["late"] is not None)
    late = row(place)["late"]
    assert isinstance(late, dict)
    return late


def test_what_comes_after_an_end_that_was_not_confirmed_is_noted_beside_it(place: Place) -> None:
    place.apply(job("work", work(place, "exit 3"), kill_grace_ms=0, retries=Retries(limit=3)))

    async def scenario(rig: Rig) -> None:
        ended = await cancelled(rig, place)
        assert (ended.status, ended.tokens) == (RunStatus.CANCELLED, None)
        assert ended.message == "cancelled on request (the engine does not obey)"
        assert (row(place)["confirmed"], row(place)["late"]) == (False, None)
        go(place)
        late = await until_known(rig, place)
        assert late == {"status": "error", "at": late["at"], "tokens": 9, "message": "code 3"}
        after = row(place)
        assert (after["status"], after["message"]) == ("cancelled", ended.message)
        assert (after["tokens"], after["model"], after["confirmed"]) == (9, "engine-1", False)

    with_runner(place, scenario, executor=executor(place))
    assert len(place.runs()) == 1


@pytest.mark.parametrize("is_deaf", [False, True])
def test_what_is_ended_without_a_server_is_recorded_with_what_it_used(place: Place, is_deaf: bool) -> None:
    root = place.root
    asyncio.run(executor(place).ask(op="be", deaf=is_deaf))
    place.apply(job("work", work(place, f"touch {root}/said; exec sleep 60")))

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until((root / "begun").exists)

    with_runner(place, begin, executor=executor(place))
    go(place)
    until((root / "said").exists)
    (left,) = left_running(place.conn)
    executors = Executors([executor(place)], lambda _spec: "engine", RunOrigin.here(place.path))
    report = asyncio.run(end_left_run(executors, left, place.logs.data_dir))
    with place.write() as tx:
        epoch = tx.conn.execute("SELECT max(epoch) FROM runs").get
        record_outcome(tx, left.run.id, report, None, epoch=epoch, cause=CancelCause.CANCEL)
    ended = row(place)
    assert (ended["status"], ended["confirmed"]) == ("cancelled", not is_deaf)
    note = " (the engine does not obey)" if is_deaf else ""
    assert ended["message"] == f"cancelled on request{note}"
    assert ended["tokens"] == (None if is_deaf else 9)


def test_a_timeout_that_was_not_confirmed_may_turn_out_to_have_gone_well(place: Place) -> None:
    place.apply(job("work", work(place), timeout_ms=300, kill_grace_ms=0))

    async def scenario(rig: Rig) -> None:
        ended = await rig.finish("work")
        assert ended.message == "timed out (the engine does not obey)"
        go(place)
        assert (await until_known(rig, place))["status"] == "ok"
        assert row(place)["status"] == "timeout"

    with_runner(place, scenario, executor=NoTimeout(place.root / "socket"))


def test_the_next_runner_watches_on(place: Place) -> None:
    place.apply(job("work", work(place), kill_grace_ms=0))
    with_runner(place, lambda rig: cancelled(rig, place), executor=executor(place))
    assert row(place)["late"] is None

    async def scenario(rig: Rig) -> None:
        go(place)
        assert (await until_known(rig, place))["status"] == "ok"

    with_runner(place, scenario, executor=executor(place))


def test_an_end_of_more_than_ten_minutes_ago_is_watched_no_longer(place: Place) -> None:
    place.apply(job("work", work(place), kill_grace_ms=0))
    with_runner(place, lambda rig: cancelled(rig, place), executor=executor(place))
    with place.write() as tx:
        before = to_text(tx.now - timedelta(minutes=10))
        tx.conn.execute("UPDATE runs SET finished_at = ?", (before,))
    asked: list[int] = []

    class Asked(EngineExecutor):
        async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
            asked.append(left.run_id)
            return await super().recover(left, handle)

    with_runner(place, lambda rig: rig.runs.idle(), executor=Asked(place.root / "socket"))
    assert asked == []


def test_one_that_a_clock_ahead_has_dated_is_watched_for_ten_minutes_at_most(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("work", work(place), kill_grace_ms=0))
    with_runner(place, lambda rig: cancelled(rig, place), executor=executor(place))
    with place.write() as tx:
        tx.conn.execute("UPDATE runs SET finished_at = '2100-01-01T00:00:00.000Z'")
    monkeypatch.setattr("jeeves_runner.runs.late.WATCHED", timedelta(seconds=0.3))

    async def scenario(rig: Rig) -> None:
        (watching,) = rig.runs._late._tasks
        async with asyncio.timeout(30):
            await watching

    with_runner(place, scenario, executor=executor(place))


def test_a_runner_that_has_lost_its_database_notes_nothing(place: Place) -> None:
    place.apply(job("work", work(place), kill_grace_ms=0))

    async def scenario(rig: Rig) -> None:
        await cancelled(rig, place)
        with place.write() as tx:
            begin_epoch(tx, 1, "boot")
        go(place)
        async with asyncio.timeout(20):
            await rig.runs.fenced.wait()
        assert row(place)["late"] is None

    with_runner(place, scenario, executor=executor(place))


class UnsureOnce(EngineExecutor):
    """Has taken an order, does not answer, and cannot be asked what became of it; but later it can."""

    is_away = True

    async def start(self, order: Order, sink: RunSink) -> Handle:
        await super().start(order, sink)
        await asyncio.Event().wait()
        raise AssertionError

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        if self.is_away:
            self.is_away = False
            raise JeevesError("the engine is away")
        return await super().recover(left, handle)


def test_what_a_cancelled_start_may_have_left_is_looked_for_again_and_ended(place: Place) -> None:
    place.apply(job("work", work(place), kill_grace_ms=0))
    unsure = UnsureOnce(place.root / "socket")

    async def scenario(rig: Rig) -> None:
        await unsure.ask(op="be", deaf=False)
        ended = await cancelled(rig, place)
        assert ended.message == "cancelled on request (the engine is away)"
        late = await until_known(rig, place)
        assert late["status"] == "error"
        assert late["message"] in ("code -15", "code -9")  # without a grace the second signal may come first

    with_runner(place, scenario, executor=unsure)
