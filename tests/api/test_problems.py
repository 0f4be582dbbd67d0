"""HTTP that is refused or fails: each answer is a problem, and says what to do."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from support.api import Api, ask, get, problem, shell_job, with_api
from support.ledger import Ledger

import jeeves_runner.errors
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.plan import Action, Change, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.db.queue_enqueue import enqueue
from jeeves_runner.errors import JeevesError
from jeeves_runner.views.problems import STATUSES

ANY_STATUS = f"status must be one of {', '.join(RunStatus)}, not 'fine'"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/nowhere", 404, "there is nothing at this path"),
        ("/jobs/bakup", 404, "there is no job bakup"),
        ("/jobs/bakup/runs", 404, "there is no job bakup"),
        ("/jobs/%00/runs", 404, "there is no job \0"),
        ("/jobs/it's/runs", 404, "there is no job it's"),
        ("/runs?job=%00", 404, "there is no job \0"),
        ("/runs?job=bakup", 404, "there is no job bakup"),
        ("/runs/7", 404, "there is no run 7"),
        ("/runs/seven", 400, "the run must be a whole number from 1 to 9223372036854775807, not 'seven'"),
        ("/runs?limit=0", 400, "limit must be a whole number from 1 to 1000, not '0'"),
        ("/runs?limit=-1", 400, "limit must be a whole number from 1 to 1000, not '-1'"),
        ("/runs?limit=²", 400, "limit must be a whole number from 1 to 1000, not '²'"),
        ("/runs?before=x", 400, "before must be a whole number from 1 to 9223372036854775807, not 'x'"),
        ("/runs?status=fine", 400, ANY_STATUS),
        ("/jobs?limit=1001", 400, "limit must be a whole number from 1 to 1000, not '1001'"),
        ("/jobs?cursor=", 400, "cursor is empty"),
        ("/jobs?cursor=%00", 400, "cursor holds a NUL character"),
        ("/queues?detail=yes", 400, "detail must be one of 0, 1, false, true, not 'yes'"),
        ("/runs?limt=5", 400, "there is no parameter 'limt' here"),
        ("/status?limit=5", 400, "there is no parameter 'limit' here"),
        ("/runs/7?x=1", 400, "there is no parameter 'x' here"),
        ("/runs?limit=5&limit=6", 400, "limit is given more than once"),
        ("/runs?limit=5&limit=5", 400, "limit is given more than once"),
        ("/queues/none/status", 404, "there is no queue none"),
        ("/queues/none/peek", 404, "there is no queue none"),
        ("/state/none", 404, "there is no state in namespace none"),
        ("/state/none/key", 404, "there is no state none/key"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(ledger: Ledger, path: str, status: int, detail: str) -> None:
    ledger.add_job("backup")
    assert problem(get(ledger, path)) == (status, detail)


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("/jobs/none/run", None, 404, "there is no job none"),
        ("/jobs/none/pause", None, 404, "there is no job none"),
        ("/jobs/none/resume", None, 404, "there is no job none"),
        ("/runs/7/cancel", None, 404, "there is no run 7"),
        ("/jobs/greet/run", b"{", 400, "the body is not JSON: "),
        ("/jobs/greet/run", b"\xff", 400, "the body is not JSON: "),
        ("/jobs/greet/run", b"[" * 100_000, 400, "the body is nested deeper than"),
        ("/jobs/greet/run", [], 400, "the body must be a JSON object"),
        ("/jobs/greet/run", {"parms": {}}, 400, "the body has an unknown key 'parms'"),
        (
            "/jobs/greet/run",
            b'{"force": false, "force": true}',
            400,
            "the body has the key 'force' more than",
        ),
        (
            "/jobs/greet/run",
            b'{"params": {"A": "1", "A": "2"}}',
            400,
            "the body has the key 'A' more than once",
        ),
        (
            "/jobs/greet/run",
            b'{%b, "99999": 2}' % b", ".join(b'"%d": 1' % number for number in range(80_000, 100_000)),
            400,
            "the body has the key '99999' more than once",
        ),
        ("/jobs/greet/run", {"params": {"A": 1}}, 400, "the parameter A must be a string, not 1"),
        (
            "/jobs/greet/run",
            {"params": {"A": []}},
            400,
            "params must be an object of strings, numbers, true and false, and A is none of these",
        ),
        (
            "/jobs/greet/run",
            {"params": {"A": "1", "B": None}},
            400,
            "params must be an object of strings, numbers, true and false, and B is none of these",
        ),
        ("/jobs/greet/run", {"params": []}, 400, "params must be an object of strings, numbers"),
        ("/jobs/greet/run", {"params": {"A": "\ud800"}}, 400, "the body holds a lone surrogate"),
        ("/jobs/greet/run", {"params": {"\udfff": "1"}}, 400, "the body holds a lone surrogate"),
        ("/jobs/greet/run", {"params": {"A": "\0"}}, 400, "the parameter A holds a NUL character"),
        ("/jobs/greet/run", {"params": {"": "1"}}, 400, "the name of a parameter is empty"),
        (
            "/jobs/greet/run",
            {"params": {"a-b": "1", "A.B": "2"}},
            400,
            "the parameters a-b and A.B would both be JR_PARAM_A_B",
        ),
        ("/jobs/greet/run", b'{"force": NaN}', 400, "the body is not JSON: NaN is not JSON"),
        ("/jobs/greet/run", {"force": "yes"}, 400, "force must be true or false"),
        ("/jobs/greet/run?wait=5", None, 400, 'wait: "5" is no duration'),
        ("/jobs/greet/run", {"params": {"A": "x" * (1 << 20)}}, 413, "the body is too large"),
        ("/jobs/greet/pause", {"until": "soon"}, 400, "until is neither a time nor a length of time: soon"),
        ("/jobs/greet/pause", {"for": "0s"}, 400, "for must be longer than nothing"),
        ("/jobs/greet/pause", {"for": "2026-12-24"}, 400, 'for: "2026-12-24" is no duration'),
        ("/jobs/greet/pause", {"until": "2020-01-01"}, 400, "until must lie ahead: 2020-01-01"),
        ("/jobs/greet/pause", {"reason": "\ud800"}, 400, "the body holds a lone surrogate"),
        (
            "/jobs/greet/pause",
            {"for": "1h", "until": "2h"},
            400,
            "until and for are two ends; give one of them",
        ),
        ("/jobs/greet/pause", {"reason": 1}, 400, "reason must be a string"),
    ],
)
def test_what_cannot_be_done_is_a_problem(
    ledger: Ledger, path: str, body: object, status: int, detail: str
) -> None:
    shell_job(ledger, "greet", "echo hello")
    answered, told = problem(ask(ledger, "POST", path, body))
    assert answered == status
    assert told.startswith(detail)
    assert ledger.count("runs") + ledger.count("overrides") == 0


@pytest.mark.parametrize(
    ("path", "body", "hint"),
    [
        ("/runs?limt=5", None, "did you mean limit?"),
        ("/runs?LIMIT=5", None, "did you mean limit?"),
        ("/runs?page=2", None, "the parameters are job, status, since, until, limit, before"),
        ("/status?x=1", None, "there are no parameters"),
        ("/jobs/greet/run", {"parms": {}}, "did you mean params?"),
        ("/jobs/greet/run", {"x": 1}, "the keys are params, force"),
        ("/jobs/greet/resume", {"x": 1}, "there are no keys"),
    ],
)
def test_a_name_that_is_not_known_comes_with_the_nearest_that_is(
    ledger: Ledger, path: str, body: object, hint: str
) -> None:
    shell_job(ledger, "greet", "echo hello")
    answer = ask(ledger, "GET" if body is None else "POST", path, body)
    assert (answer.status, answer.body["hint"]) == (400, hint)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/jobs/backup", "jobs.d/all.yaml declares it and is not valid: line 3: unknown key `x`"),
        ("/queues/mail/status", "jobs.d/all.yaml declares it and is not valid: line 9: `lease` is wrong"),
        (
            "/jobs/new/runs",
            "jobs.d/new.yaml:1 declares it, and is not applied: `jeeves-runner apply` does that",
        ),
        ("/jobs/half", "jobs.d/half.yaml may declare it and is not valid: line 2: no YAML"),
        ("/queues/half/status", "`jeeves-runner queue list` shows what there is"),
        ("/jobs/none", "`jeeves-runner jobs` lists what there is"),
    ],
)
def test_what_is_declared_and_not_live_is_told_with_its_manifest(
    ledger: Ledger, path: str, hint: str
) -> None:
    plan = Plan(
        changes=(Change(action=Action.CREATE, kind="job", id="new", file="jobs.d/new.yaml", line=1),),
        problems=(Problem("error", "yaml", "jobs.d/half.yaml", 2, 1, "no YAML", None),),
        invalid={
            ("job", "backup"): "jobs.d/all.yaml declares it and is not valid: line 3: unknown key `x`",
            ("queue", "mail"): "jobs.d/all.yaml declares it and is not valid: line 9: `lease` is wrong",
        },
    )

    async def scenario(api: Api) -> None:
        api.sync.status = replace(api.sync.status, plan=plan)
        answer = await api.get(path)
        assert (answer.status, answer.body["hint"]) == (404, hint)

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("application/merge-patch+json", 200),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
def test_a_body_that_says_it_is_no_json_is_refused(ledger: Ledger, content_type: str, status: int) -> None:
    shell_job(ledger, "greet", "echo hello")
    answer = ask(ledger, "POST", "/jobs/greet/pause", {"reason": "x"}, Content_Type=content_type)
    assert answer.status == status
    if status != 200:
        assert problem(answer)[1] == "the body is no JSON by its Content-Type, or has a Content-Encoding"
        assert answer.body["hint"].startswith("send `Content-Type: application/json`")  # `curl -d` does not


def test_an_empty_body_may_be_of_any_type(ledger: Ledger) -> None:
    shell_job(ledger, "greet", "echo hello")
    assert ask(ledger, "POST", "/jobs/greet/pause", b"", Content_Type="text/plain").status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_jobs_are_written_in_manifests_alone(ledger: Ledger, tmp_path: Path, method: str) -> None:
    ledger.add_job("backup")
    one = ask(ledger, method, "/jobs/backup", {"enabled": False})
    assert problem(one) == (405, "job backup is declared in jobs.d/backup.yaml:1; edit it there")
    every = ask(ledger, method, "/jobs", {"id": "new"})
    assert problem(every) == (
        405,
        f"jobs are declared in manifests: add or edit a file in {tmp_path / 'jobs.d'}",
    )
    assert [answer.headers["Allow"] for answer in (one, every)] == ["GET, HEAD"] * 2
    hint = one.body["hint"]
    assert "; POST …/run, …/pause" in hint
    assert hint.endswith(" and …/unmute act on a job")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_so_are_queues(ledger: Ledger, tmp_path: Path, method: str) -> None:
    ledger.declare_queue("mail", file="jobs.d/mail.yaml", line=1)
    ledger.declare_queue("old", file="jobs.d/mail.yaml", line=9, deleted_at="2026-02-01T00:00:00.000Z")
    with ledger.tx() as tx:
        enqueue(tx, "made", ["1"])
    folder = tmp_path / "jobs.d"
    for path, detail in (
        ("/queues/mail", "queue mail is declared in jobs.d/mail.yaml:1; edit it there"),
        ("/queues/made", f"queue made is declared nowhere: add or edit a file in {folder}"),
        ("/queues/old", f"queue old is declared nowhere: add or edit a file in {folder}"),
        ("/queues", f"queues are declared in manifests: add or edit a file in {folder}"),
    ):
        answer = ask(ledger, method, path, {"max_attempts": 1})
        assert (problem(answer), answer.headers["Allow"]) == ((405, detail), "GET, HEAD")
        hint = answer.body["hint"]
        assert hint.startswith("a saved manifest is applied at once; POST …/pause, …/resume, …/purge")
        assert hint.endswith(" act on a queue")
    assert problem(ask(ledger, method, "/queues/none", {}))[0] == 404
    assert problem(ask(ledger, "PUT", "/queues/mail/items", {}))[1] == "this path does not take that method"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/jobs/backup/schedule", ""),
        ("PATCH", "/jobs/backup/env/HOME", ""),
        ("DELETE", "/jobs/backup/runs", "GET, HEAD"),
        ("PUT", "/jobs/backup/run", "POST"),
        ("POST", "/jobs/backup/enable", "PATCH"),
    ],
)
def test_nor_is_anything_below_a_job_written_elsewhere(
    ledger: Ledger, method: str, path: str, allowed: str
) -> None:
    ledger.add_job("backup")
    answer = ask(ledger, method, path, {"value": 1})
    assert problem(answer) == (405, "job backup is declared in jobs.d/backup.yaml:1; edit it there")
    assert answer.headers["Allow"] == allowed


def test_looking_below_a_job_is_another_matter(ledger: Ledger) -> None:
    ledger.add_job("backup")
    assert problem(get(ledger, "/jobs/backup/schedule")) == (404, "there is nothing at this path")
    assert ask(ledger, "HEAD", "/jobs/backup/schedule").status == 404
    answer = get(ledger, "/jobs/backup/run")
    assert problem(answer) == (405, "this path does not take that method")
    assert answer.headers["Allow"] == "POST"
    assert problem(ask(ledger, "PUT", "/jobs/bakup/schedule")) == (404, "there is no job bakup")


def test_another_method_is_a_problem_that_names_the_right_ones(ledger: Ledger) -> None:
    answer = ask(ledger, "DELETE", "/runs/1")
    assert problem(answer) == (405, "this path does not take that method")
    assert answer.headers["Allow"] == "GET,HEAD"
    assert answer.body["hint"] == "it takes GET, HEAD"


def test_a_bug_is_logged_and_answered_with_one_line(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("a secret thing")

    monkeypatch.setattr("jeeves_runner.api.handlers.runs.runs_view", fault)
    with caplog.at_level(logging.ERROR):
        answer = get(ledger, "/runs")
    assert problem(answer) == (500, "unexpected error; the server's log has the details")
    assert "ZeroDivisionError: a secret thing" in caplog.text


def test_every_error_code_has_its_status() -> None:
    known = [value for value in vars(jeeves_runner.errors).values() if isinstance(value, type)]
    codes = {error.code for error in known if issubclass(error, JeevesError)}
    assert codes == set(STATUSES)


@pytest.mark.parametrize("path", ["/runs/", "/jobs/backup/", "//runs", "/jobs//runs", "/runs/?limit=1"])
def test_a_slash_too_many_is_named(ledger: Ledger, path: str) -> None:
    answer = get(ledger, path)
    assert problem(answer) == (404, "there is nothing at this path")
    assert answer.body["hint"] == "no path here has a / at its end, or two of them together"


@pytest.mark.parametrize("path", ["/nothing%2F", "/nothing%2F%2Fat", "/nothing"])
def test_a_slash_that_a_name_has_is_not_too_many(ledger: Ledger, path: str) -> None:
    answer = get(ledger, path)
    assert problem(answer) == (404, "there is nothing at this path")
    assert "at its end" not in answer.body["hint"]


@pytest.mark.parametrize("time", ["2026-03-01T12:00:00+01:00", "2026-03-01 12:00+0100", "20260301T12+01"])
def test_a_plus_that_is_not_encoded_is_named(ledger: Ledger, time: str) -> None:
    answer = get(ledger, f"/runs?since={time}")
    assert answer.status == 400
    assert "%2B" in answer.body["hint"]
    assert get(ledger, f"/runs?since={time.replace('+', '%2B')}").status == 200


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "API-Key"])
def test_a_token_in_an_address_is_refused_and_not_repeated(ledger: Ledger, name: str) -> None:
    answer = get(ledger, f"/status?{name}=jr_secret")
    assert answer.status == 400
    assert "Authorization: Bearer TOKEN" in answer.body["hint"]
    assert "jr_secret" not in str(answer.body)
