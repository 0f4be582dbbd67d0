"""What manifests declare: specs, with defaults for what they leave out."""

import json
from typing import Any

import pytest
from support.manifests import job, read
from support.specs import canonical, queue_from_text

from jeeves_runner.core.edge_spec import After, OnChange
from jeeves_runner.core.manifest.rules import LATER
from jeeves_runner.core.model import ExitCodes, JobSpec, Keep, Precheck
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.schemas_text import manifest_schema


def test_a_small_job_gets_every_default() -> None:
    spec = job("run: echo hi\n")
    assert (spec.id, spec.name, spec.timezone, spec.cwd) == ("nightly", "nightly", "Europe/Berlin", "/p")
    assert spec == JobSpec(
        id="nightly",
        name="nightly",
        timezone="Europe/Berlin",
        cwd="/p",
        source_type=spec.source_type,
        script="echo hi",
    )


def test_everything_a_job_can_say() -> None:
    spec = job(
        """\
        id: full
        name: Full job
        schedule: ["*/5 * * * * *", "@daily"]
        timezone: America/New_York
        exclude: ["2026-12-24..2026-12-26"]
        catch_up: all
        catch_up_window: 1h
        script: bin/../work.py
        args: [a, "1"]
        env: {A: b, TOKEN: {file: secret.txt}, HOME2: {from_env: HOME}}
        cwd: sub
        timeout: 1h30m
        kill_grace: 500ms
        overlap_policy: replace
        retries: {limit: 3, delay: 5s, backoff: exponential, on: [error], on_exit_codes: [75]}
        pool: db
        priority: 7
        enabled: false
        reads: [queue:mail]
        """
    )
    assert spec.script == "/p/work.py"
    assert spec.cwd == "/p/sub"
    assert spec.timeout_ms == 5_400_000
    assert spec.retries is not None
    assert (spec.retries.limit, spec.retries.delay_ms, spec.retries.on_exit_codes) == (3, 5_000, (75,))
    assert dict(spec.env)["A"] == "b"


def test_what_a_job_keeps_of_its_runs_may_have_either_limit_or_both() -> None:
    assert job("run: x\n").keep is None
    assert job("run: x\nkeep: {runs: 100}\n").keep == Keep(runs=100)
    assert job("run: x\nkeep: {days: 30d}\n").keep == Keep(days_ms=30 * 86_400_000)
    assert job("run: x\nkeep: {runs: 1, days: 1d}\n").keep == Keep(runs=1, days_ms=86_400_000)


def test_a_job_says_which_exit_codes_are_no_failure() -> None:
    assert job("run: x\n").exit_codes is None
    assert job("run: x\nexit_codes: {ok: [1]}\n").exit_codes == ExitCodes(ok=(1,))
    both = "run: x\nexit_codes: {ok: [1, 2], skip: [78]}\nretries: {limit: 1, on_exit_codes: [75]}\n"
    assert job(both).exit_codes == ExitCodes(ok=(1, 2), skip=(78,))


def test_a_precheck_is_a_script_a_text_or_a_command() -> None:
    assert job("run: x\n").precheck is None
    assert job("run: x\nprecheck: {run: exit 10}\n").precheck == Precheck(run="exit 10")
    assert job("run: x\nprecheck: {command: [test, -s, a]}\n").precheck == Precheck(
        command=("test", "-s", "a")
    )
    assert job("run: x\nprecheck: {script: a/../check.sh}\n").precheck == Precheck(script="/p/check.sh")
    assert job("run: x\nprecheck: {script: /check.sh}\n").precheck == Precheck(script="/check.sh")


def test_a_precheck_of_a_job_takes_the_place_of_that_of_its_defaults() -> None:
    outer = {"precheck": {"run": "exit 10"}}
    assert job("run: x\n", outer).precheck == Precheck(run="exit 10")
    assert job("run: x\nprecheck: {command: [a]}\n", outer).precheck == Precheck(command=("a",))
    assert job("run: x\nprecheck: null\n", outer).precheck is None


def test_exit_codes_of_a_job_take_the_place_of_those_of_its_defaults() -> None:
    outer = {"exit_codes": {"ok": [1], "skip": [78]}}
    assert job("run: x\n", outer).exit_codes == ExitCodes(ok=(1,), skip=(78,))
    assert job("run: x\nexit_codes: {skip: [1]}\n", outer).exit_codes == ExitCodes(skip=(1,))
    assert job("run: x\nexit_codes: null\n", outer).exit_codes is None


