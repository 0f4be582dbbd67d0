"""Hundreds of runs that wait: what each end costs, and that no freed slot stays unused."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.runs import HOLD, SECONDLY, Place, Rig, in_a_task, job, occur, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core import policy
from jeeves_runner.core.model import CatchUp, JobSpec, OverlapPolicy, Retries, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import overrides
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority
from jeeves_runner.errors import DatabaseError
from jeeves_runner.runs import admission

BACKLOG = 300


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every decision of the policy, as it is made."""
    made: list[object] = []
    decide = policy.admit

    def admit(*args: Any) -> Any:
        made.append(args)
        return decide(*args)

    monkeypatch.setattr(admission, "admit", admit)
    return made


def backlog(place: Place, job_id: str) -> Due:
    """Occurrences of the last minutes, all of which are late."""
    latest = place.clock.now().replace(microsecond=0) - timedelta(seconds=10)
    first = latest - timedelta(seconds=BACKLOG - 1)
    return Due(job_id=job_id, schedule=SECONDLY, first=first, latest=latest, count=BACKLOG)


def until_run(place: Place, runs: int) -> Callable[[], bool]:
    return lambda: place.value("SELECT count(*) FROM runs WHERE status = 'ok'") >= runs


@pytest.mark.parametrize(
    "fields",
    [{}, {"overlap_policy": OverlapPolicy.ALLOW, "pool": "one"}],
    ids=["held by overlap", "held by a pool"],
)
def test_an_end_costs_the_same_however_many_wait(
    place: Place, decisions: list[object], fields: dict[str, Any]
) -> None:
    place.apply(job("tick", catch_up=CatchUp.ALL, **fields))

    async def scenario(rig: Rig) -> None:
        written = await rig.runs.submit(backlog(place, "tick"))
        assert len(written) == BACKLOG
        assert len(decisions) <= BACKLOG + 10
        decisions.clear()
        before = place.value("SELECT count(*) FROM runs WHERE status = 'ok'")
        await rig.until(until_run(place, before + 20))
        assert len(decisions) <= 4 * 20

    with_runner(place, scenario, pools={"one": 1})


def test_a_long_gap_is_decided_in_portions_that_share_the_event_loop(place: Place) -> None:
    """The first occurrences run while the last are not decided yet."""
    place.apply(job("tick", catch_up=CatchUp.ALL), job("other"))

    async def scenario(rig: Rig) -> None:
        deciding = rig.runs.submit(backlog(place, "tick"))
        await rig.until(lambda: bool(place.runs("tick")))
        assert len(place.runs("tick")) < BACKLOG
        await deciding
        assert len(place.runs("tick")) == BACKLOG

    with_runner(place, scenario)


def after(due: Due) -> Due:
    """The occurrence that comes due while a gap is being decided about."""
    when = due.latest + timedelta(seconds=1)
    return Due(job_id=due.job_id, schedule=SECONDLY, first=when, latest=when, count=1)


def test_what_comes_due_amid_a_long_gap_does_not_overtake_it(place: Place) -> None:
    """Else the watermark would pass what is left of the gap, and that would never run."""
    place.apply(job("tick", catch_up=CatchUp.ALL, overlap_policy=OverlapPolicy.ALLOW))

    async def scenario(rig: Rig) -> None:
        gap = backlog(place, "tick")
        gathered = await asyncio.gather(rig.runs.submit(gap), rig.runs.submit(after(gap)))
        assert [len(rows) for rows in gathered] == [BACKLOG, 1]
        times = [run.scheduled_for for run in place.runs("tick")]
        assert times == [gap.first + timedelta(seconds=n) for n in range(BACKLOG + 1)]

    with_runner(place, scenario)


def test_what_cannot_be_recorded_takes_along_what_comes_behind_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("tick", catch_up=CatchUp.ALL))

    async def scenario(rig: Rig) -> None:
        submit, calls = rig.writer.submit, iter([True, False])

        async def second_portion_fails(op: Any, **options: Any) -> Any:
            if options.get("priority") is Priority.START and not next(calls, True):
                raise DatabaseError("the disk is full")
            return await submit(op, **options)

        monkeypatch.setattr(rig.writer, "submit", in_a_task(second_portion_fails))
        gap = backlog(place, "tick")
        first, second = rig.runs.submit(gap), rig.runs.submit(after(gap))
        found = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(each) for each in found] == [DatabaseError, DatabaseError]
        monkeypatch.undo()
        rows = place.runs("tick")
        assert rows[-1].scheduled_for == gap.first + timedelta(seconds=len(rows) - 1)
        assert place.value("SELECT decided_until FROM jobs") == to_text(rows[-1].scheduled_for)

    with_runner(place, scenario)


