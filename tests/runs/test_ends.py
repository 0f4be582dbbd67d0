"""The ends of runs: what is recorded with them, and who hears of them."""

import asyncio

import pytest
from support.runs import HOLD, Place, Rig, job, running, with_runner

from jeeves_runner.core.model import JobSpec, OverlapPolicy, Retries, RunStatus
from jeeves_runner.db import queue_claims, queue_enqueue
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.run_ends import next_end


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [("true", "ok", 0), ("exit 3", "error", 3), ("kill -9 $$", "error", None)],
)
def test_the_exit_decides_the_status(place: Place, command: str, status: str, code: int | None) -> None:
    place.apply(job("end", command))
    run = with_runner(place, lambda rig: rig.finish("end"))
    assert (run.status, run.exit_code) == (status, code)


def test_a_script_that_is_missing_ends_its_run_with_that_message(place: Place) -> None:
    place.apply(job("gone", "exit 0", cwd="/no/such/folder"))
    run = with_runner(place, lambda rig: rig.finish("gone"))
    assert run.status is RunStatus.ERROR
    assert run.message == "the working folder does not exist: /no/such/folder; create it, or fix cwd"


@pytest.mark.parametrize(
    ("change", "reason"),
    [([], "deleted"), ([job("slow", enabled=False)], "disabled")],
    ids=["delete", "disable"],
)
def test_a_stopped_job_keeps_its_running_run_and_loses_its_waiting_ones(
    place: Place, change: list[JobSpec], reason: str
) -> None:
    place.apply(
        job("slow", place.held("exit 1"), overlap_policy=OverlapPolicy.QUEUE, retries=Retries(limit=3))
    )

    async def scenario(rig: Rig) -> None:
        first = await rig.runs.request("slow")
        waiting = await rig.runs.request("slow")
        ids = place.apply(*change, delete=("slow",) * (not change))
        await rig.runs.on_plan(ids)
        assert (await rig.runs.wait(waiting.id)).reason == reason
        place.go()
        assert (await rig.runs.wait(first.id)).status is RunStatus.ERROR

    with_runner(place, scenario)
    assert place.story() == ["error", f"cancelled: {reason}"]


def test_a_run_gives_back_the_queue_items_it_did_not_answer(place: Place) -> None:
    place.apply(job("work", HOLD))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        with place.write() as tx:
            queue_enqueue.enqueue(tx, "inbox", ['{"n":1}'])
            queue_claims.claim(tx, "inbox", count=1, effects=Effects(run.id))
        await rig.runs.cancel(run.id)
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert place.value("SELECT status FROM queue_items") == "pending"
    assert place.value("SELECT attempt FROM queue_items") == 1


def test_an_outcome_is_recorded_although_its_task_was_cancelled(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def main() -> None:
        async with running(place) as rig:
            await rig.runs.request("slow")
            for task in list(rig.runs._running._tasks):
                task.cancel()
            await rig.runs.idle()

    asyncio.run(main())
    assert place.story() == ["interrupted"]


def end_by_another_program(place: Place, run_id: int) -> None:
    with place.write() as tx:
        tx.conn.execute(
            "UPDATE runs SET status = 'interrupted', finished_at = ?, end_seq = ? WHERE id = ?",
            (tx.at, next_end(tx), run_id),
        )


def test_a_late_outcome_changes_nothing_and_is_noted(place: Place) -> None:
    place.apply(job("slow", place.held()))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("slow")
        end_by_another_program(place, run.id)
        place.go()
        assert (await rig.runs.wait(run.id)).status is RunStatus.INTERRUPTED
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story() == ["interrupted"]
    assert place.value("SELECT action || ': ' || detail FROM audit") == "late result: ok"


def test_a_run_whose_end_another_program_has_recorded_keeps_its_slot_while_it_lives(place: Place) -> None:
    place.apply(job("slow", place.held()), job("next"))

    async def scenario(rig: Rig) -> None:
        slow = await rig.runs.request("slow")
        end_by_another_program(place, slow.id)
        await rig.runs.look()
        after = await rig.runs.request("next")
        assert (after.status, after.reason) == ("scheduled", "limit")
        place.go()
        assert (await rig.runs.wait(after.id)).status is RunStatus.OK

    with_runner(place, scenario, max_concurrency=1)
