"""Moments at which a runner may lose a run, or start one that is not wanted any more."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.runs import HOLD, Place, Rig, in_a_task, job, occur, with_runner

from jeeves_runner.core.model import CancelCause, OverlapPolicy, Retries, RunStatus
from jeeves_runner.core.policy import Decision
from jeeves_runner.core.run import Run
from jeeves_runner.db import runs
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority
from jeeves_runner.errors import DatabaseError


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_start_that_fails_is_not_tried_again_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.apply(job("full", HOLD), job("waits"))

    async def scenario(rig: Rig) -> None:
        submit, tries = rig.writer.submit, 0

        async def no_start(op: Callable[[Tx], object], **options: Any) -> object:
            nonlocal tries
            if options.get("priority") is not Priority.START:
                return await submit(op, **options)
            tries += 1
            raise DatabaseError("the disk is full")

        full = await rig.runs.request("full")
        await rig.runs.request("waits")
        monkeypatch.setattr(rig.writer, "submit", in_a_task(no_start))
        await rig.runs.cancel(full.id)
        await rig.runs.wait(full.id)
        async with asyncio.timeout(30):
            await rig.runs.idle()
        assert tries == 1
        monkeypatch.undo()
        await rig.until_story("waits", "ok")

    with_runner(place, scenario, max_concurrency=1)


def test_a_request_that_comes_while_a_runner_starts_is_taken_up_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("one", HOLD, overlap_policy=OverlapPolicy.ALLOW))
    waiting_runs = runs.waiting_runs

    def just_after_a_request(conn: apsw.Connection) -> list[Run]:
        place.request("one")
        return waiting_runs(conn)

    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(runs, "waiting_runs", just_after_a_request)
        await rig.runs.start_up()
        await rig.until_story("one", "running")
        (run,) = place.runs()
        await rig.runs.look()
        assert [a.run and a.run.id for a in rig.runs._board.of_job("one")] == [run.id]
        assert (await rig.runs.cancel(run.id)).cancel_cause == "cancel"
        await rig.until_story("one", "cancelled")

    with_runner(place, scenario, started=False)


def test_a_waiting_run_whose_end_was_asked_for_does_not_start_with_the_next_runner(place: Place) -> None:
    place.apply(job("waits", f"touch {place.root}/started"))
    waiting = place.request("waits")
    with place.write() as tx:
        request_cancel(tx, waiting.id, CancelCause.CANCEL)

    async def scenario(rig: Rig) -> None:
        await rig.runs.wait(waiting.id)

    with_runner(place, scenario)
    assert place.story("waits") == ["cancelled: cancel"]
    assert not (place.root / "started").exists()


def test_a_start_is_carried_out_and_the_line_goes_on_whatever_is_wrong_with_one_who_waits(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place.apply(job("full", HOLD, pool="one"), job("waits", pool="one"), job("starts"))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        await rig.runs.request("waits")
        decide = rig.runs._admission.decide_waiting

        def fail_once(*args: Any) -> Decision:
            monkeypatch.setattr(rig.runs._admission, "decide_waiting", decide)
            raise OSError("the disk is gone for a moment")

        monkeypatch.setattr(rig.runs._admission, "decide_waiting", fail_once)
        await occur(rig, "starts")
        await rig.until_story("starts", "ok")
        await rig.runs.cancel(full.id)
        await rig.until_story("waits", "ok")

    with_runner(place, scenario, pools={"one": 1})
    assert "the disk is gone for a moment" in caplog.text


def test_a_retry_whose_time_has_come_while_no_slot_is_free_says_that_it_waits_for_one(place: Place) -> None:
    place.apply(job("fails", "exit 1", retries=Retries(limit=1, delay_ms=50)), job("full", HOLD, priority=1))

    async def scenario(rig: Rig) -> None:
        await asyncio.gather(rig.runs.request("fails"), rig.runs.request("full"))
        await rig.until(lambda: place.story("fails") == ["error", "scheduled: limit"])
        await rig.until_story("full", "running")

    with_runner(place, scenario, max_concurrency=1)


@pytest.mark.parametrize(
    ("overlap", "story"),
    [
        (OverlapPolicy.SKIP, ["error", "skipped: overlap", "scheduled: retry"]),
        (OverlapPolicy.QUEUE, ["error", "scheduled: overlap", "scheduled: retry"]),
        (OverlapPolicy.REPLACE, ["error", "ok", "cancelled: replaced"]),
    ],
)
def test_a_request_that_is_seen_with_the_end_of_an_attempt_does_not_start_before_the_next_one(
    place: Place, overlap: OverlapPolicy, story: list[str]
) -> None:
    mark = place.root / "tried"
    command = f"test -e {mark} && exit 0; touch {mark}; read line < {place.root}/go; exit 1"
    os.mkfifo(place.root / "go")
    retries = Retries(limit=1, delay_ms=60_000)
    place.apply(job("fails", command, retries=retries, overlap_policy=overlap))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("fails")
        place.request("fails")
        await asyncio.to_thread((place.root / "go").write_text, "now\n")
        await rig.runs.wait(run.id)
        await rig.until_story("fails", *story)

    with_runner(place, scenario)


async def shut_down(rig: Rig, _run_id: int) -> None:
    await rig.runs.shut_down(0)


async def end_at_once(rig: Rig, run_id: int) -> None:
    await rig.runs.cancel(run_id, CancelCause.SHUTDOWN)


@pytest.mark.parametrize("stop", [shut_down, end_at_once])
def test_a_shutdown_is_no_wish_to_cancel_a_run_whose_start_is_not_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch, stop: Callable[[Rig, int], Coroutine[Any, Any, None]]
) -> None:
    place.apply(job("full", HOLD), job("waits"))

    async def scenario(rig: Rig) -> None:
        submit, started, let_go = rig.writer.submit, asyncio.Event(), asyncio.Event()

        async def no_start(op: Callable[[Tx], object], **options: Any) -> object:
            if options.get("priority") is not Priority.START:
                return await submit(op, **options)
            started.set()
            await let_go.wait()
            raise DatabaseError("the disk is full")

        full = await rig.runs.request("full")
        waits = await rig.runs.request("waits")
        monkeypatch.setattr(rig.writer, "submit", in_a_task(no_start))
        await rig.runs.cancel(full.id)
        await started.wait()
        execution = rig.runs._board[waits.id].execution
        assert execution is not None
        stopping = asyncio.create_task(stop(rig, waits.id))
        await rig.until(execution.is_asked_to_end)
        let_go.set()
        await stopping
        monkeypatch.undo()

    with_runner(place, scenario, max_concurrency=1)
    assert place.value("SELECT cancel_cause FROM runs WHERE status = 'scheduled'") is None
    with_runner(place, lambda rig: rig.until_story("waits", "ok"))


def test_a_request_whose_job_is_deleted_while_its_start_is_committed_is_decided_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("one"))

    async def scenario(rig: Rig) -> None:
        submit, starts = rig.writer.submit, 0

        async def after_a_delete(op: Callable[[Tx], object], **options: Any) -> object:
            nonlocal starts
            if options.get("priority") is Priority.START:
                starts += 1
                if starts == 1:
                    place.apply(delete=("one",))
            return await submit(op, **options)

        monkeypatch.setattr(rig.writer, "submit", in_a_task(after_a_delete))
        place.request("one")
        await rig.runs.look()
        async with asyncio.timeout(30):
            await rig.runs.idle()
        assert starts == 1

    with_runner(place, scenario)
    assert place.story("one") == ["cancelled: deleted"]


def test_a_run_whose_row_was_deleted_by_hand_gives_its_slot_back(place: Place) -> None:
    place.apply(job("one", HOLD), job("next"))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("one")
        with place.write() as tx:
            tx.conn.execute("DELETE FROM runs WHERE id = ?", (run.id,))
        (attempt,) = rig.runs._board.running()
        assert attempt.execution is not None
        await attempt.execution.end()
        assert (await rig.finish("next")).status is RunStatus.OK

    with_runner(place, scenario, max_concurrency=1)
