"""A precheck before an agent's work: a run that is skipped costs no call of the model."""

import asyncio
from collections.abc import Iterator

import pytest
from support.gateway import Double, double
from support.logs import log_file
from support.runs import Place, running
from support.session_runs import sessions

from jeeves_runner.core.model import JobSpec, JobType, Precheck, SourceType
from jeeves_runner.core.run import Run
from jeeves_runner.core.session_spec import Session


@pytest.fixture
def far() -> Iterator[Double]:
    with double() as gateway:
        yield gateway


def finished(place: Place, far: Double, check: str) -> Run:
    """One run of a session, behind a precheck."""
    spec = JobSpec(
        id="work",
        name="work",
        type=JobType.SESSION,
        source_type=SourceType.PROMPT,
        script="MODE:echo=sorted",
        session=Session(),
        precheck=Precheck(run=check),
        cwd=str(place.root),
        timeout_ms=60_000,
    )
    place.apply(spec)

    def choose(of: JobSpec) -> str:
        return "local" if of.type is JobType.SCRIPT else "session"

    async def main() -> Run:
        async with asyncio.timeout(40), sessions(far) as agents:
            others = [place.local(4)]
            async with running(place, executor=agents.executor, others=others, choose=choose) as rig:
                return await rig.finish("work")

    return asyncio.run(main())


def test_a_skipped_run_calls_no_model(place: Place, far: Double) -> None:
    run = finished(place, far, "echo the inbox is empty; exit 10")
    assert (run.status, run.reason, run.message) == ("skipped", "precheck", "the inbox is empty")
    assert far.model_calls() == []
    assert run.tokens is None


def test_one_that_goes_on_has_the_agents_end_and_both_in_its_log(place: Place, far: Double) -> None:
    run = finished(place, far, "echo one mail")
    assert (run.status, run.reason) == ("ok", None)
    assert run.stdout is not None
    assert "sorted" in run.stdout
    assert "one mail" not in run.stdout
    assert log_file(place.root / "data", run.id, "work").read_text().startswith("one mail\n")
    assert any("sorted" in call["task"] for call in far.model_calls())


def test_a_precheck_that_fails_calls_no_model_either(place: Place, far: Double) -> None:
    run = finished(place, far, "exit 3")
    assert (run.status, run.message, run.exit_code) == ("error", "precheck: exit code 3", 3)
    assert far.model_calls() == []
