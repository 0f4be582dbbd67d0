"""Specs as text and back."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from support.searching import searched
from support.specs import canonical, queue_from_text

from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.model import (
    CatchUp,
    JobSpec,
    OverlapPolicy,
    Param,
    ParamType,
    Retries,
    Secret,
    SourceType,
)
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.schedule_entry import At, Every, RRule
from jeeves_runner.core.spec_texts import spec_hash
from jeeves_runner.core.specs import SpecError, job_from_text

texts = st.text(max_size=8)
lists = st.lists(texts, max_size=3).map(tuple)
whole = st.integers(0, 10**9)
entries = (
    texts
    | st.builds(Every, every=texts, start=st.none() | texts)
    | st.builds(At, at=texts)
    | st.builds(RRule, rrule=texts, start=st.none() | texts)
)
secrets = st.builds(Secret, kind=st.sampled_from(["file", "from_env"]), ref=texts)
params = st.builds(
    Param,
    name=texts,
    type=st.sampled_from(ParamType),
    description=st.none() | texts,
    enum=lists,
    default=st.none() | texts,
    required=st.booleans(),
    pattern=st.none() | texts,
    secret=st.booleans(),
)
jobs = st.builds(
    JobSpec,
    id=texts,
    name=texts,
    description=st.none() | texts,
    tags=lists,
    schedule=st.lists(entries, max_size=3).map(tuple),
    catch_up=st.sampled_from(CatchUp),
    source_type=st.sampled_from(SourceType),
    script=texts,
    args=lists,
    env=st.dictionaries(texts, texts | secrets, max_size=3).map(lambda env: tuple(env.items())),
    params=st.lists(params, max_size=3, unique_by=lambda param: param.name).map(tuple),
    timeout_ms=st.none() | whole,
    overlap_policy=st.sampled_from(OverlapPolicy),
    retries=st.none()
    | st.builds(Retries, limit=whole, on_exit_codes=st.none() | st.lists(whole, max_size=2).map(tuple)),
    expect=st.none() | st.builds(Expect, start_within_ms=st.none() | whole, finish_by=st.none() | texts),
    on_failure=lists,
    alert=st.none() | st.builds(Alert, on=lists, remind_ms=st.none() | whole),
    heartbeat=st.none() | texts | secrets,
    priority=st.integers(-1000, 1000),
    enabled=st.booleans(),
)
BUSY = searched(30, without=[HealthCheck.too_slow])
"""A job has many fields, and the machine may have other work."""

queues = st.builds(
    QueueSpec,
    id=texts,
    dedup_key=st.none() | texts,
    lease_ms=whole,
    backoff_factor=st.floats(1, 100),
    on_failed=lists,
)


@BUSY
@given(jobs)
def test_a_job_survives_its_text(spec: JobSpec) -> None:
    assert job_from_text(canonical(spec)) == spec


@given(queues)
def test_a_queue_survives_its_text(spec: QueueSpec) -> None:
    assert queue_from_text(canonical(spec)) == spec


@BUSY
@given(jobs, jobs)
def test_the_hash_tells_specs_apart(one: JobSpec, other: JobSpec) -> None:
    assert (spec_hash(canonical(one)) == spec_hash(canonical(other))) == (one == other)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pool", ["one"]),
        ("priority", "high"),
        ("kill_grace_ms", "10s"),
        ("timeout_ms", True),
        ("enabled", 1),
        ("retries", {"limit": "often", "on": ["error"]}),
    ],
)
def test_a_value_that_is_not_of_its_type_makes_a_spec_unreadable(field: str, value: object) -> None:
    text = canonical(JobSpec(id="a", name="a"))
    with pytest.raises(SpecError):
        job_from_text(json.dumps(json.loads(text) | {field: value}))