def test_lists_hold_jobs_and_queues_with_their_lines() -> None:
    result = read(
        """\
        defaults: {timeout: 5m}
        jobs:
          - {id: a, run: echo a}
          - id: b
            command: [echo, b]
        queues:
          - id: mail
            dedup: {key: "$.id"}
            lease: 90s
        """
    )
    assert [(e.kind, e.id, e.line) for e in result.entries] == [
        ("job", "a", 3),
        ("job", "b", 4),
        ("queue", "mail", 7),
    ]
    queue = queue_from_text(result.entries[2].text)
    assert (queue.dedup_key, queue.lease_ms, queue.max_attempts) == ("$.id", 90_000, 3)


def test_a_list_may_stand_elsewhere_in_the_file() -> None:
    result = read("queues: &both [{id: q}]\njobs: *both\n")
    assert [(entry.id, entry.line) for entry in result.entries] == [("q", 1)]
    (problem,) = result.problems
    assert problem.line == 2
    assert problem.message.startswith("it needs one of `script`, `run`, ")


def test_nearer_defaults_win_and_null_takes_away() -> None:
    outer = {"timeout": "5m", "env": {"A": "outer", "B": "outer"}, "priority": 3}
    inner = {"env": {"B": "inner"}, "priority": None}
    spec = job("run: echo\nenv: {C: own}\n", outer, inner)
    assert dict(spec.env) == {"A": "outer", "B": "inner", "C": "own"}
    assert (spec.timeout_ms, spec.priority) == (300_000, 0)


@pytest.mark.parametrize(
    ("delays", "delay_ms", "longest_ms"),
    [
        ("", 10_000, 3_600_000),
        (", delay: 5m", 300_000, 3_600_000),
        (", delay: 2h", 7_200_000, 7_200_000),
        (", delay: 2h, max_delay: 3h", 7_200_000, 10_800_000),
        (", max_delay: 2m", 10_000, 120_000),
    ],
)
def test_a_delay_is_not_shortened_by_a_maximum_nobody_wrote(
    delays: str, delay_ms: int, longest_ms: int
) -> None:
    retries = job(f"run: x\nretries: {{limit: 1{delays}}}\n").retries
    assert retries is not None
    assert (retries.delay_ms, retries.max_delay_ms) == (delay_ms, longest_ms)


def test_a_queue_waits_as_long_as_it_says() -> None:
    (entry,) = read("queues:\n  - {id: q, backoff: {delay: 2h}}\n").entries
    queue = queue_from_text(entry.text)
    assert (queue.backoff_delay_ms, queue.backoff_max_delay_ms) == (7_200_000, 7_200_000)


def test_a_key_of_a_job_that_resembles_a_list_stays_a_jobs_key() -> None:
    result = read("run: x\ntimeout: 1m\nuse: [queue:mail]\njob: x\n")
    assert [p.message for p in result.problems] == ["unknown key `job`", "unknown key `use`"]
    assert result.invalid == {("job", "nightly")}


def test_canonical_text_is_what_the_dataclass_says() -> None:
    (entry,) = read("run: x\nretries: {limit: 2}\nenv: {B: x, A: {from_env: Z}}\n").entries
    assert canonical(job_from_text(entry.text)) == entry.text
    (queue,) = read("queues:\n  - {id: q, backoff: {factor: 2.0}}\n").entries
    assert canonical(queue_from_text(queue.text)) == queue.text


def test_the_schema_names_every_field_of_the_spec_and_no_other() -> None:
    defs = manifest_schema()["$defs"]
    renamed = {"source_type": None, "script": "script"}
    fields = set(json.loads(canonical(JobSpec(id="x", name="x"))))
    from_spec = {f.removesuffix("_ms") for f in fields if renamed.get(f, f)}
    ways = {branch["required"][0] for branch in defs["job"]["oneOf"]}  # all of them go to `script`
    assert set(defs["job"]["properties"]) == from_spec | ways
    assert not set(defs["job"]["properties"]) & LATER


def test_the_shipped_schema_accepts_what_the_reader_accepts() -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(manifest_schema())
    Draft202012Validator.check_schema(manifest_schema())
    for value in ({"run": "x"}, {"jobs": [{"id": "a", "run": "x"}]}, {"queues": [{"id": "q"}], "jobs": []}):
        assert validator.is_valid(value), value
    refused: list[Any] = [{"jobs": [{"run": "x"}]}, {"run": "x", "script": "y"}, {"jobs": [], "x": 1}, []]
    for value in refused:
        assert not validator.is_valid(value), value


@pytest.mark.parametrize("form", ["a", "[a]", "{jobs: a}", "{jobs: [a]}"])
def test_one_job_to_follow_needs_no_list(form: str) -> None:
    assert job(f"run: x\nafter: {form}\n").after == After(("a",))


@pytest.mark.parametrize("form", ["data/in", "[data/in]", "{of: data/in}", "{of: [data/in]}"])
def test_one_place_to_watch_needs_no_list(form: str) -> None:
    assert job(f"run: x\non_change: {form}\n").on_change == OnChange(("data/in",))
