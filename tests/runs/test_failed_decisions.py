"""What the database did not take, or did not tell: no run is lost by it, and no slot."""

from datetime import timedelta
from typing import Any

import apsw
import pytest
from support.runs import HOLD, SECONDLY, Place, Rig, job, with_runner

from jeeves_runner.core.model import CatchUp, OverlapPolicy
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import runs
from jeeves_runner.db.writer import Priority
from jeeves_runner.errors import DatabaseError
from jeeves_runner.runs import consequences


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consequences, "TRY_AGAIN", 0.05)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs of which the next reads do not say whether they wait."""
    still_waits, asked = runs.still_waits, list[int]()

    def fail_once(conn: apsw.Connection, run_id: int) -> bool:
        if run_id in asked:
            return still_waits(conn, run_id)
        asked.append(run_id)
        raise DatabaseError("disk I/O error")

    monkeypatch.setattr(runs, "still_waits", fail_once)
    return asked


async def ask_in_vain(rig: Rig, job_id: str) -> None:
    """Another program asks for a run, and the database does not take the decision about it."""
    rig.place.request(job_id)
    rig.writer.failing = {Priority.START}
    await rig.runs.look()
    await rig.until(lambda: not rig.writer.failing)


def test_a_request_that_was_to_be_skipped_is_skipped_once_the_database_takes_it(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        await ask_in_vain(rig, "slow")
        await rig.until_story("slow", "running", "skipped: overlap")

    with_runner(place, scenario)


def test_a_request_that_was_to_replace_others_replaces_them_once_the_database_takes_it(place: Place) -> None:
    place.apply(job("slow", HOLD, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        await ask_in_vain(rig, "slow")
        await rig.until_story("slow", "cancelled", "running")

    with_runner(place, scenario)


def test_that_runs_cannot_be_started_is_told_once_and_so_is_its_end(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    place.apply(*map(job, ("one", "two", "three")))

    async def scenario(rig: Rig) -> None:
        for name in ("one", "two", "three"):
            await ask_in_vain(rig, name)
        await rig.until(lambda: place.story() == ["ok"] * 3)

    with_runner(place, scenario)
    told = [text.partition(":")[0] for text in caplog.messages if "runs that wait" in text]
    begins = "runs that wait can be neither started nor ended"
    assert told == [begins, "runs that wait are started and ended again"] * (len(told) // 2)
    assert told


def test_a_request_that_was_to_start_keeps_its_turn(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consequences, "TRY_AGAIN", 0.2)
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        await ask_in_vain(rig, "slow")
        second = await rig.runs.request("slow")
        assert (second.status, second.reason) == ("skipped", "overlap")
        await rig.until_story("slow", "running", "skipped: overlap")

    with_runner(place, scenario)


def test_a_cancel_reaches_a_request_about_which_nothing_could_be_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consequences, "TRY_AGAIN", 1.0)  # the cancel comes before
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        await ask_in_vain(rig, "slow")
        await rig.runs.cancel(place.runs()[1].id)
        await rig.until(lambda: place.runs()[1].status.is_final)

    with_runner(place, scenario)


def test_a_start_that_failed_gives_its_slot_back_although_its_row_cannot_be_read(
    place: Place, unread: list[int]
) -> None:
    place.apply(job("waits"), job("next"))

    async def scenario(rig: Rig) -> None:
        await ask_in_vain(rig, "waits")
        await rig.until_story("waits", "ok")
        assert unread
        assert (await rig.finish("next")).status == "ok"

    with_runner(place, scenario, max_concurrency=1)


def test_what_has_started_runs_although_the_row_of_another_run_cannot_be_read(
    place: Place, unread: list[int]
) -> None:
    place.apply(job("tick", catch_up=CatchUp.ALL, overlap_policy=OverlapPolicy.ALLOW))
    latest = place.clock.now().replace(microsecond=0) - timedelta(seconds=10)
    gap = Due(job_id="tick", schedule=SECONDLY, first=latest - timedelta(seconds=2), latest=latest, count=3)

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(gap)
        assert unread
        await rig.until_story("tick", "ok", "ok", "ok")

    with_runner(place, scenario, max_concurrency=2)


def test_an_end_gives_its_slot_on_although_what_others_have_written_cannot_be_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(job("fails", place.held("exit 1")), job("waits"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("fails")
        await rig.runs.request("waits")
        requested_runs = runs.requested_runs

        def fail_once(*_: Any) -> None:
            monkeypatch.setattr(runs, "requested_runs", requested_runs)
            raise apsw.IOError("disk I/O error")

        monkeypatch.setattr(runs, "requested_runs", fail_once)
        place.go()
        await rig.until_story("waits", "ok")

    with_runner(place, scenario, max_concurrency=1)
