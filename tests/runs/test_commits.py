"""What is committed before what: no start, no signal and no free slot comes before its row."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.doors import Doors, read_rows
from support.runs import HOLD, Place, Rig, in_a_task, job, with_runner

from jeeves_runner.core.model import Retries, RunStatus
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority
from jeeves_runner.runs import running as running_runs


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
def test_a_run_is_recorded_before_its_program_starts(place: Place, waits: bool) -> None:
    """The script itself asks the database about its own run."""
    ask = (
        "import apsw, os, sys; conn = apsw.Connection(os.environ['JR_DB_PATH']); "
        "print(conn.execute('SELECT status, mark = ? FROM runs WHERE id = ?', "
        "(os.environ['JR_RUN_MARK'], os.environ['JR_RUN_ID'])).fetchall())"
    )
    place.apply(job("full", HOLD), job("ask", f'exec {sys.executable} -c "{ask}"'))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        asking = await rig.runs.request("ask")
        assert asking.status is (RunStatus.SCHEDULED if waits else RunStatus.RUNNING)
        await rig.runs.cancel(full.id)
        assert (await rig.runs.wait(asking.id)).stdout == "[('running', 1)]\n"

    with_runner(place, scenario, max_concurrency=1 if waits else 2)


FULL = 2
"""PRAGMA synchronous: the commit is on the disk before it is answered."""


def test_starts_waits_and_ends_survive_a_power_loss(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.apply(
        job("first", "sleep 0.05"),
        job("second", "exit 1", retries=Retries(limit=1, delay_ms=60_000)),
    )
    levels: dict[tuple[int, str], int] = {}

    async def scenario(rig: Rig) -> None:
        submit = rig.writer.submit

        async def noting(op: Any, **options: Any) -> Any:
            def noted(tx: Tx) -> Any:
                result = op(tx)
                level = tx.conn.execute("PRAGMA synchronous").get
                for row in read_rows(tx.conn):
                    levels.setdefault((row.id, row.status), level)
                return result

            return await submit(noted, **options)

        monkeypatch.setattr(rig.writer, "submit", in_a_task(noting))
        await rig.runs.request("first")
        second = await rig.runs.request("second")
        await rig.runs.wait(second.id)
        await rig.runs.cancel(3)

    with_runner(place, scenario, max_concurrency=1)
    assert levels == {
        (1, "running"): FULL,
        (2, "scheduled"): FULL,
        (1, "ok"): FULL,
        (2, "running"): FULL,
        (2, "error"): FULL,
        (3, "scheduled"): FULL,
        (3, "cancelled"): FULL,
    }


def test_a_slot_is_free_only_once_the_end_is_committed(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("first")
        await doors.rest()
        doors.writer.holds = True
        doors.end(1, 0)
        await doors.rest()
        doors.request_by_hand("second")
        await doors.rest()
        await doors.writer.commit()
        first, second = doors.rows()
        assert (first.status, second.status, second.reason) == ("ok", "scheduled", "limit")
        await doors.writer.release()
        assert doors.rows()[1].status is RunStatus.RUNNING

    with_doors(template, scenario, JobRules(id="first"), JobRules(id="second"), limit=1)


def test_a_cause_is_committed_before_the_signal(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("slow")
        await doors.rest()
        doors.writer.holds = True
        doors.cancel(1)
        await doors.rest()
        assert doors.executor.asked == set()
        await doors.writer.release()
        assert doors.rows()[0].cause == "cancel"
        assert doors.executor.asked == {1}

    with_doors(template, scenario, JobRules(id="slow"))


def test_a_signal_waits_for_its_cause_no_longer_than_two_seconds(template: Path) -> None:
    """Else a lock of another program would keep runs from being cancelled."""

    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("slow")
        await doors.rest()
        doors.writer.holds = True
        doors.cancel(1)
        await doors.rest()
        doors.clock.advance(seconds=1.9)
        await doors.rest()
        assert doors.executor.asked == set()
        doors.clock.advance(seconds=0.2)
        await doors.rest()
        assert doors.executor.asked == {1}
        doors.end(1, 0)
        await doors.rest()
        await doors.writer.release()
        (row,) = doors.rows()
        assert (row.status, row.cause) == ("cancelled", "cancel")

    with_doors(template, scenario, JobRules(id="slow"))


def test_a_retry_is_committed_with_the_end_of_the_attempt_before_it(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("flaky")
        await doors.rest()
        doors.writer.holds = True
        doors.end(1, 1)
        await doors.rest()
        assert [row.status for row in doors.rows()] == ["running"]
        await doors.writer.commit()
        assert [row.status for row in doors.rows()] == ["error", "scheduled"]

    with_doors(template, scenario, JobRules(id="flaky", retries=1))


def test_who_hears_of_an_end_finds_its_slot_free(place: Place) -> None:
    """Also when something else has looked at the database between the commit and the end of the task."""
    place.apply(job("quick", "true"))

    async def scenario(rig: Rig) -> None:
        async def look() -> None:
            while True:
                await rig.runs.look()
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        for _ in range(50):
            assert (await rig.finish("quick")).status is RunStatus.OK
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)

    with_runner(place, scenario, max_concurrency=1)


def test_who_asks_for_an_end_that_has_just_been_committed_finds_its_slot_free(place: Place) -> None:
    place.apply(job("quick", "true"))

    async def scenario(rig: Rig) -> None:
        for _ in range(10):
            run = await rig.runs.request("quick")
            assert run.status is RunStatus.RUNNING
            while rig.status(run.id) is RunStatus.RUNNING:  # noqa: ASYNC110 - to the turn of the commit
                await asyncio.sleep(0)
            await rig.runs.wait(run.id)

    with_runner(place, scenario, max_concurrency=1)


def test_an_outcome_that_the_database_did_not_take_is_offered_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_runs, "TRY_AGAIN", 0.01)
    place.apply(job("quick", place.held()))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("quick")
        rig.writer.failing = {Priority.OUTCOME}
        place.go()
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK
        assert rig.writer.failing == set()

    with_runner(place, scenario)
