"""A runner that stops: because it is told to, or because another one has taken over."""

import asyncio
import os

import pytest
from support.runs import HOLD, Place, Rig, job, with_runner

from jeeves_runner.core.model import CancelCause, Retries
from jeeves_runner.db import writer
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.errors import Fenced, NoServer
from jeeves_runner.execute.local.processes import boot_id

BEGUN = f": > begun; {HOLD}"


async def begin(rig: Rig, job_id: str) -> None:
    """Run a job of this command, and wait for its program."""
    await rig.runs.request(job_id)
    await rig.until((rig.place.root / "begun").exists)


def test_a_shutdown_waits_for_its_grace_then_ends_and_records_everything(place: Place) -> None:
    place.apply(job("quick", place.held()), job("slow", HOLD), job("wait", HOLD))

    async def scenario(rig: Rig) -> None:
        for name in ("quick", "slow", "wait"):
            await rig.runs.request(name)
        down = asyncio.create_task(rig.runs.shut_down(1.5))
        await asyncio.sleep(0)
        place.go()
        await down
        with pytest.raises(NoServer):
            await rig.runs.request("quick")

    with_runner(place, scenario, max_concurrency=2)
    assert place.story("quick") == ["ok"]
    assert place.story("slow") == ["interrupted"]
    assert place.runs("slow")[0].cancel_cause == "shutdown"
    assert place.story("wait") == ["scheduled: limit"]


def test_hurry_may_come_in_the_very_turn_in_which_the_grace_ends(place: Place) -> None:
    place.apply(job("slow", BEGUN))

    async def scenario(rig: Rig) -> None:
        await begin(rig, "slow")
        down = asyncio.create_task(rig.runs.shut_down(0))
        await asyncio.sleep(0)  # it waits
        await asyncio.sleep(0)  # its time is over, and it has not been told
        rig.runs.hurry()
        await down

    with_runner(place, scenario)
    assert place.story("slow") == ["interrupted"]


def test_a_shutdown_obeys_cancel_requests_and_no_others(place: Place) -> None:
    place.apply(job("slow", HOLD), job("wait", HOLD), job("late"))

    async def scenario(rig: Rig) -> None:
        ids = [(await rig.runs.request(name)).id for name in ("slow", "wait")]
        down = asyncio.create_task(rig.runs.shut_down(60))
        await asyncio.sleep(0)
        with place.write() as tx:
            for run_id in ids:
                request_cancel(tx, run_id, CancelCause.CANCEL)
        place.request("late")
        await rig.runs.look()
        async with asyncio.timeout(30):
            await down

    with_runner(place, scenario, max_concurrency=1)
    assert [place.story(name) for name in ("slow", "wait")] == [["cancelled"], ["cancelled: cancel"]]
    assert place.story("late") == ["scheduled"]


def test_a_shutdown_starts_nothing_whose_time_comes_meanwhile(place: Place) -> None:
    end = place.root / "end"
    flaky = job("flaky", place.held("exit 1"), retries=Retries(limit=1, delay_ms=20))
    place.apply(job("slow", f"until test -e {end}; do sleep 0.02; done"), flaky)

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        await rig.runs.request("flaky")
        down = asyncio.create_task(rig.runs.shut_down(60))
        await asyncio.sleep(0)
        place.go()
        await rig.until_story("flaky", "error", "scheduled: retry")
        await rig.until(lambda: place.time_has_come("flaky"))
        end.touch()
        await down

    with_runner(place, scenario)
    assert place.story("slow") == ["ok"]
    assert place.story("flaky") == ["error", "scheduled: retry"]


def test_a_shutdown_ends_what_runs_although_the_database_is_locked(place: Place) -> None:
    place.apply(job("slow", BEGUN))

    async def scenario(rig: Rig) -> None:
        await begin(rig, "slow")
        place.conn.execute("BEGIN IMMEDIATE")
        down = asyncio.create_task(rig.runs.shut_down(0))
        await rig.until_the_program_exits()
        place.conn.execute("ROLLBACK")
        await down

    with_runner(place, scenario)
    (run,) = place.runs()
    assert (run.status, run.cancel_cause) == ("interrupted", "shutdown")


def test_a_shutdown_ends_although_nothing_can_be_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_LAST_COMMIT", 30)
    place.apply(job("slow", BEGUN))

    async def scenario(rig: Rig) -> None:
        await begin(rig, "slow")
        place.conn.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(30):
            await rig.runs.shut_down(0, patience=0.5)
        assert await rig.writer.stop(0)
        place.conn.execute("ROLLBACK")

    with_runner(place, scenario)
    with_runner(place, rest)
    (run,) = place.runs()
    assert (run.status, run.cancel_cause) == ("interrupted", None)


