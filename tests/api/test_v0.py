"""The clients of the original: its shapes, its words, and what is told of requests that are wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
from import_rules import ALL, own_imports
from support.answers import faults
from support.api import ask, get, shell_job
from support.ledger import Ledger
from support.original import recorded

from jeeves_runner.api.v0 import mapping
from jeeves_runner.api.v0.refusals import REPLACED
from jeeves_runner.api.v0.routes import V0
from jeeves_runner.client import Client
from jeeves_runner.core.model import OverlapPolicy, SourceType
from jeeves_runner.views.runs import run_view

COLUMNS = [
    *("id", "name", "schedule", "script", "type", "description", "enabled", "timeout_ms", "overlap_policy"),
    *("on_failure", "on_success", "created_at", "updated_at", "source_type", "output_channel", "env", "args"),
]
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def test_every_answer_is_json_in_utf_8(ledger: Ledger) -> None:
    for path in ("/status", "/jobs", "/state/none", "/config", "/nope"):
        assert get(ledger, f"/v0{path}").headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_job_has_the_columns_of_the_original(ledger: Ledger) -> None:
    ledger.add_job(
        "a", schedule=("0 3 * * *",), args=("x", "ü"), env=(("A", "1"),), overlap_policy=OverlapPolicy.ALLOW
    )
    job = get(ledger, "/v0/jobs/a").body["job"]
    assert list(job) == COLUMNS
    assert job["schedule"] == "0 3 * * *"
    assert (job["enabled"], job["env"], job["args"]) == (1, '{"A":"1"}', '["x","ü"]')
    assert (job["overlap_policy"], job["source_type"], job["script"]) == ("allow", "path", "/srv/a.sh")
    assert TIME.fullmatch(job["created_at"])
    (listed,) = get(ledger, "/v0/jobs").body["jobs"]
    assert listed == {**job, "last_status": None, "last_run": None}


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"schedule": ()}, "schedule", ""),
        ({"schedule": ("0 3 * * *", "0 4 * * *")}, "schedule", '["0 3 * * *","0 4 * * *"]'),
        ({"overlap_policy": OverlapPolicy.QUEUE}, "overlap_policy", "skip"),
        ({"overlap_policy": OverlapPolicy.REPLACE}, "overlap_policy", "skip"),
        ({"source_type": SourceType.INLINE, "script": "echo"}, "source_type", "inline"),
        ({"source_type": SourceType.COMMAND, "script": '["echo", "a b"]'}, "source_type", "inline"),
        ({"source_type": SourceType.COMMAND, "script": '["echo", "a b"]'}, "script", "echo 'a b'"),
        ({"enabled": False}, "enabled", 0),
    ],
)
def test_what_the_original_did_not_have_is_told_in_its_words(
    ledger: Ledger, fields: dict[str, Any], field: str, told: object
) -> None:
    ledger.add_job("a", **fields)
    assert get(ledger, "/v0/jobs/a").body["job"][field] == told


@pytest.mark.parametrize(
    ("status", "told", "error"),
    [
        ("ok", "ok", None),
        ("running", "running", None),
        ("scheduled", "pending", None),
        ("interrupted", "error", "it is gone"),
        ("cancelled", "error", "it is gone"),
        ("timeout", "timeout", "it is gone"),
        ("missed", "skipped", "it is gone"),
    ],
)
def test_a_run_has_a_status_that_the_original_knew(
    ledger: Ledger, status: str, told: str, error: str | None
) -> None:
    ledger.add_job("a")
    trigger = "schedule" if status == "missed" else "manual"
    run_id = ledger.add_run("a", status, message=error, trigger=trigger)
    run = mapping.run_of(run_view(ledger.conn, run_id)["run"])  # a server would take some of them up
    assert (run["status"], run["error"]) == (told, error)
    assert run["trigger"] == trigger
    assert (run["stdout_tail"] is None) == (status in ("running", "scheduled", "missed"))


def test_the_runs_of_a_deleted_job_are_told_by_the_house_alone(ledger: Ledger) -> None:
    ledger.add_job("a")
    ledger.add_run("a")
    ledger.delete_job("a")
    assert get(ledger, "/v0/jobs/a/runs").body == {"runs": []}
    assert len(get(ledger, "/jobs/a/runs").body["runs"]) == 1


def test_empty_lines_are_left_out_of_what_a_run_wrote(ledger: Ledger) -> None:
    shell_job(ledger, "a", r"printf 'one\n\n  \ntwo\n'; echo no >&2; exit 4")
    result = ask(ledger, "POST", "/v0/jobs/a/run").body["result"]
    assert (result["stdoutTail"], result["stderrTail"]) == ("one\ntwo", "no")
    assert (result["status"], result["exitCode"], result["error"]) == ("error", 4, "no")


def test_without_words_on_stderr_the_error_says_what_is_known(ledger: Ledger) -> None:
    shell_job(ledger, "a", "exit 4")
    assert "4" in ask(ledger, "POST", "/v0/jobs/a/run").body["result"]["error"]


@pytest.mark.parametrize(
    ("line", "meta"),
    [('{"meta":"m1"}', "m1"), ('{"meta":{"a":1}}', '{"a":1}'), ('{"other":1}', None), ("{}", None)],
)
def test_of_a_result_meta_alone_is_told_as_text(ledger: Ledger, line: str, meta: str | None) -> None:
    shell_job(ledger, "a", f"echo 'JR_RESULT:{line}'")
    assert ask(ledger, "POST", "/v0/jobs/a/run").body["result"]["resultMeta"] == meta


def test_state_is_told_as_text(ledger: Ledger) -> None:
    with Client(ledger.path) as jr:
        jr.set_state("ns", "text", "v")
        jr.set_state("ns", "number", 7)
        jr.set_state("ns", "object", {"a": [1, "ü"]})
        jr.set_item("ns", "coll", "i", {"a": 1})
    assert get(ledger, "/v0/state").body == {"namespaces": ["ns"]}
    assert get(ledger, "/v0/state/ns").body == {
        "coll": None,
        "number": "7",
        "object": '{"a":[1,"ü"]}',
        "text": "v",
    }
    assert get(ledger, "/v0/state/ns?path=$.number").body == {"result": ["7"], "count": 1}
    assert get(ledger, "/v0/state/ns/coll?path=$.items[0].value").body == {"result": ['{"a":1}'], "count": 1}


def test_a_namespace_is_told_whole(ledger: Ledger) -> None:
    with Client(ledger.path) as jr, jr.transaction():
        for number in range(2_500):
            jr.set_state("ns", f"k{number:04}", str(number))
    assert len(get(ledger, "/v0/state/ns").body) == 2_500
    assert get(ledger, "/v0/state/ns?path=$.k2499").body == {"result": ["2499"], "count": 1}


def test_a_path_that_finds_the_same_again_and_again_is_refused(ledger: Ledger) -> None:
    with Client(ledger.path) as jr:
        jr.set_state("ns", "k", "x" * 500_000)
    often = get(ledger, f"/v0/state/ns?path=$[{','.join(['k'] * 60)}]")
    assert (often.status, often.body["count"]) == (200, 60)
    too_often = get(ledger, f"/v0/state/ns?path=$[{','.join(['k'] * 100)}]")
    assert too_often.status == 400
    assert too_often.body["message"].startswith("path selects more than 32 MiB")


def test_items_come_from_either_end(ledger: Ledger) -> None:
    with Client(ledger.path) as jr:
        for number in range(3):
            jr.set_item("ns", "coll", f"i{number}", str(number))
    for query, keys in {
        "": ["i2", "i1", "i0"],
        "?order=asc": ["i0", "i1", "i2"],
        "?order=sideways&limit=1": ["i2"],
        "?order=asc&limit=2": ["i0", "i1"],
        "?limit=0": [],
        "?limit=-1": ["i2", "i1", "i0"],
        "?limit=1.5": ["i2"],
    }.items():
        body = get(ledger, f"/v0/state/ns/coll{query}").body
        assert ([item["itemKey"] for item in body["items"]], body["count"]) == (keys, len(keys)), query


# The room


def test_it_is_a_room_of_its_own() -> None:
    """The application alone knows of it, and it knows of no other table of routes."""
    users = {
        (module.name, name)
        for module in ALL
        if "v0" in module.source and not module.within("api.v0")  # to read them all takes seconds
        for _, name in own_imports(module)
        if name.startswith("api.v0")
    }
    assert {user for user, _ in users} == {"api.app"}
    used = {name for module in ALL if module.within("api.v0") for _, name in own_imports(module)}
    assert [name for name in used if name.startswith("api.routes")] == []


def test_routes_are_all_below_the_base_and_stand_once() -> None:
    taken = [(route.method, route.path) for route in V0] + [(each.method, each.path) for each in REPLACED]
    assert len(set(taken)) == len(taken)
    assert all(path.startswith("/v0/") for _, path in taken)


def test_the_answers_of_the_original_fit_the_types() -> None:
    fitting = 0
    for each in recorded():
        path = each.target.partition("?")[0]
        for route in V0:
            pattern = re.sub(r"\{\w+\}", "[^/]+", route.path)
            if route.method == each.method and re.fullmatch(pattern, f"/v0{path}") and each.status == 200:
                fitting += 1
                assert faults(route.answers[200], each.body) == [], each.request
    assert fitting > 40