def test_a_gap_is_left_where_its_job_gets_another_schedule(place: Place) -> None:
    place.apply(job("tick", catch_up=CatchUp.ALL, schedule=("* * * * * *",)))

    async def scenario(rig: Rig) -> None:
        deciding = rig.runs.submit(backlog(place, "tick"))
        await rig.until(lambda: bool(place.runs("tick")))
        await rig.runs.on_plan(place.apply(job("tick", catch_up=CatchUp.ALL, schedule=("0 0 1 1 *",))))
        await deciding
        assert len(place.runs("tick")) < BACKLOG

    with_runner(place, scenario)


def test_all_that_wait_say_that_their_job_is_paused(place: Place) -> None:
    place.apply(job("tick", HOLD, catch_up=CatchUp.ALL))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(backlog(place, "tick"))
        with place.write() as tx:
            overrides.pause(tx, "tick", until=None, reason=None, by=Actor("test"))
        await rig.runs.look()
        await rig.until(lambda: set(place.story("tick")[1:]) == {"scheduled: paused"})

    with_runner(place, scenario)


def test_a_deleted_job_loses_all_that_waits_and_its_slot_goes_on(place: Place) -> None:
    place.apply(job("tick", place.held(), catch_up=CatchUp.ALL), job("next"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(backlog(place, "tick"))
        waiting = await rig.runs.request("next")
        await rig.runs.on_plan(place.apply(delete=("tick",)))
        place.go()
        assert (await rig.runs.wait(waiting.id)).status is RunStatus.OK

    with_runner(place, scenario, max_concurrency=1)
    assert set(place.story("tick")[1:]) == {"cancelled: deleted"}


# Slots that were taken for nothing


def waiting_beside(place: Place, *specs: JobSpec) -> None:
    place.apply(*specs, job("waits"))


def test_the_slot_of_an_occurrence_decided_before_goes_to_those_who_wait(place: Place) -> None:
    waiting_beside(place, job("tick"))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "tick")
        await rig.runs.idle()
        await asyncio.gather(occur(rig, "tick"), occur(rig, "waits"))
        await rig.until_story("waits", "ok")

    with_runner(place, scenario, max_concurrency=1)


def test_the_slot_of_a_start_that_could_not_be_recorded_goes_to_those_who_wait(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry = Retries(limit=1, delay_ms=1000)
    waiting_beside(place, job("flaky", "exit 1", retries=retry), job("lost"))

    async def scenario(rig: Rig) -> None:
        submit = rig.writer.submit

        async def fail(_op: Callable[[Tx], object], **_: Any) -> None:
            # The time of the retry comes while the slot is taken.
            await rig.until(lambda: place.time_has_come("flaky"))
            monkeypatch.setattr(rig.writer, "submit", submit)
            raise DatabaseError("the disk is full")

        await rig.finish("flaky")
        monkeypatch.setattr(rig.writer, "submit", in_a_task(fail))
        with pytest.raises(DatabaseError):
            await rig.runs.request("lost")
        await rig.until_story("flaky", "error", "error")

    with_runner(place, scenario, max_concurrency=1)


def test_a_cancel_is_not_lost_in_the_turn_in_which_a_waiting_run_gets_its_slot(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("full", HOLD), job("waits", HOLD))

    async def scenario(rig: Rig) -> None:
        full, waiting = await rig.runs.request("full"), await rig.runs.request("waits")
        board = rig.runs._board
        take_slot = board.take_slot
        cancels: list[asyncio.Future[Any]] = []

        def take(*args: Any) -> None:
            take_slot(*args)
            cancels.append(asyncio.ensure_future(rig.runs.cancel(waiting.id)))

        monkeypatch.setattr(board, "take_slot", take)
        await rig.runs.cancel(full.id)
        assert (await rig.runs.wait(waiting.id)).status is RunStatus.CANCELLED
        await asyncio.gather(*cancels)

    with_runner(place, scenario, max_concurrency=1)
