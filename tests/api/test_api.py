"""HTTP as its clients see it: the documents, acting on runs, and problems."""

import asyncio
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from support.api import Answer, Api, problem, shell_job, with_api
from support.clock import NOON
from support.ledger import Ledger, as_document

import jeeves_runner.errors
from jeeves_runner import __version__
from jeeves_runner.api import parameters
from jeeves_runner.api.problems import STATUSES
from jeeves_runner.core.model import Retries, RunStatus
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.views.jobs import jobs_view
from jeeves_runner.views.queues import queues_view
from jeeves_runner.views.runs import run_view, runs_view
from jeeves_runner.views.sync import sync_view

LASTING = "exec sleep 60"
ANY_STATUS = f"status must be one of {', '.join(RunStatus)}, not 'fine'"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def get(ledger: Ledger, path: str, **headers: str) -> Answer:
    """One request to a server of its own."""

    async def scenario(api: Api) -> Answer:
        return await api.get(path, **headers)

    return with_api(ledger, scenario)


def ask(ledger: Ledger, method: str, path: str, body: object = None, **headers: str) -> Answer:
    async def scenario(api: Api) -> Answer:
        return await api.ask(method, path, body, **headers)

    return with_api(ledger, scenario)


# Looking


def test_the_documents_are_those_of_the_views(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 1 1 *",))
    ledger.declare_queue("mail")
    run = ledger.add_run("backup", "error", stdout="out", stderr="err")
    ledger.conn.execute("INSERT INTO state VALUES ('ns', 'key', '1', NULL, '2026-03-01T12:00:00.000Z')")

    async def scenario(api: Api) -> Mapping[str, Any]:
        paths = [
            "/runs", f"/runs/{run}", "/jobs/backup/runs", "/queues", "/queues?detail=1",
            "/queues/mail/status", "/queues/mail/peek", "/state", "/state/ns", "/state/ns/key",
        ]  # fmt: skip
        return {path: (await api.get(path)).body for path in paths}

    conn = ledger.conn
    assert with_api(ledger, scenario) == {
        "/runs": runs_view(conn, limit=50),
        f"/runs/{run}": run_view(conn, run),
        "/jobs/backup/runs": runs_view(conn, job_id="backup", limit=50),
        "/queues": {"queues": ["mail"]},
        "/queues?detail=1": queues_view(conn, NOON),
        "/queues/mail/status": {"depth": 0, "claimed": 0, "failed": 0, "oldest_age_ms": None},
        "/queues/mail/peek": {"items": []},
        "/state": {"namespaces": ["ns"]},
        "/state/ns": {"key": 1},
        "/state/ns/key": {"value": 1, "items": [], "count": 0},
    }


def test_jobs_come_with_the_next_run_of_the_timetable(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 1 1 *",))
    jobs = get(ledger, "/jobs").body["jobs"]
    assert [(job["id"], job["status"]) for job in jobs] == [("backup", "idle")]
    assert re.fullmatch(r"\d{4}-01-01T03:00:00\.000Z", jobs[0]["next_run"])
    job = get(ledger, "/jobs/backup").body["job"]
    assert {name: job[name] for name in jobs[0]} == jobs[0]
    assert job["spec"]["schedule"] == ["0 3 1 1 *"]


@pytest.mark.parametrize(
    ("query", "ids", "cursor"),
    [
        ("", ["a", "b", "c", "d"], None),
        ("?limit=2", ["a", "b"], "b"),
        ("?limit=2&cursor=b", ["c", "d"], None),
        ("?cursor=b", ["c", "d"], None),
        ("?limit=4", ["a", "b", "c", "d"], None),
        ("?limit=1&cursor=b7", ["c"], "c"),
        ("?limit=1&cursor=d", [], None),
    ],
)
def test_jobs_are_whole_or_paged(ledger: Ledger, query: str, ids: list[str], cursor: str | None) -> None:
    for job in ("b", "a", "d", "c"):
        ledger.add_job(job)
    document = get(ledger, f"/jobs{query}").body
    assert [job["id"] for job in document.pop("jobs")] == ids
    assert document == ({} if cursor is None else {"next_cursor": cursor})


def test_the_list_of_jobs_is_the_document_of_the_command(ledger: Ledger) -> None:
    for job in ("a", "b"):
        ledger.add_job(job, description='"é", \\')
    assert get(ledger, "/jobs").body == as_document(jobs_view(ledger.conn, ledger.now))


def test_status_sync_config_and_the_rest_answer(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        status = (await api.get("/status")).body
        assert (status["name"], status["version"], status["status"]) == (
            "jeeves-runner",
            __version__,
            "running",
        )
        assert status["sync"]["state"] == "in_sync"
        assert 0 <= status["uptime_ms"] < 60_000
        assert (await api.get("/sync")).body == sync_view(api.sync.status)
        assert (await api.get("/healthz")).body == {"status": "ok"}
        assert (await api.get("/config")).body["port"] == 1937
        for path in (await api.get("/")).body["links"].values():
            assert (await api.get(path)).status == 200

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", [4, 3, 2, 1]), ("?limit=2", [4, 3]), ("?limit=2&before=3", [2, 1]), ("?job=a", [2, 1]),
     ("?status=error&job=b", [4])],
)  # fmt: skip
def test_runs_are_paged_and_chosen(ledger: Ledger, query: str, expected: list[int]) -> None:
    for job in ("a", "b"):
        ledger.add_job(job)
        ledger.add_run(job, "ok")
        ledger.add_run(job, "error")
    assert [run["id"] for run in get(ledger, f"/runs{query}").body["runs"]] == expected


def test_logs_are_the_file_or_the_tails_as_plain_text(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("a")
    (tmp_path / "1.log").write_text("all of it: <b>é</b>\n")
    whole = ledger.add_run("a", log_path=str(tmp_path / "1.log"), stdout="it")
    tail = ledger.add_run("a", log_path=str(tmp_path / "gone.log"), stdout="it", stderr="and that")
    answers = [get(ledger, f"/runs/{run}/logs") for run in (whole, tail)]
    assert [answer.body for answer in answers] == ["all of it: <b>é</b>\n", "it\nand that\n"]
    for answer in answers:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_log_over_its_cap_is_told_in_its_order_while_it_is_written(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("a")
    path = tmp_path / "1.log"
    run = ledger.add_run("a", "running", log_path=str(path))
    LogFile(path, 1024).write("".join(f"line {n}\n" for n in range(200)).encode())
    answer = get(ledger, f"/runs/{run}/logs")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    head, tail = answer.body.split(" bytes cut …\n")
    assert head.startswith("line 0\nline 1\n")
    assert tail.endswith("line 198\nline 199\n")


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/nowhere", 404, "there is nothing at this path"),
        ("/jobs/bakup", 404, "there is no job bakup"),
        ("/jobs/bakup/runs", 404, "there is no job bakup"),
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
        ("/queues/none/status", 404, "there is no queue none"),
        ("/queues/none/peek", 404, "there is no queue none"),
        ("/state/none", 404, "there is no state in namespace none"),
        ("/state/none/key", 404, "there is no state none/key"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(ledger: Ledger, path: str, status: int, detail: str) -> None:
    ledger.add_job("backup")
    assert problem(get(ledger, path)) == (status, detail)


# Acting


def test_a_run_is_answered_with_its_recorded_outcome(ledger: Ledger) -> None:
    shell_job(ledger, "greet", "echo hello $JR_PARAM_NAME; exit 3")
    answer = ask(ledger, "POST", "/jobs/greet/run", {"params": {"NAME": "Ada"}})
    assert answer.status == 200
    result = answer.body["result"]
    assert (result["status"], result["exit_code"], result["stdout"]) == ("error", 3, "hello Ada\n")
    assert result == as_document(run_view(ledger.conn, result["id"])["run"])


def test_who_does_not_wait_gets_the_run_at_once(ledger: Ledger) -> None:
    shell_job(ledger, "patient", LASTING)

    async def scenario(api: Api) -> None:
        answers = [
            await api.post("/jobs/patient/run?wait=0s"),
            await api.post("/jobs/patient/run?wait=10ms", {"force": True}),
            await api.post("/jobs/patient/run", {"force": True}, Prefer="respond-async"),
            await api.post("/jobs/patient/run", {"force": True}, Prefer='a="b, c"; d=e, Respond-Async; f'),
        ]
        assert [(a.status, a.body["run"]["status"]) for a in answers] == [(202, "running")] * 4
        for answer in answers:
            await api.post(f"/runs/{answer.body['run']['id']}/cancel")

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], []),
        (["respond-async"], ["respond-async"]),
        (["wait=10", "Respond-Async"], ["wait", "respond-async"]),
        (['handling="a, respond-async"; b', "not-respond-async"], ["handling", "not-respond-async"]),
    ],
)
def test_preferences_are_tokens_of_all_the_headers_lines(lines: list[str], names: list[str]) -> None:
    headers = CIMultiDict(("Prefer", line) for line in lines)
    assert list(parameters.preferences(make_mocked_request("POST", "/", headers=headers))) == names


