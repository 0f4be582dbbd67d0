"""Programs whose exit codes say that they had nothing to do, or that all is well."""

import asyncio
import os
from typing import Any

import pytest
from support.runs import Place, Rig, job, occur, with_runner

from jeeves_runner.core.model import CancelCause, ExitCodes, JobSpec, Reason, Retries, RunStatus
from jeeves_runner.core.run import Run

CODES = ExitCodes(ok=(1,), skip=(78,))


def coded(command: str, **fields: Any) -> JobSpec:
    return job("coded", command, exit_codes=CODES, **fields)


def finished(place: Place, command: str, **fields: Any) -> Run:
    place.apply(coded(command, **fields))
    return with_runner(place, lambda rig: rig.finish("coded"))


def test_a_code_of_ok_ends_a_run_well(place: Place) -> None:
    run = finished(place, "echo nothing found; exit 1", retries=Retries(limit=1, delay_ms=0))
    assert (run.status, run.exit_code, run.reason, run.message) == ("ok", 1, None, None)
    assert place.story() == ["ok"]


def test_a_code_of_skip_ends_it_skipped_with_its_last_line(place: Place) -> None:
    run = finished(place, "echo looking; echo no mail; exit 78", retries=Retries(limit=1, delay_ms=0))
    assert (run.status, run.reason, run.reason_ref) == ("skipped", "exit_code", None)
    assert (run.exit_code, run.message, run.stdout) == (78, "no mail", "looking\nno mail\n")
    assert run.started_at is not None
    assert run.duration_ms is not None
    assert place.story() == ["skipped: exit_code"]


def test_another_code_is_a_failure_and_tried_again(place: Place) -> None:
    place.apply(coded("exit 2", retries=Retries(limit=1, delay_ms=0)))

    async def scenario(rig: Rig) -> None:
        await rig.finish("coded")
        await rig.until_story("coded", "error", "error")

    with_runner(place, scenario)


def test_an_attempt_that_finds_nothing_to_do_ends_its_chain(place: Place) -> None:
    command = "test $JR_ATTEMPT = 2 && exit 78; exit 2"
    place.apply(coded(command, retries=Retries(limit=3, delay_ms=0)))

    async def scenario(rig: Rig) -> None:
        await rig.finish("coded")
        await rig.until_story("coded", "error", "skipped: exit_code")
        await rig.runs.wait(2)  # its slot is free a moment after the commit
        await occur(rig, "coded")
        await rig.until_story("coded", "error", "skipped: exit_code", "error", "skipped: exit_code")

    with_runner(place, scenario)


@pytest.mark.parametrize(
    ("cause", "status"), [(CancelCause.CANCEL, "cancelled"), (CancelCause.TIMEOUT, "timeout")]
)
def test_a_run_that_was_asked_to_end_is_not_skipped(place: Place, cause: CancelCause, status: str) -> None:
    place.apply(
        coded("trap 'exit 78' TERM; touch begun; while :; do sleep 0.01 || true; done", cwd=str(place.root))
    )

    async def scenario(rig: Rig) -> Run:
        run = await rig.runs.request("coded")
        await rig.until((place.root / "begun").exists)
        await rig.runs.cancel(run.id, cause)
        return await rig.runs.wait(run.id)

    run = with_runner(place, scenario)
    assert (run.status, run.reason, run.exit_code) == (status, None, 78)


def test_runs_that_started_and_were_skipped_have_a_row_each(place: Place) -> None:
    place.apply(coded("exit 78"))

    async def scenario(rig: Rig) -> None:
        for second in range(3):
            await occur(rig, "coded", second)
            await rig.runs.wait(second + 1)

    with_runner(place, scenario)
    assert place.story() == ["skipped: exit_code"] * 3
    assert [run.occurrences for run in place.runs()] == [1, 1, 1]


def test_a_skip_by_hand_after_the_pool_was_full_says_its_own_reason(place: Place) -> None:
    """What the row said while it waited is gone."""
    place.apply(job("full", "read x < gate", cwd=str(place.root)), coded("exit 78"))

    async def scenario(rig: Rig) -> Run:
        os.mkfifo(place.root / "gate")
        await rig.runs.request("full")
        run = await rig.runs.request("coded")
        assert run.reason is Reason.LIMIT
        await asyncio.to_thread((place.root / "gate").write_text, "go\n")
        return await rig.runs.wait(run.id)

    run = with_runner(place, scenario, max_concurrency=1)
    assert (run.status, run.reason) == (RunStatus.SKIPPED, Reason.EXIT_CODE)
