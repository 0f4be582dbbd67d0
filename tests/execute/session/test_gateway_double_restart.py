"""A gateway that is killed, drained and started again."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from support.gateway import Double, Settings, double, double_process
from support.gateway.wire import Wire, only_double, wire_to

pytestmark = only_double("a real gateway is not restarted here")


@pytest.fixture(params=["thread", "process"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class World(NamedTuple):
    """A double that keeps its state, and requests to it."""

    gateway: Double
    wire: Wire


@pytest.fixture
def world(kind: str, tmp_path: Path) -> Iterator[World]:
    make = double if kind == "thread" else double_process
    settings = Settings(state=str(tmp_path / "state"), speed=20, lane=2)
    with make(settings) as gateway, wire_to(gateway.url, gateway.token, speed=20) as wire:
        yield World(gateway, wire)


def test_a_kill_leaves_no_status_and_then_a_failure(world: World) -> None:
    wire, gateway = world.wire, world.gateway
    done = wire.spawned("MODE:echo=before", "done")
    wire.ended(done)
    between = wire.spawned("MODE:steps=100:0.5", "between-calls")
    wire.until(lambda: len(wire.messages(between).body["messages"]) > 1)
    running = wire.spawned("MODE:hang", "running")
    queued = wire.spawned("MODE:ok", "queued")
    updated = wire.row(running)["updatedAt"]
    gateway.kill()
    with pytest.raises(aiohttp.ClientError):
        wire.row(done)

    gateway.start()
    began = time.monotonic()
    assert wire.row(done)["status"] == "done"
    assert wire.last(done)["content"] == [{"type": "text", "text": "before"}]
    for key in (between, running, queued):
        assert "status" not in wire.row(key)
    assert wire.ended(running)["status"] == wire.ended(between)["status"] == "failed"
    assert time.monotonic() - began > 16 / 20
    assert "status" not in wire.row(queued)
    assert wire.ended(queued)["status"] == "failed"
    assert time.monotonic() - began > 77 / 20

    for key in (running, queued):
        last = wire.last(key)
        assert last["role"] == "custom"
        assert last["customType"] == "run-failed-before-reply"
    assert wire.last(between)["stopReason"] == "toolUse"
    assert wire.tasks()["running"]["status"] == "failed"
    assert wire.row(running)["updatedAt"] == updated
    assert gateway.model_calls() == []


def test_a_drain_refuses_every_call_and_lets_the_runs_end(world: World) -> None:
    wire, gateway = world.wire, world.gateway
    keys = [wire.spawned("MODE:slow=12", f"slow-{number}") for number in range(3)]
    gateway.terminate()
    wire.until(lambda: wire.get("/readyz").status == 503)
    for answer in (wire.invoke("sessions_list"), wire.messages(keys[0])):
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.body["error"]["type"] == "service_unavailable"
        assert answer.body["error"]["code"] == "gateway_unavailable"
    assert wire.get("/healthz").status == 200
    assert wire.get("/readyz").body["failing"] == ["gateway-draining"]
    gateway.join()
    with pytest.raises(aiohttp.ClientError):
        wire.get("/healthz")
    gateway.start()
    assert [wire.row(key)["status"] for key in keys] == ["done", "done", "done"]


def test_a_restart_may_change_the_gateway(world: World) -> None:
    world.gateway.restart(allow=())
    assert world.wire.invoke("sessions_spawn", {"task": "MODE:ok"}).status == 404
