"""Specs as text and back, and what differs between two of them."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.specs import canonical, queue_from_text

from jeeves_runner.core.model import (
    Alert,
    CatchUp,
    Expect,
    JobSpec,
    OverlapPolicy,
    Param,
    ParamType,
    Retries,
    Secret,
    SourceType,
)
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.spec_texts import FieldChange, changed_fields, spec_hash
from jeeves_runner.core.specs import SpecError, job_from_text

texts = st.text(max_size=8)
lists = st.lists(texts, max_size=3).map(tuple)
whole = st.integers(0, 10**9)
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
    schedule=lists,
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
BUSY = settings(suppress_health_check=[HealthCheck.too_slow])
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


def test_changes_are_named_by_path_with_both_values() -> None:
    old = JobSpec(id="a", name="a", env=(("A", "1"), ("B", "2")), retries=Retries(limit=1))
    new = JobSpec(id="a", name="a", env=(("A", "1"), ("C", "3")), retries=Retries(limit=2), priority=5)
    assert changed_fields(canonical(old), canonical(new)) == [
        FieldChange(path="env.C", old=None, new="3"),
        FieldChange(path="env.B", old="2", new=None),
        FieldChange(path="retries.limit", old=1, new=2),
        FieldChange(path="priority", old=0, new=5),
    ]
    assert changed_fields(canonical(old), canonical(old)) == []


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


def test_a_text_that_becomes_a_secret_or_was_one_is_not_shown() -> None:
    plain = JobSpec(id="a", name="a", env=(("TOKEN", "hunter2"),))
    secret = JobSpec(id="a", name="a", env=(("TOKEN", Secret(kind="file", ref="token")),))
    assert changed_fields(canonical(plain), canonical(secret)) == [
        FieldChange(path="env.TOKEN", old="***", new={"file": "token"})
    ]
    assert changed_fields(canonical(secret), canonical(plain)) == [
        FieldChange(path="env.TOKEN", old={"file": "token"}, new="***")
    ]


def test_a_heartbeat_that_becomes_a_secret_or_was_one_is_not_shown() -> None:
    plain = JobSpec(id="a", name="a", heartbeat="https://box/hunter2")
    secret = JobSpec(id="a", name="a", heartbeat=Secret(kind="from_env", ref="PING"))
    assert changed_fields(canonical(plain), canonical(secret)) == [
        FieldChange(path="heartbeat", old="***", new={"from_env": "PING"})
    ]
    assert changed_fields(canonical(secret), canonical(plain)) == [
        FieldChange(path="heartbeat", old={"from_env": "PING"}, new="***")
    ]


def test_what_a_parameter_had_before_it_became_secret_is_not_shown() -> None:
    plain = JobSpec(id="a", name="a", params=(Param(name="pin", default="hunter2", enum=("hunter2", "x")),))
    secret = JobSpec(id="a", name="a", params=(Param(name="pin", secret=True),))
    becomes = [
        FieldChange(path="params.pin.enum", old="***", new=[]),
        FieldChange(path="params.pin.default", old="***", new=None),
        FieldChange(path="params.pin.secret", old=False, new=True),
    ]
    assert changed_fields(canonical(plain), canonical(secret)) == becomes
    assert changed_fields(canonical(secret), canonical(plain)) == [
        change._replace(old=change.new, new=change.old) for change in becomes
    ]
    other = plain._replace(params=(Param(name="pin", default="x"),))
    assert FieldChange(path="params.pin.default", old="hunter2", new="x") in changed_fields(
        canonical(plain), canonical(other)
    )
