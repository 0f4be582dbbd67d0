"""HTTP as those see it who act: runs by hand and their answers, cancels, pauses, another look."""

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from support.api import Answer, Api, ask, problem, shell_job, with_api
from support.ledger import Ledger, as_document

from jeeves_runner.api import parameters
from jeeves_runner.core.model import Param, ParamType, Retries
from jeeves_runner.db import queue_purge
from jeeves_runner.views.runs import run_view

LASTING = "exec sleep 60"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def test_a_run_is_answered_with_its_recorded_outcome(ledger: Ledger) -> None:
    shell_job(ledger, "greet", "echo hello $JR_PARAM_NAME; exit 3")
    answer = ask(ledger, "POST", "/jobs/greet/run", {"params": {"NAME": "Ada"}})
    assert answer.status == 200
    result = answer.body["result"]
    assert (result["status"], result["exit_code"], result["stdout"]) == ("error", 3, "hello Ada\n")
    assert result == as_document(run_view(ledger.conn, result["id"])["run"])


def test_parameters_come_as_json_values_of_their_types(ledger: Ledger) -> None:
    params = (
        Param(name="count", type=ParamType.INTEGER),
        Param(name="ratio", type=ParamType.NUMBER),
        Param(name="dry", type=ParamType.BOOLEAN),
        Param(name="token", secret=True),
    )
    shell_job(ledger, "export", "env | grep ^JR_PARAM_ | sort", params=params)
    given = {"count": 5, "ratio": 0.5, "dry": True, "token": "hunter2-in-a-body"}
    result = ask(ledger, "POST", "/jobs/export/run", {"params": given}).body["result"]
    assert result["stdout"] == (
        "JR_PARAM_COUNT=5\nJR_PARAM_DRY=true\nJR_PARAM_RATIO=0.5\nJR_PARAM_TOKEN=***\n"
    )
    assert result["params"] == {"count": "5", "ratio": "0.5", "dry": "true", "token": "***"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cuont": 5}, "there is no parameter cuont"),
        ({"count": "five"}, "the parameter count must be a whole number"),
        ({"count": 5.5}, "the parameter count must be a whole number"),
        ({"count": True}, "the parameter count must be a whole number"),
        ({"token": ["hunter2"]}, "true and false, and token is none of these"),
        ({"token": 4711}, "the parameter token must be a string"),
    ],
)
def test_parameters_that_the_job_does_not_take_are_refused(
    ledger: Ledger, given: dict[str, object], message: str
) -> None:
    params = (Param(name="count", type=ParamType.INTEGER), Param(name="token", secret=True))
    shell_job(ledger, "export", "true", params=params)
    answer = ask(ledger, "POST", "/jobs/export/run", {"params": given})
    assert (answer.status, answer.body["type"]) == (400, "urn:jeeves-runner:problem:invalid_value")
    assert message in answer.body["detail"]
    assert "hunter2" not in str(answer.body)
    assert "4711" not in str(answer.body)
    assert ledger.count("runs") == 0


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


def test_the_audit_has_the_answer_that_a_run_by_hand_got(ledger: Ledger) -> None:
    shell_job(ledger, "short", "true")
    shell_job(ledger, "long", LASTING)
    shell_job(ledger, "longer", LASTING)

    async def scenario(api: Api) -> list[int]:
        asked = ("short/run?wait=60s", "long/run?wait=1s", "longer/run?wait=0s", "long/run?wait=0s")
        return [(await api.post(f"/jobs/{path}")).status for path in asked]

    answers = with_api(ledger, scenario)
    assert answers == [200, 202, 202, 200]  # the last one is skipped at once
    rows = ledger.conn.execute("SELECT answer FROM audit WHERE action = 'run' ORDER BY id")
    assert [answer for (answer,) in rows] == answers


def test_a_queue_is_paused_and_resumed(ledger: Ledger) -> None:
    ledger.declare_queue("mail")

    async def scenario(api: Api) -> None:
        paused = await api.post("/queues/mail/pause", {"for": "2h", "reason": "moving"})
        assert paused.body["paused"]["reason"] == "moving"
        resumed = await api.post("/queues/mail/resume")
        assert (resumed.status, resumed.body["paused"]) == (200, None)
        assert problem(await api.post("/queues/none/pause")) == (404, "there is no queue none")

    with_api(ledger, scenario)


def test_the_items_of_a_queue_are_deleted_but_those_that_are_claimed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_purge, "PORTION", 2)
    ledger.declare_queue("mail")

    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payloads": list(range(9))})
        claimed = await api.post("/queues/mail/claim", {"count": 3})
        done = [{"id": item["id"], "lease_token": item["lease_token"]} for item in claimed.body["items"][:2]]
        assert (await api.post("/queues/mail/complete", {"items": done})).status == 200
        for body, error in {"{}": "the body has no kinds", '{"kinds": []}': "kinds is empty"}.items():
            assert problem(await api.post("/queues/mail/purge", body.encode())) == (400, error)
        wrong = await api.post("/queues/mail/purge", {"kinds": ["failed", "claimed"]})
        error = 'kinds[1] must be one of failed, completed, pending, not "claimed"'
        assert problem(wrong) == (400, error)
        ended = await api.post("/queues/mail/purge", {"kinds": ["completed", "failed", "failed"]})
        assert (ended.status, ended.body) == (200, {"deleted": {"failed": 0, "completed": 2}})
        waits = await api.post("/queues/mail/purge", {"kinds": ["pending"]})
        assert waits.body == {"deleted": {"pending": 6}}
        none = await api.post("/queues/none/purge", {"kinds": ["failed"]})
        assert problem(none) == (404, "there is no queue none")

    with_api(ledger, scenario)
    assert ledger.conn.execute("SELECT status FROM queue_items").fetchall() == [("claimed",)]
    audited = ledger.conn.execute("SELECT detail, answer FROM audit WHERE action = 'purge' AND answer = 200")
    assert audited.fetchall() == [("2 completed", 200), *[("2 pending", 200)] * 3]