async def active(api: Api, status: str) -> int:
    """The run of this status, once there is one."""
    while True:
        found = (await api.get(f"/runs?status={status}")).body["runs"]
        if found:
            return int(found[0]["id"])


def test_the_answer_is_the_last_attempts(ledger: Ledger) -> None:
    again = Retries(limit=2, delay_ms=1)
    shell_job(ledger, "stubborn", 'test "$JR_ATTEMPT" = 3', retries=again)

    async def scenario(api: Api) -> None:
        result = (await api.post("/jobs/stubborn/run")).body["result"]
        assert (result["id"], result["attempt"], result["status"]) == (3, 3, "ok")

    with_api(ledger, scenario)


def test_who_waits_no_longer_gets_the_attempt_it_has_come_to(ledger: Ledger) -> None:
    shell_job(ledger, "stubborn", "exit 1", retries=Retries(limit=2, delay_ms=3_600_000))

    async def scenario(api: Api) -> None:
        waiting = asyncio.create_task(api.post("/jobs/stubborn/run"))
        retry = await active(api, "scheduled")
        api.stopping.set()
        answer = await waiting
        run = answer.body["run"]
        assert (answer.status, run["id"], run["attempt"], run["status"]) == (202, retry, 2, "scheduled")

    with_api(ledger, scenario)


