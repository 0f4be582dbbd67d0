"""Runs that are asked to end: by a person, another program or their deadline."""

import asyncio
import time

import pytest
from support.runs import HOLD, Place, Rig, job, with_runner

from jeeves_runner.core.model import CancelCause, RunStatus
from jeeves_runner.db.run_progress import request_cancel


def test_a_timeout_is_recorded_as_the_cause_before_the_signal(place: Place) -> None:
    place.apply(job("stuck", "trap '' TERM; while :; do sleep 0.05; done", timeout_ms=50, kill_grace_ms=100))
    run = with_runner(place, lambda rig: rig.finish("stuck"))
    assert (run.status, run.cancel_cause, run.signal) == ("timeout", "timeout", "SIGKILL")
    assert run.cancel_requested_at is not None
    assert run.finished_at is not None
    assert run.cancel_requested_at <= run.finished_at


@pytest.mark.parametrize("days", [30, 36_500])
def test_a_long_timeout_does_not_fire_at_once(place: Place, days: int) -> None:
    place.apply(job("patient", "sleep 0.2", timeout_ms=days * 86_400_000))
    assert with_runner(place, lambda rig: rig.finish("patient")).status is RunStatus.OK


def test_the_first_recorded_cause_wins(place: Place) -> None:
    place.apply(job("slow", "trap '' TERM; while :; do sleep 0.05; done", kill_grace_ms=300))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("slow")
        await rig.runs.cancel(run.id)
        await rig.runs.cancel(run.id, CancelCause.TIMEOUT)
        assert (await rig.runs.wait(run.id)).status is RunStatus.CANCELLED

    with_runner(place, scenario)


def test_a_cancel_is_not_lost_while_a_start_is_being_committed(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        starting = asyncio.create_task(rig.runs.request("slow"))
        while not place.runs("slow"):  # noqa: ASYNC110 - until the commit, not a turn longer
            await asyncio.sleep(0)
        await rig.runs.cancel(1)
        await starting
        assert (await rig.runs.wait(1)).cancel_cause == "cancel"

    with_runner(place, scenario)


def test_a_waiting_run_is_cancelled_without_having_started(place: Place) -> None:
    place.apply(job("full", HOLD), job("wait"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("full")
        waiting = await rig.runs.request("wait")
        await rig.runs.cancel(waiting.id)
        run = await rig.runs.wait(waiting.id)
        assert (run.status, run.reason, run.started_at) == ("cancelled", "cancel", None)

    with_runner(place, scenario, max_concurrency=1)


def test_a_cancel_request_of_another_program_is_obeyed(place: Place) -> None:
    place.apply(job("slow", HOLD), job("wait"))

    async def scenario(rig: Rig) -> None:
        slow, waiting = await rig.runs.request("slow"), await rig.runs.request("wait")
        with place.write() as tx:
            request_cancel(tx, waiting.id, CancelCause.CANCEL)
            request_cancel(tx, slow.id, CancelCause.CANCEL)
        await rig.runs.look()
        assert (await rig.runs.wait(slow.id)).status is RunStatus.CANCELLED
        ended = await rig.runs.wait(waiting.id)
        assert (ended.status, ended.started_at) == ("cancelled", None)

    with_runner(place, scenario, max_concurrency=1)


# After the exit


async def until_its_program_exits(rig: Rig) -> None:
    (attempt,) = rig.runs._board.running()
    while not (attempt.execution and attempt.execution.has_ended()):  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("ask", [False, True], ids=["timeout", "cancel"])
def test_a_program_that_has_exited_ended_by_itself_whatever_holds_its_output(place: Place, ask: bool) -> None:
    """What falls into the drain only cuts it short."""
    place.apply(job("leaves", "sleep 0.2; setsid sleep 60 & exit 0", timeout_ms=None if ask else 700))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("leaves")
        if ask:
            await until_its_program_exits(rig)
            await rig.runs.cancel(run.id)
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    (run,) = place.runs()
    assert (run.status, run.exit_code, run.cancel_cause) == ("ok", 0, None)
    assert run.duration_ms is not None
    assert run.duration_ms < 1_100  # of the drain of a second


def test_a_deadline_that_passed_after_the_exit_is_none(place: Place) -> None:
    """As when the runner was stopped (SIGSTOP) meanwhile: it finds both at once."""
    place.apply(job("quick", "true", timeout_ms=300))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("quick")
        time.sleep(0.5)  # noqa: ASYNC251 - the event loop is to stand still
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert [(run.status, run.cancel_cause) for run in place.runs()] == [("ok", None)]


def test_a_request_of_another_program_that_comes_after_the_exit_changes_nothing(place: Place) -> None:
    place.apply(job("leaves", "setsid sleep 60 & exit 0"))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("leaves")
        await until_its_program_exits(rig)
        with place.write() as tx:
            request_cancel(tx, run.id, CancelCause.CANCEL)
        await rig.runs.look()
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario)
