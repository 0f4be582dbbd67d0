"""What the gateway answers to any call."""

import json
import time
import urllib.error
import urllib.request

import pytest
from support.gateway import Settings, crash
from support.gateway.wire import Wire, doubled, only_double


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_token_is_told_apart_by_an_answer_without_ok(wire: Wire, token: str) -> None:
    began = time.monotonic()
    answer = wire.invoke("sessions_list", token=token)
    assert time.monotonic() - began >= 0.2 / wire.speed  # it takes its time, instead of locking a caller out
    assert answer.status == 401
    assert answer.body == {"error": {"message": "Unauthorized", "type": "unauthorized"}}


def test_so_is_none_at_all(wire: Wire) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{wire.url}/tools/invoke", b'{"tool":"sessions_list"}', headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert answer.status == 401
        assert json.load(answer) == {"error": {"message": "Unauthorized", "type": "unauthorized"}}


def test_an_unknown_tool_is_not_found(wire: Wire) -> None:
    answer = wire.invoke("no_such_tool")
    assert answer.status == 404
    message = "Tool not available: no_such_tool"
    assert answer.body == {"ok": False, "error": {"type": "not_found", "message": message}}


@only_double("a real gateway is started with its list of tools")
def test_a_spawn_is_not_found_where_the_gateway_does_not_allow_it() -> None:
    with doubled(Settings(allow=())) as (_, wire):
        answer = wire.invoke("sessions_spawn", {"task": "MODE:ok"})
        assert answer.status == 404
        message = "Tool not available: sessions_spawn"
        assert answer.body == {"ok": False, "error": {"type": "not_found", "message": message}}
        assert wire.rows() == []


@pytest.mark.parametrize(
    ("tool", "args", "message"),
    [
        ("sessions_spawn", {}, "task required"),
        ("sessions_spawn", {"task": " "}, "task required"),
        ("sessions_list", {"limit": 0}, "limit must be a positive integer"),
        ("sessions_history", {}, "sessionKey required"),
        ("subagents", {"action": "wait"}, "taskIds required"),
    ],
)
def test_a_bad_argument_is_a_bad_request(wire: Wire, tool: str, args: object, message: str) -> None:
    answer = wire.invoke(tool, args)
    assert answer.status == 400
    assert answer.body == {"ok": False, "error": {"type": "tool_error", "message": message}}


def test_a_call_without_a_tool_is_a_bad_request(wire: Wire) -> None:
    answer = wire.invoke("")
    assert answer.status == 400
    assert answer.body["error"]["type"] == "invalid_request"


def test_a_body_over_two_mebibytes_is_too_large(wire: Wire) -> None:
    answer = wire.invoke("sessions_spawn", {"task": "x" * 2_200_000})
    assert answer.status == 413
    assert answer.body["error"]["message"] == "Payload too large"
    assert "ok" not in answer.body


def test_a_success_says_the_same_in_words_and_as_a_document(wire: Wire) -> None:
    answer = wire.invoke("sessions_list", {"search": "nothing of this name"})
    assert answer.details["count"] == 0
    assert answer.details["sessions"] == []
    assert answer.details["hasMore"] is False


@only_double("a real gateway cannot be made to crash in a tool")
def test_a_tool_that_crashes_answers_500() -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(crash("sessions_list"))
        answer = wire.invoke("sessions_list")
        assert answer.status == 500
        message = "tool execution failed"
        assert answer.body == {"ok": False, "error": {"type": "tool_error", "message": message}}
        assert wire.invoke("sessions_list").status == 200


@only_double("a real gateway is not restarted here")
def test_a_gateway_that_starts_cannot_spawn_yet() -> None:
    with doubled(Settings(startup=5, speed=50)) as (_, wire):
        assert wire.get("/readyz").status == 503
        assert wire.get("/healthz").status == 200
        assert wire.invoke("sessions_list").status == 500
        refused = wire.spawn("MODE:ok")
        assert refused["status"] == "error"
        assert refused["error"] == "agent unavailable during gateway startup"
        assert refused["childSessionKey"].startswith("agent:main:subagent:")
        wire.until(lambda: wire.get("/readyz").status == 200)
        assert wire.rows() == []
        assert wire.spawn("MODE:ok")["status"] == "accepted"


@only_double("a real gateway is started with its lockout")
def test_an_address_with_wrong_tokens_is_locked_out_with_good_ones_too() -> None:
    settings = Settings(lockout_attempts=3, lockout=6, speed=10)
    with doubled(settings) as (_, wire):
        assert [wire.invoke("sessions_list", token="wrong").status for _ in range(3)] == [401, 401, 401]
        answer = wire.invoke("sessions_list")
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.body["error"]["type"] == "rate_limited"
        assert "ok" not in answer.body
        assert wire.messages("agent:main:subagent:any").status == 429
        wire.until(lambda: wire.invoke("sessions_list").status == 200)