def test_a_server_that_stops_answers_those_who_wait_and_starts_nothing(ledger: Ledger) -> None:
    shell_job(ledger, "patient", LASTING)

    async def scenario(api: Api) -> None:
        waiting = asyncio.create_task(api.post("/jobs/patient/run"))
        run_id = await active(api, "running")
        api.stopping.set()
        answer = await waiting
        assert (answer.status, answer.body["run"]["id"]) == (202, run_id)
        assert answer.body["run"]["status"] == "running"
        refused = await api.post("/jobs/patient/run", {"force": True})
        assert problem(refused) == (503, "the server is stopping: nothing new starts")
        assert (await api.get("/status")).body["status"] == "stopping"

    with_api(ledger, scenario)
    assert ledger.count("runs") == 1


def test_a_client_that_hangs_up_does_not_end_its_run(ledger: Ledger) -> None:
    shell_job(ledger, "patient", LASTING)

    async def scenario(api: Api) -> Answer:
        blocked = asyncio.create_task(api.post("/jobs/patient/run"))
        run_id = await active(api, "running")
        blocked.cancel()
        await asyncio.wait([blocked])
        # Had the first one taken the run along, this would be refused.
        return await api.post(f"/runs/{run_id}/cancel")

    assert with_api(ledger, scenario).status == 202
    assert run_view(ledger.conn, 1)["run"]["cancel_cause"] == "cancel"


def test_an_overlapping_run_is_skipped_and_says_so(ledger: Ledger) -> None:
    shell_job(ledger, "patient", LASTING)

    async def scenario(api: Api) -> Answer:
        first = await api.post("/jobs/patient/run?wait=0s")
        second = await api.post("/jobs/patient/run")
        await api.post(f"/runs/{first.body['run']['id']}/cancel")
        return second

    answer = with_api(ledger, scenario)
    assert answer.status == 200
    assert (answer.body["result"]["status"], answer.body["result"]["reason"]) == ("skipped", "overlap")


def test_a_cancelled_run_ends_and_cannot_be_cancelled_again(ledger: Ledger) -> None:
    shell_job(ledger, "patient", LASTING)

    async def scenario(api: Api) -> None:
        waiting = asyncio.create_task(api.post("/jobs/patient/run"))
        run_id = await active(api, "running")
        cancelled = await api.post(f"/runs/{run_id}/cancel")
        assert (cancelled.status, cancelled.body["run"]["cancel_cause"]) == (202, "cancel")
        assert (await waiting).body["result"]["status"] == "cancelled"
        again = await api.post(f"/runs/{run_id}/cancel")
        assert problem(again) == (409, f"run {run_id} has already ended: cancelled")

    with_api(ledger, scenario)


def test_a_paused_job_runs_by_force_alone_until_resumed(ledger: Ledger) -> None:
    shell_job(ledger, "greet", "echo hello")

    async def scenario(api: Api) -> None:
        paused = await api.post("/jobs/greet/pause", {"for": "2h", "reason": "moving"})
        assert paused.status == 200
        assert paused.body["job"]["paused"]["reason"] == "moving"
        assert problem(await api.post("/jobs/greet/run")) == (409, "job greet is paused")
        forced = await api.post("/jobs/greet/run", {"force": True})
        assert (forced.status, forced.body["result"]["status"]) == (200, "ok")
        resumed = await api.post("/jobs/greet/resume")
        assert resumed.body["job"]["paused"] is None
        assert (await api.post("/jobs/greet/run")).body["result"]["status"] == "ok"

    with_api(ledger, scenario)