async def rest(_rig: Rig) -> None:
    """A runner that starts, and nothing more."""


def test_what_another_program_asked_for_first_is_the_cause_also_where_it_was_not_seen(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("slow")
        with place.write() as tx:
            request_cancel(tx, run.id, CancelCause.CANCEL)
        await rig.runs.shut_down(0)

    with_runner(place, scenario)
    assert place.story() == ["cancelled"]


def test_a_hurried_shutdown_waits_for_no_grace_though_nothing_can_be_recorded(place: Place) -> None:
    place.apply(job("slow", BEGUN))

    async def scenario(rig: Rig) -> None:
        await begin(rig, "slow")
        down = asyncio.create_task(rig.runs.shut_down(600, patience=3))
        await asyncio.sleep(0)
        place.conn.execute("BEGIN IMMEDIATE")
        rig.runs.hurry()
        await rig.until_the_program_exits()
        async with asyncio.timeout(30):
            await down
        place.conn.execute("ROLLBACK")

    with_runner(place, scenario)


def test_what_waits_is_not_cancelled_by_a_hurry_if_its_start_cannot_be_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_LAST_COMMIT", 30)
    place.apply(job("wait", "true"))
    full = [True]

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("wait")
        place.conn.execute("BEGIN IMMEDIATE")
        full[0] = False
        await rig.until(lambda: bool(rig.runs.running_ids))  # the commit of its start is on its way
        rig.runs.hurry()
        assert await rig.writer.stop(0)
        place.conn.execute("ROLLBACK")
        await rig.runs.shut_down(0)

    with_runner(place, scenario, disk_full=lambda: full[0])
    assert place.story() == ["scheduled: disk_full"]


def test_a_start_up_that_is_told_to_stop_admits_nothing(place: Place) -> None:
    place.apply(job("wait"))
    place.request("wait")

    async def scenario(rig: Rig) -> None:
        starting = asyncio.create_task(rig.runs.start_up())
        await asyncio.sleep(0)
        rig.runs.stop_admitting()
        await starting
        with pytest.raises(NoServer):
            await rig.runs.request("wait")

    with_runner(place, scenario, started=False)
    assert place.story() == ["scheduled"]


# Fenced


def take_over(place: Place) -> None:
    """Another runner becomes the runner, and this one is not told."""
    with place.write() as tx:
        begin_epoch(tx, os.getpid(), boot_id())


def test_a_fenced_runner_stops_admitting_and_ends_its_runs(place: Place) -> None:
    place.apply(job("slow", HOLD), job("next"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        take_over(place)
        with pytest.raises(Fenced):
            await rig.runs.request("next")
        await rig.runs.fenced.wait()
        await rig.runs.idle()
        with pytest.raises(NoServer):
            await rig.runs.request("next")

    with_runner(place, scenario)
    assert place.story("slow") == ["running"]  # its successor settles it
    assert place.story("next") == []


def test_runs_that_end_because_their_runner_is_fenced_are_interrupted(place: Place) -> None:
    """Where the database was taken away and not the epoch, their ends are still recorded."""
    place.apply(job("slow", BEGUN, retries=Retries(limit=1)))

    async def scenario(rig: Rig) -> None:
        await begin(rig, "slow")
        rig.runs.fence(Fenced("the lock was deleted"))
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story() == ["interrupted"]
    assert place.runs()[0].message == "the runner had lost its database (killed by SIGTERM)"


def test_a_fenced_runner_does_not_start_what_waits(place: Place) -> None:
    place.apply(job("wait", HOLD))
    full = [True]

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("wait")
        take_over(place)
        full[0] = False  # it looks again within a second
        await rig.runs.fenced.wait()

    with_runner(place, scenario, disk_full=lambda: full[0])
    assert place.story() == ["scheduled: disk_full"]


def test_a_runner_that_finds_itself_fenced_by_an_outcome_ends_its_other_runs(place: Place) -> None:
    place.apply(job("short", place.held()), job("long", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("long")
        await rig.runs.request("short")
        take_over(place)
        place.go()
        await rig.runs.fenced.wait()
        await rig.runs.idle()
        with pytest.raises(NoServer):
            await rig.runs.request("short")

    with_runner(place, scenario)
    assert place.story() == ["running", "running"]  # its successor settles them
