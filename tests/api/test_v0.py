"""The clients of the original: its shapes, its words, and what is told of requests that are wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
from import_rules import ALL, own_imports
from support.answers import faults
from support.api import Answer, Api, ask, get, shell_job, with_api
from support.ledger import Ledger
from support.original import recorded

from jeeves_runner.api.v0 import mapping
from jeeves_runner.api.v0.refusals import REPLACED
from jeeves_runner.api.v0.routes import V0
from jeeves_runner.client import Client
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.model import OverlapPolicy, SourceType
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens
from jeeves_runner.views.runs import run_view

COLUMNS = [
    *("id", "name", "schedule", "script", "type", "description", "enabled", "timeout_ms", "overlap_policy"),
    *("on_failure", "on_success", "created_at", "updated_at", "source_type", "output_channel", "env", "args"),
]
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def fault(status: int, code: str, phrase: str, message: str) -> dict[str, object]:
    return {"statusCode": status, "code": code, "error": phrase, "message": message}


def no_route(what: str) -> dict[str, object]:
    return {"message": f"Route {what} not found", "error": "Not Found", "statusCode": 404}


EMPTY = fault(
    400,
    "FST_ERR_CTP_EMPTY_JSON_BODY",
    "Bad Request",
    "Body cannot be empty when content-type is set to 'application/json'",
)
NO_JSON = fault(
    400,
    "FST_ERR_CTP_INVALID_JSON_BODY",
    "Bad Request",
    "Body is not valid JSON but content-type is set to 'application/json'",
)
BAD_LIMIT = fault(400, "FST_ERR_VALIDATION", "Bad Request", "querystring/limit must be integer")


# Shapes


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


# What is asked for


@pytest.mark.parametrize("path", ["/jobs/a/runs", "/queues/q/peek", "/state/ns/k"])
@pytest.mark.parametrize("limit", ["abc", "", "²", "--1", "+", "e5", "9" * 40, "%00", "NaN"])
def test_a_limit_that_is_no_number_is_refused(ledger: Ledger, path: str, limit: str) -> None:
    ledger.add_job("a")
    answer = get(ledger, f"/v0{path}?limit={limit}")
    assert (answer.status, answer.body) == (400, BAD_LIMIT)


@pytest.mark.parametrize(
    ("limit", "many"), [("0", 0), ("-1", 3), ("1", 1), ("1.5", 1), ("2abc", 2), (" 1", 1), ("999999", 3)]
)
def test_a_limit_is_read_as_javascript_reads_it(ledger: Ledger, limit: str, many: int) -> None:
    ledger.add_job("a")
    for _ in range(3):
        ledger.add_run("a")
    assert len(get(ledger, f"/v0/jobs/a/runs?limit={limit}").body["runs"]) == many


def test_parameters_that_are_not_known_are_passed_over(ledger: Ledger) -> None:
    ledger.add_job("a")
    ledger.add_run("a")
    ledger.add_run("a")
    assert get(ledger, "/v0/status?x=1").status == 200
    assert len(get(ledger, "/v0/jobs/a/runs?x=1&limit=1&limit=abc").body["runs"]) == 1


@pytest.mark.parametrize("job", ["a%2Fb", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%00", "%F0%9F%92%A5", "A"])
def test_ids_of_any_form_are_those_of_no_job(ledger: Ledger, job: str) -> None:
    ledger.add_job("a")
    assert get(ledger, f"/v0/jobs/{job}").body == {"error": "Job not found"}
    assert get(ledger, f"/v0/jobs/{job}/runs").body == {"runs": []}
    assert ask(ledger, "PATCH", f"/v0/jobs/{job}/disable").body == {"error": "Job not found"}
    assert get(ledger, f"/v0/queues/{job}/peek").body == {"items": []}
    assert get(ledger, f"/v0/state/{job}").body == {}


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/v0", "GET:/"),
        ("GET", "/v0/", "GET:/"),
        ("GET", "/v0/nope?x=%3Cb%3E", "GET:/nope?x=%3Cb%3E"),
        ("POST", "/v0/status", "POST:/status"),
        ("DELETE", "/v0/queues/q", "DELETE:/queues/q"),
        ("PUT", "/v0/jobs/a/run", "PUT:/jobs/a/run"),
        ("POST", "/v0/jobs/a/pause", "POST:/jobs/a/pause"),
        ("GET", "/v0/jobs/a/b/c", "GET:/jobs/a/b/c"),
    ],
)
def test_what_the_original_did_not_have_is_not_there(
    ledger: Ledger, method: str, path: str, told: str
) -> None:
    answer = ask(ledger, method, path)
    assert (answer.status, answer.body) == (404, no_route(told))


def test_paths_that_only_begin_alike_are_of_the_house(ledger: Ledger) -> None:
    assert get(ledger, "/v0x").headers["Content-Type"] == "application/problem+json"


# What acts


def test_disable_is_a_pause_and_a_run_by_hand_goes_through_it(ledger: Ledger) -> None:
    shell_job(ledger, "a", "true")

    async def scenario(api: Api) -> list[Any]:
        disabled = await api.ask("PATCH", "/v0/jobs/a/disable")
        listed = (await api.get("/v0/jobs/a")).body["job"]["enabled"]
        paused = (await api.get("/jobs/a")).body["job"]["paused"]
        ran = (await api.post("/v0/jobs/a/run")).body["result"]["status"]
        enabled = await api.ask("PATCH", "/v0/jobs/a/enable", {})
        return [disabled.body, listed, paused, ran, enabled.body, (await api.get("/v0/jobs/a")).body]

    disabled, listed, paused, ran, enabled, job = with_api(ledger, scenario)
    assert (disabled, listed, ran, enabled) == ({"ok": True}, 0, "ok", {"ok": True})
    assert paused == {"until": None, "reason": "api", "all": False}
    assert job["job"]["enabled"] == 1
    acts = ledger.conn.execute("SELECT actor, action, target, answer FROM audit ORDER BY id").fetchall()
    assert acts == [
        ("api", "pause", "job a", 200),
        ("api", "run", "job a", 200),
        ("api", "resume", "job a", 200),
    ]


def test_a_pause_of_people_holds_a_run_by_hand_back(ledger: Ledger) -> None:
    shell_job(ledger, "a", "true")

    async def scenario(api: Api) -> Answer:
        await api.post("/jobs/a/pause", {"reason": "the disk is full"})
        return await api.post("/v0/jobs/a/run")

    answer = with_api(ledger, scenario)
    assert answer.status == 409
    assert "paused" in answer.body["error"]


def test_a_job_that_is_declared_disabled_is_enabled_in_its_manifest(ledger: Ledger) -> None:
    ledger.add_job("a", enabled=False)
    answer = ask(ledger, "PATCH", "/v0/jobs/a/enable")
    assert answer.status == 409
    assert "enabled: false in jobs.d/a.yaml:1" in answer.body["error"]


@pytest.mark.parametrize("replaced", REPLACED, ids=lambda each: f"{each.method} {each.path}")
def test_what_files_replace_names_the_file(ledger: Ledger, replaced: Any) -> None:
    ledger.add_job("a")
    path = replaced.path.format(job="a")
    answer = ask(ledger, replaced.method, path, {"name": "B"})
    assert answer.status == 405
    place = {"/v0/jobs": "/jobs.d", "/v0/config/apply": "jeeves-runner.yaml"}.get(path, "jobs.d/a.yaml:1")
    assert place in answer.body["error"]
    if "{job}" in replaced.path:
        unknown = ask(ledger, replaced.method, replaced.path.format(job="b"))
        assert (unknown.status, unknown.body) == (404, {"error": "Job not found"})
    assert ledger.count("audit") == 0


BODIES = [
    (b"", {}, EMPTY),
    (b"{bad", {}, NO_JSON),
    (b"NaN", {}, NO_JSON),
    (b"\xff", {}, NO_JSON),
    (b"[" * 100_000, {}, NO_JSON),
    (b'{"a": 1, "a": 2}', {}, None),
    (b"[]", {}, None),
    (b"null", {}, None),
    (b"x=1", {"Content_Type": "text/plain"}, None),
]


@pytest.mark.parametrize(("body", "headers", "told"), BODIES)
@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/v0/jobs/a/disable"), ("POST", "/v0/jobs/b/run"), ("DELETE", "/v0/jobs/a")],
)
def test_a_body_must_be_what_it_says(
    ledger: Ledger, method: str, path: str, body: bytes, headers: dict[str, str], told: object
) -> None:
    ledger.add_job("a")
    answer = ask(ledger, method, path, body, **headers)
    if told is None:
        assert answer.status in (200, 404, 405)
    else:
        assert (answer.status, answer.body) == (400, told)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/xml", "x"])
def test_a_body_of_another_kind_is_refused(ledger: Ledger, kind: str) -> None:
    ledger.add_job("a")
    answer = ask(ledger, "PATCH", "/v0/jobs/a/disable", b"x=1", Content_Type=kind)
    assert (answer.status, answer.body["statusCode"]) == (415, 415)
    assert answer.body["error"] == "Unsupported Media Type"


def test_a_body_that_is_too_large_is_refused(ledger: Ledger) -> None:
    answer = ask(ledger, "POST", "/v0/jobs", b" " * (2 << 20))
    assert (answer.status, answer.body["statusCode"]) == (413, 413)


# Who may


def test_the_guard_speaks_in_the_words_of_the_original(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        tokens.create(tx, "ci", TokenRole.OPERATE, until=None, by=Actor("cli", "me"))
    answer = ask(ledger, "PATCH", "/v0/jobs/a/disable")
    assert (answer.status, answer.body["statusCode"], answer.body["error"]) == (401, 401, "Unauthorized")
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert ask(ledger, "POST", "/v0/jobs").status == 401
    assert get(ledger, "/v0/jobs").status == 200
    foreign = get(ledger, "/v0/jobs", Host="evil.example")
    assert (foreign.status, foreign.body["error"]) == (403, "Forbidden")


# The room


def test_it_is_a_room_of_its_own() -> None:
    """The application alone knows of it, and it knows of no other table of routes."""
    users = {
        (module.name, name)
        for module in ALL
        for _, name in own_imports(module)
        if name.startswith("api.v0") and not module.within("api.v0")
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
