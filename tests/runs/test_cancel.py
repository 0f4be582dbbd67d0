"""Runs that are asked to end: by a person, another program or their deadline."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.doors import Doors
from support.runs import HOLD, Place, Rig, in_a_task, job, with_runner
from support.server import until

from jeeves_runner.core.model import CancelCause, RunStatus
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority
from jeeves_runner.errors import DatabaseError
from jeeves_runner.execute.contract import Handle, Order, RunSink


def test_a_timeout_is_recorded_as_the_cause_before_the_signal(place: Place) -> None:
    place.apply(
        job("stuck", "trap '' TERM; while :; do sleep 0.05; done", timeout_ms=1000, kill_grace_ms=100)
    )
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


def test_a_run_whose_cause_cannot_be_recorded_is_ended_all_the_same(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("slow")
        rig.writer.failing = {Priority.OUTCOME}
        await rig.runs.cancel(run.id)
        assert (await rig.runs.wait(run.id)).status is RunStatus.CANCELLED
        assert rig.writer.failing == set()

    with_runner(place, scenario)


def test_a_cancel_is_not_lost_when_the_start_of_what_waited_cannot_be_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor can the cancel itself, so that it is not found in the row later."""
    place.apply(job("wait", HOLD))
    full = [True]

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("wait")
        submit, cancelled = rig.writer.submit, asyncio.Event()
        cancels: list[asyncio.Future[Run]] = []

        async def fail(_op: Callable[[Tx], object], *, priority: Priority, **_: object) -> None:
            if priority is Priority.START:
                cancels.append(asyncio.ensure_future(rig.runs.cancel(run.id)))
                await cancelled.wait()
                monkeypatch.setattr(rig.writer, "submit", submit)
            cancelled.set()
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(rig.writer, "submit", in_a_task(fail))
        full[0] = False
        ended = await rig.runs.wait(run.id)
        assert (ended.status, ended.reason, ended.started_at) == ("cancelled", "cancel", None)
        await asyncio.gather(*cancels)

    with_runner(place, scenario, disk_full=lambda: full[0])


def test_a_run_that_is_asked_to_end_while_its_start_is_committed_starts_no_program(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        for job_id in ("full", "wait"):
            doors.request_by_hand(job_id)
            await doors.rest()
        doors.writer.holds = True
        doors.end(1, 0)
        await doors.rest()
        await doors.writer.commit()  # the end; the start of what waited follows
        doors.cancel(2)
        await doors.rest()
        await doors.writer.release()
        assert [row.status for row in doors.rows()] == ["ok", "cancelled"]
        assert doors.executor.started == [1]

    with_doors(template, scenario, JobRules(id="full"), JobRules(id="wait"), limit=1)


def test_a_run_that_is_asked_to_end_while_its_process_starts_is_ended(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        start = rig.executor.start

        async def start_and_cancel(order: Order, sink: RunSink) -> Handle:
            handle = await start(order, sink)
            await rig.runs.cancel(order.run.run_id)
            return handle

        monkeypatch.setattr(rig.executor, "start", start_and_cancel)
        assert (await rig.finish("slow")).status is RunStatus.CANCELLED

    with_runner(place, scenario)


# After the exit


@pytest.mark.parametrize("ask", [False, True], ids=["timeout", "cancel"])
def test_a_program_that_has_exited_ended_by_itself_whatever_holds_its_output(place: Place, ask: bool) -> None:
    """What falls into the drain only cuts it short."""
    place.apply(job("leaves", "sleep 0.2; setsid sleep 600 & exit 0", timeout_ms=None if ask else 2000))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("leaves")
        if ask:
            await rig.until_the_program_exits()
            await rig.runs.cancel(run.id)
        await rig.runs.wait(run.id)

    with_runner(place, scenario, executor=place.local(4, drain=600))
    (run,) = place.runs()
    assert (run.status, run.exit_code, run.cancel_cause) == ("ok", 0, None)


def test_a_deadline_that_passed_after_the_exit_is_none(place: Place) -> None:
    """As when the runner was stopped (SIGSTOP) meanwhile: it finds both at once."""
    place.apply(job("quick", place.held(), timeout_ms=1000))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("quick")
        (attempt,) = rig.runs._board.running()
        while attempt.execution is None or attempt.execution.handle is None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        place.go()
        until(attempt.execution.has_ended)  # the event loop stands still
        time.sleep(1)  # noqa: ASYNC251 - and its deadline passes
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert [(run.status, run.cancel_cause) for run in place.runs()] == [("ok", None)]


def test_a_request_of_another_program_that_comes_after_the_exit_changes_nothing(place: Place) -> None:
    place.apply(job("leaves", "setsid sleep 60 & exit 0"))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("leaves")
        await rig.until_the_program_exits()
        with place.write() as tx:
            request_cancel(tx, run.id, CancelCause.CANCEL)
        await rig.runs.look()
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario)


# While the database is locked


@pytest.mark.parametrize("waits", [False, True], ids=["running", "waiting"])
def test_a_cancel_request_that_is_met_again_and_again_is_obeyed_once(template: Path, waits: bool) -> None:
    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("one")
        doors.request_by_hand("two")
        await doors.rest()
        doors.writer.holds = True
        doors.write_cancel(2 if waits else 1)
        for _ in range(5):
            doors.look()
            await doors.rest()
        assert len(doors.writer._held) == 1
        await doors.writer.release()
        one, two = doors.rows()
        if waits:
            assert two.status is RunStatus.CANCELLED
        else:
            assert (one.cause, doors.executor.asked) == ("cancel", {1})

    with_doors(template, scenario, JobRules(id="one"), JobRules(id="two"), limit=1)


def test_a_waiting_run_that_its_job_no_longer_wants_is_ended_once(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        for name in ("one", "two"):
            doors.request_by_hand(name)
        await doors.rest()
        doors.writer.holds = True
        with doors.place.write() as tx:  # as an older version's apply did: it left the run waiting
            tx.conn.execute("UPDATE jobs SET deleted_at = ? WHERE id = 'two'", (tx.at,))
        for _ in range(5):
            doors.fire(doors._runs.on_plan(["two"]))
            await doors.rest()
        assert len(doors.writer._held) == 1
        await doors.writer.release()
        assert (doors.rows()[1].status, doors.rows()[1].reason) == (RunStatus.CANCELLED, "deleted")

    with_doors(template, scenario, JobRules(id="one"), JobRules(id="two"), limit=1)


def test_a_waiting_run_whose_end_is_not_recorded_yet_does_not_start(place: Place) -> None:
    place.apply(job("full", HOLD), job("waits"))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        waiting = await rig.runs.request("waits")
        with place.write() as tx:
            request_cancel(tx, waiting.id, CancelCause.CANCEL)
        rig.writer.failing = {Priority.OUTCOME}
        await rig.runs.look()
        await rig.until(lambda: not rig.writer.failing)
        await rig.runs.cancel(full.id)
        await rig.runs.wait(waiting.id)

    with_runner(place, scenario, max_concurrency=1)
    assert place.story("waits") == ["cancelled: cancel"]
