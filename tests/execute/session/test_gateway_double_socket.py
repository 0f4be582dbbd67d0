"""What the gateway's WebSocket answers and tells."""

import aiohttp
import pytest
from support.gateway import Settings, drop
from support.gateway.wire import Frame, Wire, doubled, only_double


def test_the_socket_has_the_whole_text(wire: Wire) -> None:
    key = wire.spawned("MODE:long=200000")
    wire.ended(key)
    answer = wire.ask("sessions.get", {"key": key, "limit": 1})
    assert answer["ok"] is True
    (last,) = answer["payload"]["messages"]
    assert last["stopReason"] == "stop"
    assert last["content"][0]["text"] == ("x" * 79 + "\n") * 2501


def test_the_socket_adds_the_tokens_of_all_calls(wire: Wire) -> None:
    key = wire.spawned("MODE:steps=2:0")
    wire.ended(key)
    session = wire.ask("sessions.describe", {"key": key})["payload"]["session"]
    assert session["key"] == key
    assert (session["inputTokens"], session["outputTokens"]) == (3000, 102)
    assert session["totalTokens"] == 1200


def test_an_unknown_key_has_nothing(wire: Wire) -> None:
    key = "agent:main:subagent:none"
    assert wire.ask("sessions.get", {"key": key, "limit": 1})["payload"] == {"messages": []}
    assert wire.ask("sessions.describe", {"key": key})["payload"]["session"] is None


def test_a_wrong_token_is_refused_and_the_connection_closed(wire: Wire) -> None:
    answer = wire.ask("sessions.get", {}, auth={"token": "wrong"})
    assert answer["ok"] is False
    assert answer["error"]["details"]["code"] == "AUTH_TOKEN_MISMATCH"
    assert answer["closed"] == 1008


def test_another_protocol_is_refused(wire: Wire) -> None:
    answer = wire.ask("sessions.get", {}, minProtocol=1, maxProtocol=1)
    assert answer["error"]["message"] == "protocol mismatch"
    assert answer["closed"] == 1002


def test_a_scope_is_needed(wire: Wire) -> None:
    answer = wire.ask("sessions.get", {"key": "agent:main:subagent:none"}, scopes=[])
    assert answer["ok"] is False
    assert answer["error"]["details"]["missingScope"] == "operator.read"


@pytest.mark.parametrize(
    ("task", "status"), [("MODE:ok", "completed"), ("MODE:err=400", "failed"), ("MODE:hang", "timed_out")]
)
def test_an_operator_is_told_of_the_ends_of_tasks(wire: Wire, task: str, status: str) -> None:
    args = {"task": task, "label": wire.label("told"), "runTimeoutSeconds": 5}

    async def spawn() -> object:
        return await wire.call("sessions_spawn", args)

    def ended(event: Frame) -> bool:
        return event["task"].get("title") == wire.label("told") and "endedAt" in event["task"]

    last = wire.events(spawn, ended)[-1]
    assert last["action"] == "upserted"
    (row,) = wire.rows(label=wire.label("told"))
    assert last["task"]["childSessionKey"] == row["key"]
    assert last["task"]["taskId"] == wire.tasks()["told"]["taskId"]
    assert last["task"]["status"] == status
    assert last["task"]["endedAt"] >= row["updatedAt"] - 60_000


@only_double("a real gateway has no faults to switch on")
def test_the_socket_may_be_closed() -> None:
    with doubled(Settings(speed=10)) as (gateway, wire):
        gateway.switch_on(drop("sessions.get"))
        with pytest.raises(aiohttp.WSMessageTypeError):
            wire.ask("sessions.get", {"key": "any"})
        # Twice, because aiohttp asks once more.
        gateway.switch_on(drop("socket", times=2))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            wire.ask("sessions.get", {"key": "any"})
        assert wire.ask("sessions.get", {"key": "any"})["ok"] is True
        assert gateway.counts() == {"socket": 4, "connect": 2, "sessions.get": 2}
