"""The faults of the double, and what it has seen."""

import asyncio
import json
import time

import aiohttp
import pytest
from support.gateway import Settings, answer, big, drop, half, hang, husk, late, torn
from support.gateway.wire import doubled, only_double

pytestmark = only_double("a real gateway has no faults to switch on")

ARGS = {"task": "MODE:ok", "label": "jr-one"}


@pytest.mark.parametrize("acted", [False, True])
def test_a_connection_dropped_before_the_spawn_or_after_it(acted: bool) -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(drop("sessions_spawn", acted=acted))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            wire.invoke("sessions_spawn", ARGS)
        assert len(wire.rows(label="jr-one")) == acted
        assert wire.invoke("sessions_spawn", ARGS).details["status"] == "accepted"


@pytest.mark.parametrize("acted", [False, True])
def test_an_answer_that_never_comes(acted: bool) -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(hang("sessions_spawn", acted=acted))

        async def spawn() -> None:
            spawning = asyncio.create_task(wire.call("sessions_spawn", ARGS))
            while gateway.counts().get("sessions_spawn") != 1:
                await wire.call("subagents", {"action": "list"})
            async with asyncio.timeout(0.2):
                await spawning

        with pytest.raises(TimeoutError):
            wire.run(spawn())
        assert len(wire.rows(label="jr-one")) == acted


@pytest.mark.parametrize("acted", [False, True])
def test_an_answer_that_comes_late(acted: bool) -> None:
    with doubled(Settings(speed=100)) as (gateway, wire):
        gateway.switch_on(late("sessions_spawn", 0.3, acted=acted))

        async def spawn_and_look() -> int:
            spawning = asyncio.create_task(wire.call("sessions_spawn", ARGS))
            while gateway.counts().get("sessions_spawn") != 1:
                await wire.call("subagents", {"action": "list"})
            listed = await wire.call("sessions_list", {"label": "jr-one"})
            assert not spawning.done()
            assert (await spawning).details["status"] == "accepted"
            return int(listed.details["count"])

        began = time.monotonic()
        assert wire.run(spawn_and_look()) == acted
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("status", "headers"), [(403, {}), (429, {"Retry-After": "2"}), (500, {}), (503, {"Retry-After": "1"})]
)
def test_any_answer(status: int, headers: dict[str, str]) -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(answer("*", status, '{"error":{}}', headers=headers, times=2))
        for got in (wire.invoke("sessions_list"), wire.messages("agent:main:subagent:any")):
            assert got.status == status
            assert got.headers.get("Retry-After") == headers.get("Retry-After")
            assert got.body == {"error": {}}
        assert wire.invoke("sessions_list").status == 200


def test_half_of_the_json() -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(half("sessions_spawn"))
        with pytest.raises(json.JSONDecodeError):
            wire.invoke("sessions_spawn", ARGS)
        assert len(wire.rows(label="jr-one")) == 1


def test_a_connection_torn_in_the_middle_of_the_answer() -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(torn("sessions_spawn"))
        with pytest.raises(aiohttp.ClientPayloadError):
            wire.invoke("sessions_spawn", ARGS)
        assert len(wire.rows(label="jr-one")) == 1


def test_an_answer_of_ten_megabytes() -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(big("sessions_list"))
        got = wire.invoke("sessions_list")
        assert int(got.headers["Content-Length"]) > 10_000_000
        assert got.body["ok"] is True
        assert len(got.body["padding"]) == 10_000_000


def test_a_fault_of_all_times_is_switched_off() -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(answer("subagents.wait", 500, "{}", times=None))
        statuses = [wire.invoke("subagents", {"action": "wait", "taskIds": ["one"]}).status for _ in range(3)]
        assert statuses == [500, 500, 500]
        assert wire.invoke("subagents", {"action": "list"}).status == 200
        gateway.switch_off()
        assert wire.invoke("subagents", {"action": "wait", "taskIds": ["one"]}).status == 200


def test_requests_and_calls_of_the_model_are_counted() -> None:
    with doubled(Settings(speed=10)) as (gateway, wire):
        key = wire.spawned("MODE:steps=1:0")
        wire.ended(key)
        wire.messages(key)
        wire.subagents("list")
        wire.invoke("no_such_tool", token="wrong")
        counts = gateway.counts()
        assert counts.pop("sessions_list") >= 1
        assert counts == {"sessions_spawn": 1, "history": 1, "subagents.list": 1, "no_such_tool": 1}
        calls = gateway.model_calls()
        assert [(call["number"], call["key"], call["label"]) for call in calls] == [
            (1, key, wire.label("one")),
            (2, key, wire.label("one")),
        ]
        assert {call["model"] for call in calls} == {"fake/fake-1"}
        assert {call["task"] for call in calls} == {"MODE:steps=1:0"}
        gateway.forget()
        assert gateway.counts() == {}
        assert gateway.model_calls() == []


def test_a_connection_that_ends_while_a_session_is_made_leaves_a_row_of_nothing() -> None:
    with doubled() as (gateway, wire):
        gateway.switch_on(husk())
        with pytest.raises(aiohttp.ServerDisconnectedError):
            wire.invoke("sessions_spawn", ARGS)
        (row,) = wire.rows(label="jr-one")
        assert "status" not in row
        assert wire.history(row["key"])["messages"] == []
        listed = wire.invoke("subagents", {"action": "list", "recentMinutes": 1440}).details
        assert listed["tasks"] == []
