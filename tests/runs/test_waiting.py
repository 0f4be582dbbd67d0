"""Runs that wait for a slot, for a pool, for room on the disk or for the end of a pause."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.doors import Doors
from support.runs import HOLD, Place, Rig, job, occur, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import OverlapPolicy, Retries, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.errors import Conflict


def test_runs_over_the_limit_wait_and_start_by_priority_then_age(place: Place) -> None:
    place.apply(job("full", HOLD), job("low"), job("also-low"), job("high", priority=5))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        for name in ("low", "also-low", "high"):
            run = await rig.runs.request(name)
            assert (run.status, run.reason) == ("scheduled", "limit")
        await rig.runs.cancel(full.id)
        await rig.until(lambda: all(run.status.is_final for run in place.runs()))

    with_runner(place, scenario, max_concurrency=1)
    started = sorted((run for run in place.runs()[1:]), key=lambda run: (run.started_at, run.finished_at))
    assert [run.job_id for run in started] == ["high", "low", "also-low"]
    assert [run.reason for run in started] == [None, None, None]


def test_a_pool_limits_its_own_jobs_only(place: Place) -> None:
    place.apply(job("a", HOLD, pool="db"), job("b", pool="db"), job("c"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("a")
        waiting = await rig.runs.request("b")
        assert (waiting.reason, waiting.reason_ref) == ("pool", "db")
        assert (await rig.finish("c")).status is RunStatus.OK
        assert place.story("b") == ["scheduled: pool"]

    with_runner(place, scenario, pools={"db": 1})


def test_a_full_disk_stops_admission_until_there_is_room(place: Place) -> None:
    place.apply(job("write"))
    full = [True]

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("write")
        assert (run.status, run.reason) == ("scheduled", "disk_full")
        full[0] = False
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario, disk_full=lambda: full[0])


def test_waiting_runs_survive_a_restart(place: Place) -> None:
    place.apply(job("full", HOLD), job("wait"))

    async def fill(rig: Rig) -> None:
        await rig.runs.request("full")
        await rig.runs.request("wait", {"x": "y"})

    with_runner(place, fill, max_concurrency=1)
    with_runner(place, lambda rig: rig.runs.idle(), max_concurrency=1)
    assert place.story() == ["interrupted", "ok"]


def test_a_run_starts_under_the_spec_of_its_start(place: Place) -> None:
    place.apply(job("full", HOLD), job("say", "echo old"))

    async def scenario(rig: Rig) -> None:
        full, say = await rig.runs.request("full"), await rig.runs.request("say")
        place.apply(job("say", "echo new"))  # and the runner is not told
        await rig.runs.cancel(full.id)
        ended = await rig.runs.wait(say.id)
        assert (ended.stdout, ended.revision_id) == ("new\n", 2)

    with_runner(place, scenario, max_concurrency=1)
    present = place.value("SELECT spec_hash FROM jobs WHERE id = 'say'")
    assert place.value("SELECT spec_hash FROM runs WHERE job_id = 'say'") == present


def test_what_waited_for_a_run_that_has_ended_says_that_it_waits_for_a_slot(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        for job_id in ("queue", "other", "queue", "urgent"):
            doors.request_by_hand(job_id)
            await doors.rest()
        assert doors.rows()[2].reason == "overlap"
        doors.end(1, 0)
        await doors.rest()
        assert [(row.status, row.reason) for row in doors.rows()] == [
            ("ok", None),
            ("running", None),
            ("scheduled", "limit"),
            ("running", None),
        ]

    jobs = (
        JobRules(id="queue", overlap=OverlapPolicy.QUEUE),
        JobRules(id="other"),
        JobRules(id="urgent", priority=1),
    )
    with_doors(template, scenario, *jobs, limit=2)


# Pauses


def pause(place: Place, job_id: str, length: timedelta | None = None) -> None:
    with place.write() as tx:
        until = None if length is None else End(tx.now + length)
        overrides.pause(tx, job_id, until=until, reason=None, by=Actor("test"))


def test_a_paused_job_skips_its_occurrences_and_refuses_triggers_without_force(place: Place) -> None:
    place.apply(job("tick"))
    pause(place, "tick")

    async def scenario(rig: Rig) -> None:
        await occur(rig, "tick", 0)
        await occur(rig, "tick", 1)
        with pytest.raises(Conflict, match="paused"):
            await rig.runs.request("tick")
        run = await rig.runs.request("tick", force=True)
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    skipped, forced = place.runs()
    assert (skipped.status, skipped.reason, skipped.occurrences) == ("skipped", "paused", 2)
    assert (forced.status, forced.forced) == ("ok", True)


def test_a_waiting_run_stays_through_a_pause_and_starts_when_it_has_expired(place: Place) -> None:
    place.apply(job("full", HOLD), job("wait"))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        waiting = await rig.runs.request("wait")
        pause(place, "wait", timedelta(seconds=0.5))
        await rig.runs.look()
        await rig.runs.cancel(full.id)
        await rig.runs.wait(full.id)
        ended = await rig.runs.wait(waiting.id)
        assert ended.status is RunStatus.OK
        assert ended.started_at is not None
        assert to_text(ended.started_at) >= place.value("SELECT until FROM overrides")

    with_runner(place, scenario, max_concurrency=1)


def test_a_pause_of_all_jobs_stops_schedule_and_retries_until_it_is_over(place: Place) -> None:
    place.apply(job("tick"), job("flaky", place.held("exit 1"), retries=Retries(limit=1, delay_ms=20)))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("flaky")
        with place.write() as tx:
            overrides.pause(tx, None, until=None, reason=None, by=Actor("test"))
        await rig.runs.look()
        place.go()
        await rig.until(lambda: place.time_has_come("flaky"))
        await occur(rig, "tick")
        with pytest.raises(Conflict, match="paused"):
            await rig.runs.request("tick")
        assert place.story("tick") == ["skipped: paused"]
        assert (await rig.runs.wait((await rig.runs.request("tick", force=True)).id)).status is RunStatus.OK
        assert place.runs("flaky")[1].status is RunStatus.SCHEDULED
        with place.write() as tx:
            overrides.resume(tx, None, by=Actor("test"))
        await rig.runs.look()
        await rig.until_story("flaky", "error", "error")

    with_runner(place, scenario)
