"""What clients of the original ask for, rightly and wrongly, and what acts."""

from pathlib import Path
from typing import Any

import pytest
from support.api import Answer, Api, ask, get, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner.api.v0.refusals import REPLACED
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens


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
