"""Requests: from the wish for a run to its row, by hand and by other programs."""

import asyncio

import pytest
from support.logs import log_file
from support.runs import HOLD, Place, Rig, job, occur, with_runner

from jeeves_runner.core.model import CancelCause, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.errors import Conflict, NotFound


def test_a_triggered_run_is_recorded_with_all_that_is_known_of_it(place: Place) -> None:
    place.apply(job("greet", 'echo "hello $JR_PARAM_WHO"; echo oops >&2; echo \'JR_RESULT:{"tokens":7}\''))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("greet", {"who": "you"})
        assert run.status is RunStatus.RUNNING
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    (run,) = place.runs()
    assert (run.status, run.trigger, run.attempt, run.exit_code) == ("ok", "manual", 1, 0)
    assert run.stdout is not None
    assert run.stdout.startswith("hello you\n")
    assert (run.stderr, run.tokens, run.params) == ("oops\n", 7, '{"who": "you"}')
    assert run.script_hash is not None
    assert (run.file, run.revision_id) == ("greet.yaml", 1)
    log = log_file(place.root / "data", run.id, "greet")
    assert log.read_text().count("\n") == 3
    assert place.value("SELECT log_path FROM runs") == str(log)


def test_a_job_that_does_not_exist_cannot_be_triggered(place: Place) -> None:
    place.apply(job("here"))
    place.apply(delete=("here",))

    async def scenario(rig: Rig) -> None:
        for name in ("nowhere", "here"):
            with pytest.raises(NotFound, match=name):
                await rig.runs.request(name)

    with_runner(place, scenario)
    assert place.runs() == []


def test_a_disabled_job_may_be_run_by_hand_and_has_no_occurrences(place: Place) -> None:
    place.apply(job("off", enabled=False))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "off")
        await rig.finish("off")

    with_runner(place, scenario)
    assert [(run.trigger, run.status) for run in place.runs()] == [("manual", "ok")]


def test_a_changed_spec_holds_for_the_next_start(place: Place) -> None:
    place.apply(job("say", "echo old"))

    async def scenario(rig: Rig) -> None:
        assert (await rig.finish("say")).stdout == "old\n"
        place.apply(job("say", "echo new"))  # and the runner is not told
        assert (await rig.finish("say")).stdout == "new\n"

    with_runner(place, scenario)


def test_a_caller_who_leaves_while_the_request_is_committed_leaves_the_run_behind(place: Place) -> None:
    place.apply(job("slow", "sleep 0.1"))

    async def scenario(rig: Rig) -> None:
        asking = asyncio.create_task(rig.runs.request("slow"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story("slow") == ["ok"]


# Other programs


def test_a_run_asked_for_by_another_program_is_taken_up(place: Place) -> None:
    place.apply(job("greet", 'echo "$JR_PARAM_WHO"'))

    async def scenario(rig: Rig) -> None:
        asked = place.request("greet", {"WHO": "them"})
        await rig.runs.look()
        await rig.runs.look()
        assert (await rig.runs.wait(asked.id)).stdout == "them\n"

    with_runner(place, scenario)
    assert len(place.runs()) == 1


def test_a_request_that_was_cancelled_before_it_is_looked_at_never_starts(place: Place) -> None:
    place.apply(job("greet"))

    async def scenario(rig: Rig) -> None:
        asked = place.request("greet")
        with place.write() as tx:
            request_cancel(tx, asked.id, CancelCause.CANCEL)
        await rig.runs.look()
        run = await rig.runs.wait(asked.id)
        assert (run.status, run.started_at) == (RunStatus.CANCELLED, None)

    with_runner(place, scenario)


def test_a_request_that_meets_a_pause_made_in_the_same_moment_waits(place: Place) -> None:
    place.apply(job("greet"))

    async def scenario(rig: Rig) -> None:
        place.request("greet")
        with place.write() as tx:
            overrides.pause(tx, "greet", until=None, reason=None, by=Actor("test"))
        await rig.runs.look()
        await rig.until_story("greet", "scheduled: paused")
        with place.write() as tx:
            overrides.resume(tx, "greet", by=Actor("test"))
        await rig.runs.look()
        await rig.until_story("greet", "ok")

    with_runner(place, scenario)


def test_a_run_asked_for_by_another_program_has_its_jobs_priority_and_pool(place: Place) -> None:
    place.apply(job("full", HOLD), job("low"), job("high", priority=5, pool="db"))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        for name in ("low", "high"):
            place.request(name)
        await rig.runs.look()
        await rig.runs.cancel(full.id)
        await rig.until(lambda: all(run.status.is_final for run in place.runs()))

    with_runner(place, scenario, max_concurrency=1)
    low, high = place.runs("low")[0], place.runs("high")[0]
    assert (high.priority, high.pool) == (5, "db")
    assert high.started_at is not None
    assert low.started_at is not None
    assert high.started_at < low.started_at


def test_a_run_asked_for_while_another_is_active_is_skipped(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        asked = place.request("slow")
        await rig.runs.look()
        run = await rig.runs.wait(asked.id)
        assert (run.status, run.reason) == ("skipped", "overlap")

    with_runner(place, scenario)


# Jobs whose row was damaged


def test_a_run_of_a_job_whose_row_was_damaged_waits_until_it_is_healed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    spec = job("greet", "echo hello")
    place.apply(spec)
    waiting = place.request("greet")
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET spec = '{}'")

    async def scenario(rig: Rig) -> None:
        assert rig.status(waiting.id) is RunStatus.SCHEDULED
        assert "job greet cannot run" in caplog.text
        await rig.runs.on_plan(place.apply(spec))
        assert (await rig.runs.wait(waiting.id)).stdout == "hello\n"

    with_runner(place, scenario)


def test_a_run_asked_for_while_its_jobs_row_is_damaged_waits_for_the_heal(place: Place) -> None:
    place.apply(job("greet", "true"))

    async def scenario(rig: Rig) -> None:
        asked = place.request("greet")
        with place.write() as tx:
            tx.conn.execute("UPDATE jobs SET spec = '{}' WHERE id = 'greet'")
        await rig.runs.look()
        await rig.runs.on_plan(place.apply(job("greet", "true")))
        ended = await rig.runs.wait(asked.id)
        assert ended.status is RunStatus.OK

    with_runner(place, scenario)


def test_a_job_whose_row_is_damaged_is_not_called_missing(place: Place) -> None:
    place.apply(job("greet", "true"))
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET spec = '{}' WHERE id = 'greet'")

    async def scenario(rig: Rig) -> None:
        with pytest.raises(Conflict, match="the row of job greet in the database was damaged"):
            await rig.runs.request("greet")
        with pytest.raises(Conflict, match="damaged"):
            await occur(rig, "greet")
        with pytest.raises(Conflict, match="damaged") as refused:
            place.request("greet")
        assert "apply" in (refused.value.hint or "")

    with_runner(place, scenario)
