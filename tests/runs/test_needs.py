"""Jobs that need others: which occurrences start, which are skipped, and which wait for what."""

from datetime import timedelta
from typing import Any

import pytest
from support.runs import HOLD, Place, Rig, due_now, job, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.model import JobSpec, OverlapPolicy, Trigger
from jeeves_runner.db.run_requests import RunRequest

HOUR = 3_600_000


def needy(wait_ms: int | None = None, command: str = "true", **fields: Any) -> JobSpec:
    return job("report", command, needs=(Need("fetch", HOUR, wait_ms),), **fields)


def test_an_occurrence_starts_where_what_it_needs_has_ended_ok_and_is_skipped_where_it_has_not(
    place: Place,
) -> None:
    place.apply(job("fetch"), needy())

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "report"))
        (skipped,) = place.runs("report")
        assert (skipped.status, skipped.reason, skipped.reason_ref) == ("skipped", "needs", "fetch")
        await rig.finish("fetch")
        await rig.runs.submit(due_now(place, "report", 1))
        await rig.until_story("report", "skipped: needs", "ok")

    with_runner(place, scenario)


@pytest.mark.parametrize("what", ["failed", "old", "of a backfill"])
def test_what_does_not_count(place: Place, what: str) -> None:
    place.apply(job("fetch", "exit 1" if what == "failed" else "true"), needy())

    async def scenario(rig: Rig) -> None:
        if what == "of a backfill":
            await rig.runs.enter(RunRequest(job_id="fetch", trigger=Trigger.BACKFILL, backfill_id=1))
            await rig.until_story("fetch", "ok")
        else:
            await rig.finish("fetch")
        if what == "old":
            with place.write() as tx:
                ended = to_text(tx.now - timedelta(minutes=61))
                tx.conn.execute("UPDATE runs SET finished_at = ?", (ended,))
        await rig.runs.submit(due_now(place, "report"))

    with_runner(place, scenario)
    assert place.story("report") == ["skipped: needs"]


@pytest.mark.parametrize("trigger", sorted(set(Trigger) - {"schedule", "catch_up", "retry"}))
def test_only_what_comes_by_time_or_with_a_start_asks_for_it(place: Place, trigger: Trigger) -> None:
    place.apply(needy())

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.enter(RunRequest(job_id="report", trigger=trigger))
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert place.story() == (["skipped: needs"] if trigger is Trigger.START else ["ok"])


def test_with_a_wait_it_is_woken_by_the_end_and_holds_no_slot(place: Place) -> None:
    place.apply(job("fetch", place.held()), needy(HOUR))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "report"))
        (waiting,) = place.runs("report")
        assert (waiting.status, waiting.reason, waiting.reason_ref) == ("scheduled", "needs", "fetch")
        fetch = await rig.runs.request("fetch")
        assert fetch.status == "running"  # in the only slot
        place.go()
        await rig.until_story("report", "ok")

    with_runner(place, scenario, max_concurrency=1)


def test_what_waits_for_it_counts_for_overlap_and_by_hand_it_runs_at_once(place: Place) -> None:
    place.apply(needy(HOUR))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "report"))
        await rig.runs.submit(due_now(place, "report", 1))
        assert place.story() == ["scheduled: needs", "skipped: overlap"]
        forced = await rig.runs.request("report", force=True)
        assert (await rig.runs.wait(forced.id)).status == "ok"

    with_runner(place, scenario)


def test_it_is_skipped_when_the_wait_is_over_also_after_a_restart(place: Place) -> None:
    place.apply(needy(1500))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "report", 1))
        assert place.story() == ["scheduled: needs"]

    with_runner(place, scenario)
    with_runner(place, lambda rig: rig.until_story("report", "skipped: needs"))
    (run,) = place.runs()
    assert run.reason_ref == "fetch"
    assert run.finished_at is not None
    assert run.scheduled_for is not None
    assert run.finished_at - run.scheduled_for >= timedelta(milliseconds=1500)


def test_what_waits_for_it_ends_nothing_that_runs_and_takes_the_place_of_what_waits(place: Place) -> None:
    place.apply(needy(HOUR, HOLD, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "report"))
        await rig.runs.submit(due_now(place, "report", 1))
        assert place.story() == ["cancelled: replaced", "scheduled: needs"]
        await rig.runs.request("report", force=True)
        await rig.runs.submit(due_now(place, "report", 2))
        statuses = [run.status for run in place.runs()]
        assert statuses == ["cancelled", "scheduled", "running", "scheduled"]

    with_runner(place, scenario)
