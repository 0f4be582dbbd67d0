"""A look at a run that waits for its end, and nudges: what commands ask of the server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.api import Answer, Api, problem, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner.core.model import CancelCause, OverlapPolicy
from jeeves_runner.db.run_progress import request_cancel

LASTING = "until [ -e go ]; do sleep 0.01; done"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


async def started(api: Api) -> int:
    """A run that lasts until ``go`` is there."""
    shell_job(api.ledger, "patient", LASTING)
    run_id: int = (await api.post("/jobs/patient/run?wait=0s")).body["run"]["id"]
    return run_id


def go(api: Api) -> None:
    (api.ledger.path.parent / "go").touch()


def status(answer: Answer) -> Any:
    assert answer.status == 200
    return answer.body["run"]["status"]


def test_a_look_that_waits_is_answered_at_the_end(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        run_id = await started(api)
        waiting = asyncio.create_task(api.get(f"/runs/{run_id}?wait=1m"))
        assert status(await api.get(f"/runs/{run_id}?wait=10ms")) == "running"
        assert not waiting.done()
        go(api)
        assert status(await waiting) == "ok"
        assert status(await api.get(f"/runs/{run_id}?wait=1m")) == "ok"

    with_api(ledger, scenario)


def test_a_look_can_wait_for_what_becomes_of_a_run(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shell_job(api.ledger, "patient", LASTING)
        asked = api.ledger.add_run("patient", status="scheduled")
        waiting = asyncio.create_task(api.get(f"/runs/{asked}?wait=1m&until=decision"))
        assert status(await api.get(f"/runs/{asked}?wait=10ms&until=decision")) == "scheduled"
        assert not waiting.done()
        await api.runs.look()
        assert status(await waiting) == "running"
        assert status(await api.get(f"/runs/{asked}?wait=1m&until=decision")) == "running"
        after_it = api.ledger.add_run("patient", status="scheduled")
        waiting = asyncio.create_task(api.get(f"/runs/{after_it}?wait=1m&until=decision"))
        await api.runs.look()
        assert (status(await waiting), (await waiting).body["run"]["reason"]) == ("skipped", "overlap")
        go(api)
        assert status(await api.get(f"/runs/{asked}?wait=1m")) == "ok"

    with_api(ledger, scenario)


def test_a_look_is_told_for_what_a_run_waits(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shell_job(api.ledger, "patient", LASTING, overlap_policy=OverlapPolicy.QUEUE)
        first = api.ledger.add_run("patient", status="scheduled")
        second = api.ledger.add_run("patient", status="scheduled")
        looks = [
            asyncio.create_task(api.get(f"/runs/{run_id}?wait=1m&until=decision"))
            for run_id in (first, second)
        ]
        await api.get(f"/runs/{second}?wait=1ms&until=decision")
        await api.runs.look()
        found = [(await look).body["run"] for look in looks]
        told = [(run["status"], run["reason"]) for run in found]
        assert told == [("running", None), ("scheduled", "overlap")]
        go(api)
        assert status(await api.get(f"/runs/{second}?wait=1m")) == "ok"

    with_api(ledger, scenario)


def test_a_look_is_told_that_a_run_was_cancelled_before_it_was_decided_about(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shell_job(api.ledger, "patient", LASTING)
        run_id = api.ledger.add_run("patient", status="scheduled")
        waiting = asyncio.create_task(api.get(f"/runs/{run_id}?wait=1m&until=decision"))
        await api.get(f"/runs/{run_id}?wait=1ms&until=decision")
        with api.ledger.tx() as tx:
            request_cancel(tx, run_id, CancelCause.CANCEL)
        await api.runs.look()
        assert status(await waiting) == "cancelled"

    with_api(ledger, scenario)


def test_a_look_that_waits_is_answered_when_the_server_stops(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        run_id = await started(api)
        waiting = asyncio.create_task(api.get(f"/runs/{run_id}?wait=1m"))
        api.stopping.set()
        assert status(await waiting) == "running"
        go(api)

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/runs/1?wait=61s", (400, "wait must be a duration, 1m at most, not '61s'")),
        ("/runs/1?wait=soon", (400, 'wait: "soon" is no duration; write one like "30s", "5m" or "1h30m"')),
        ("/runs/1?wait=1s&until=soon", (400, "until must be one of end, decision, not 'soon'")),
        ("/runs/7?wait=1s", (404, "there is no run 7")),
    ],
)
def test_a_look_that_cannot_wait_says_so(ledger: Ledger, path: str, answer: tuple[int, str]) -> None:
    ledger.add_job("backup")
    ledger.add_run("backup")

    async def scenario(api: Api) -> Answer:
        return await api.get(path)

    assert problem(with_api(ledger, scenario)) == answer


def test_a_nudge_makes_the_runner_look(ledger: Ledger) -> None:
    async def scenario(api: Api) -> tuple[int, Any, int]:
        answer = await api.post("/nudge")
        return answer.status, answer.body, len(api.nudges)

    assert with_api(ledger, scenario) == (204, "", 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/jobs/backup/pause"),
        ("POST", "/jobs/backup/resume"),
        ("PATCH", "/jobs/backup/disable"),
        ("PATCH", "/jobs/backup/enable"),
    ],
)
def test_the_runner_looks_at_a_pause_made_over_http(ledger: Ledger, method: str, path: str) -> None:
    ledger.add_job("backup")

    async def scenario(api: Api) -> int:
        assert (await api.ask(method, path)).status == 200
        return len(api.nudges)

    assert with_api(ledger, scenario) == 1