def test_reconcile_makes_the_server_look_again(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        answer = await api.post("/reconcile")
        assert (answer.status, answer.body["state"], api.sync.nudges) == (202, "in_sync", 1)

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("/jobs/none/run", None, 404, "there is no job none"),
        ("/jobs/none/pause", None, 404, "there is no job none"),
        ("/jobs/none/resume", None, 404, "there is no job none"),
        ("/runs/7/cancel", None, 404, "there is no run 7"),
        ("/jobs/greet/run", b"{", 400, "the body is not JSON: "),
        ("/jobs/greet/run", b"\xff", 400, "the body is not JSON: "),
        ("/jobs/greet/run", b"[" * 100_000, 400, "the body is not JSON: "),
        ("/jobs/greet/run", [], 400, "the body must be a JSON object"),
        ("/jobs/greet/run", {"parms": {}}, 400, "the body has an unknown key 'parms'"),
        ("/jobs/greet/run", {"params": {"A": 1}}, 400, "params must be an object of strings"),
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
        ("/jobs/greet/run", b'{"force": NaN}', 400, "the body is not a JSON value"),
        ("/jobs/greet/run", {"force": "yes"}, 400, "force must be true or false"),
        ("/jobs/greet/run?wait=5", None, 400, 'wait: "5" is no duration'),
        ("/jobs/greet/run", {"params": {"A": "x" * (1 << 20)}}, 413, "the body is too large"),
        ("/jobs/greet/pause", {"until": "soon"}, 400, "until is neither a time nor a length of time: soon"),
        ("/jobs/greet/pause", {"for": "0s"}, 400, "for must be longer than nothing"),
        ("/jobs/greet/pause", {"for": "2026-12-24"}, 400, 'for: "2026-12-24" is no duration'),
        ("/jobs/greet/pause", {"until": "2020-01-01"}, 400, "until must lie ahead: 2020-01-01"),
        ("/jobs/greet/pause", {"reason": "\ud800"}, 400, "the body holds a lone surrogate"),
        ("/jobs/greet/pause", {"for": "1h", "until": "2h"}, 400, "a pause has either until or for"),
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


def test_a_job_is_disabled_and_enabled_by_a_pause(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 1 1 *",))

    async def scenario(api: Api) -> None:
        disabled = await api.ask("PATCH", "/jobs/backup/disable")
        assert (disabled.status, disabled.body) == (200, {"ok": True})
        job = (await api.get("/jobs/backup")).body["job"]
        assert (job["enabled"], job["status"], job["next_run"]) == (False, "paused", None)
        assert job["paused"] == {"until": None, "reason": "api", "all": False}
        enabled = await api.ask("PATCH", "/jobs/backup/enable")
        assert (enabled.status, enabled.body) == (200, {"ok": True})
        job = (await api.get("/jobs/backup")).body["job"]
        assert (job["enabled"], job["status"], job["paused"]) == (True, "idle", None)

    with_api(ledger, scenario)


def test_what_a_manifest_disables_is_enabled_there(ledger: Ledger) -> None:
    ledger.add_job("backup", enabled=False)
    assert problem(ask(ledger, "PATCH", "/jobs/backup/enable")) == (
        409,
        "job backup is declared with enabled: false in jobs.d/backup.yaml:1",
    )
    assert problem(ask(ledger, "PATCH", "/jobs/bakup/disable")) == (404, "there is no job bakup")


def test_another_method_is_a_problem_that_names_the_right_ones(ledger: Ledger) -> None:
    answer = ask(ledger, "DELETE", "/runs/1")
    assert problem(answer) == (405, "this path does not take that method")
    assert answer.headers["Allow"] == "GET,HEAD"


def test_a_bug_is_logged_and_answered_with_one_line(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("a secret thing")

    monkeypatch.setattr("jeeves_runner.api.run_handlers.runs_view", fault)
    with caplog.at_level(logging.ERROR):
        answer = get(ledger, "/runs")
    assert problem(answer) == (500, "unexpected error; the server's log has the details")
    assert "ZeroDivisionError: a secret thing" in caplog.text


# Kept complete


def test_every_error_code_has_its_status() -> None:
    known = [value for value in vars(jeeves_runner.errors).values() if isinstance(value, type)]
    codes = {error.code for error in known if issubclass(error, JeevesError)}
    assert codes == set(STATUSES)