@pytest.mark.parametrize(
    ("body", "length"),
    [({"for": "2h"}, 7_200_000), ({"until": "2h"}, 7_200_000), ({"until": "2100-01-01"}, None)],
    ids=["for", "until a length", "until a time"],
)
def test_of_a_pause_it_is_known_whether_a_length_was_said(
    ledger: Ledger, body: dict[str, str], length: int | None
) -> None:
    shell_job(ledger, "greet", "echo hello")

    async def scenario(api: Api) -> None:
        assert (await api.post("/jobs/greet/pause", body)).status == 200

    with_api(ledger, scenario)
    assert ledger.conn.execute("SELECT length_ms FROM overrides").get == length


def test_a_job_is_muted_for_a_time_and_unmuted(ledger: Ledger) -> None:
    ledger.add_job("backup")

    async def scenario(api: Api) -> None:
        without_end = await api.post("/jobs/backup/mute", {"reason": "known"})
        assert problem(without_end) == (400, "a mute needs an end")
        muted = await api.post("/jobs/backup/mute", {"for": "2h", "reason": "known"})
        assert (muted.status, muted.body["job"]["muted"]["reason"]) == (200, "known")
        assert (muted.body["job"]["paused"], muted.body["job"]["enabled"]) == (None, True)
        assert (await api.post("/jobs/backup/unmute")).body["job"]["muted"] is None
        assert (await api.post("/jobs/nobody/mute", {"for": "2h"})).status == 404

    with_api(ledger, scenario)
    assert ledger.conn.execute("SELECT kind, length_ms, created_by FROM overrides").get == (
        "mute",
        7_200_000,
        "api",
    )


def test_a_message_on_trial_waits_to_be_sent(ledger: Ledger, tmp_path: Path) -> None:
    async def scenario(api: Api) -> None:
        asked = await api.post("/alerts/test", {"channel": "webhook:ops"})
        assert (asked.status, asked.body["message"]["status"]) == (202, "pending")
        (listed,) = (await api.get("/alerts")).body["messages"]
        assert listed == asked.body["message"]
        for channel, reason in (("#ops", "`#ops` is no channel"), (None, "channel is missing")):
            assert problem(await api.post("/alerts/test", {"channel": channel})) == (400, reason)

    config = "notifications: {webhooks: {ops: {url: 'http://127.0.0.1:9/secret'}}}\n"
    (tmp_path / "jeeves-runner.yaml").write_text(config)
    with_api(ledger, scenario)


def test_reconcile_makes_the_server_look_again(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        answer = await api.post("/reconcile")
        assert (answer.status, answer.body["state"], api.sync.nudges) == (202, "in_sync", 1)

    with_api(ledger, scenario)


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


def test_an_occurrence_is_skipped_and_that_taken_back(ledger: Ledger) -> None:
    ledger.add_job("greet", schedule=("0 * * * *",), timezone="Europe/Berlin")

    async def scenario(api: Api) -> None:
        coming = (await api.get("/jobs/greet")).body["job"]["next_run"]
        job = (await api.post("/jobs/greet/skip", {"reason": "moving"})).body["job"]
        assert job["skips"] == [{"scheduled_for": coming, "reason": "moving", "is_occurrence": True}]
        assert job["next_run"] > coming  # the timetable of the server has it still
        assert (await api.get("/jobs")).body["jobs"][0]["next_run"] == job["next_run"]
        again = await api.post("/jobs/greet/skip", {"time": job["next_run"]})
        assert [each["reason"] for each in again.body["job"]["skips"]] == ["moving", None]
        job = (await api.post("/jobs/greet/unskip", {"time": coming})).body["job"]
        assert (len(job["skips"]), job["next_run"]) == (1, coming)
        assert (await api.post("/jobs/greet/unskip")).body["job"]["skips"] == []
        actions = [
            action for (action,) in ledger.conn.execute("SELECT action FROM audit WHERE actor = 'api'")
        ]
        assert actions == ["skip", "skip", "unskip", "unskip"]

    with_api(ledger, scenario)


def test_what_cannot_be_skipped_is_refused_with_the_nearest_times(ledger: Ledger) -> None:
    ledger.add_job("greet", schedule=("0 * * * *",))

    async def scenario(api: Api) -> None:
        none = await api.post("/jobs/greet/skip", {"time": "2027-03-28T02:30"})
        assert problem(none)[0] == 409
        assert "2027-03-28T02:00:00Z and 2027-03-28T03:00:00Z" in str(none.body)
        assert (await api.post("/jobs/greet/skip", {"time": "soon"})).status == 400
        assert (await api.post("/jobs/greet/unskip", {"time": "2027-03-28T02:00"})).status == 404
        assert (await api.post("/jobs/ghost/skip")).status == 404

    with_api(ledger, scenario)
