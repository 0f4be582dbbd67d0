"""What is carried out as the precheck of a job."""

import json

import pytest

from jeeves_runner.core.model import (
    ExitCodes,
    JobSpec,
    JobType,
    Precheck,
    Retries,
    Secret,
    SourceType,
)
from jeeves_runner.core.precheck import precheck_spec

JOB = JobSpec(
    id="job",
    name="Job",
    type=JobType.SESSION,
    source_type=SourceType.PROMPT,
    script="summarise",
    args=("a",),
    env=(("TOKEN", Secret(kind="file", ref="token")),),
    cwd="/p",
    kill_grace_ms=5,
    retries=Retries(limit=1),
    exit_codes=ExitCodes(ok=(1,)),
)


def test_a_job_without_one_has_none() -> None:
    assert precheck_spec(JOB) is None


@pytest.mark.parametrize(
    ("precheck", "source_type", "script"),
    [
        (Precheck(script="/p/check.sh"), "path", "/p/check.sh"),
        (Precheck(run="exit 10"), "inline", "exit 10"),
        (Precheck(command=("test", "-s", "ä")), "command", ["test", "-s", "ä"]),
    ],
)
def test_it_is_a_script_in_the_surroundings_of_its_job(
    precheck: Precheck, source_type: str, script: str | list[str]
) -> None:
    spec = precheck_spec(JOB._replace(precheck=precheck))
    assert spec is not None
    assert (spec.type, spec.source_type) == ("script", source_type)
    assert (json.loads(spec.script) if source_type == "command" else spec.script) == script
    assert (spec.id, spec.env, spec.cwd, spec.kill_grace_ms) == (JOB.id, JOB.env, "/p", 5)
    assert (spec.args, spec.precheck, spec.retries, spec.exit_codes) == ((), None, None, None)


@pytest.mark.parametrize(
    ("timeout_ms", "limit"), [(None, 30_000), (60_000, 30_000), (30_000, 30_000), (200, 200)]
)
def test_it_takes_30_seconds_at_most_and_no_longer_than_its_job(timeout_ms: int | None, limit: int) -> None:
    spec = precheck_spec(JOB._replace(precheck=Precheck(run="true"), timeout_ms=timeout_ms))
    assert spec is not None
    assert spec.timeout_ms == limit
