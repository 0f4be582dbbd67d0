"""What the gateway answers to a spawn, and which sessions there are then."""

import asyncio
import re
import time

import pytest
from support.gateway import Settings
from support.gateway.wire import Wire, doubled, only_double

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_a_spawn_is_accepted_with_a_key_and_a_run(wire: Wire) -> None:
    details = wire.spawn("MODE:ok", thinking="High", runTimeoutSeconds=60)
    assert details["status"] == "accepted"
    assert re.fullmatch(f"agent:main:subagent:{UUID}", details["childSessionKey"])
    assert re.fullmatch(UUID, details["runId"])
    assert wire.row(details["childSessionKey"])["label"] == wire.label("one")


@pytest.mark.parametrize(
    ("args", "status", "error"),
    [
        ({"thinking": "very much"}, "error", 'Invalid thinking level "very much"'),
        ({"model": "stranger/any"}, "error", "Unknown model: stranger/any"),
        ({"agentId": "other"}, "forbidden", "agentId is not allowed for sessions_spawn (allowed: main)"),
        ({"agentId": "Not One!"}, "error", "Agent IDs must match [a-z0-9][a-z0-9_-]{0,63}."),
    ],
)
def test_a_refusal_is_a_success_over_http(wire: Wire, args: dict[str, str], status: str, error: str) -> None:
    details = wire.spawn("MODE:ok", **args)
    assert details["status"] == status
    assert error in details["error"]
    assert "childSessionKey" not in details
    assert wire.rows(label=wire.label("one")) == []


@pytest.mark.parametrize(
    "level",
    ["off", "minimal", "low", "medium", "high", "xhigh", "max", "adaptive", "ultra", "auto", "none", "LOW"],
)
@only_double("a real gateway has one model, which knows few of the levels")
def test_a_level_of_thinking_may_be_in_any_case(level: str) -> None:
    with doubled() as (_, wire):
        assert wire.spawn("MODE:ok", thinking=level)["status"] == "accepted"


@pytest.mark.parametrize("level", ["off", "minimal", "LOW", "Medium", "high"])
def test_levels_that_every_model_knows(wire: Wire, level: str) -> None:
    assert wire.spawn("MODE:ok", thinking=level)["status"] == "accepted"


@pytest.mark.parametrize("seconds", [0.5, -1, "a minute"])
def test_a_timeout_is_a_whole_number(wire: Wire, seconds: object) -> None:
    answer = wire.invoke("sessions_spawn", {"task": "MODE:ok", "runTimeoutSeconds": seconds})
    assert answer.status == 400
    assert answer.body["error"]["message"] == "runTimeoutSeconds must be a non-negative integer"


def test_a_timeout_of_zero_is_none(wire: Wire) -> None:
    key = wire.spawned("MODE:slow=2", runTimeoutSeconds=0)
    assert wire.ended(key)["status"] == "done"


@pytest.mark.parametrize("name", ["timeoutSeconds", "target"])
def test_arguments_of_others_are_refused(wire: Wire, name: str) -> None:
    answer = wire.invoke("sessions_spawn", {"task": "MODE:ok", name: 5})
    assert answer.status == 400
    assert f'sessions_spawn does not support "{name}"' in answer.body["error"]["message"]


def test_unknown_arguments_are_passed_over(wire: Wire) -> None:
    assert wire.spawn("MODE:ok", colour="blue", idempotencyKey="one")["status"] == "accepted"


@pytest.mark.parametrize(("model", "resolved"), [("fake/other", "fake/other"), ("bare", "fake/bare")])
def test_a_model_is_applied_whether_or_not_its_provider_has_it(wire: Wire, model: str, resolved: str) -> None:
    details = wire.spawn("MODE:ok", model=model)
    assert details["status"] == "accepted"
    assert details["resolvedModel"] == resolved
    assert details["modelApplied"] is True
    key = details["childSessionKey"]
    assert wire.ended(key)["model"] == resolved.removeprefix("fake/")
    assert wire.last(key)["model"] == resolved.removeprefix("fake/")


@only_double("a real gateway has one agent")
def test_an_agent_that_is_allowed_gives_the_key_its_name() -> None:
    with doubled(Settings(agents=("main", "other"))) as (_, wire):
        assert wire.spawned("MODE:ok", agentId="other").startswith("agent:other:subagent:")


@only_double("a real gateway has one agent")
def test_the_agent_of_a_parent_needs_no_leave() -> None:
    with doubled() as (_, wire):
        key = wire.spawned("MODE:ok", parent="agent:other:runner-one")
        assert key.startswith("agent:other:subagent:")


def test_a_session_may_be_deleted_as_it_ends(wire: Wire) -> None:
    key = wire.spawned("MODE:ok", cleanup="delete")
    wire.until(lambda: wire.history(key).get("status") == "error")
    assert wire.messages(key).status == 404
    wire.until(lambda: wire.rows(label=wire.label("one")) == [])


def test_two_equal_calls_make_two_sessions(wire: Wire) -> None:
    keys = {wire.spawned("MODE:ok", idempotencyKey="one") for _ in range(2)}
    assert {row["key"] for row in wire.rows(label=wire.label("one"))} == keys
    assert len(keys) == 2


def test_a_label_may_be_long(wire: Wire) -> None:
    name = "n" * 500
    key = wire.spawned("MODE:ok", name)
    assert [row["key"] for row in wire.rows(label=wire.label(name))] == [key]


def test_a_task_may_be_long(wire: Wire) -> None:
    key = wire.spawned("y" * 1_000_000 + " MODE:echo=read")
    assert wire.ended(key)["status"] == "done"
    assert wire.last(key)["content"] == [{"type": "text", "text": "read"}]


def test_a_parent_has_five_active_children_and_each_end_frees_a_place(wire: Wire) -> None:
    for number in range(5):
        wire.spawned("MODE:hang", f"child-{number}")
    refused = wire.spawn("MODE:ok", "sixth")
    assert refused["status"] == "forbidden"
    assert "max active children" in refused["error"]
    assert wire.rows(label=wire.label("sixth")) == []

    other = wire.spawn("MODE:ok", "other", wire.second)
    assert other["status"] == "accepted"

    wire.cancel("child-0")
    assert wire.spawn("MODE:ok", "sixth")["status"] == "accepted"


def test_a_spawn_without_a_parent_is_one_of_main(wire: Wire) -> None:
    key = wire.spawned("MODE:ok", parent="agent:main:main")
    assert wire.row(key)["parentSessionKey"] == "agent:main:main"
    assert "one" in wire.tasks("agent:main:main")
    assert wire.tasks() == {}


def test_eight_run_at_once_and_the_others_are_queued(wire: Wire) -> None:
    lane = [wire.spawned("MODE:hang", f"hangs-{n}") for n in range(5)]
    lane += [wire.spawned("MODE:hang", f"hangs-{n}", wire.second) for n in range(5, 8)]
    queued = wire.spawned("MODE:ok", "queued", wire.second)
    wire.until(lambda: wire.row(queued)["status"] == "queued")  # "running" for a moment
    assert {wire.row(key)["status"] for key in lane} == {"running"}
    assert wire.history(queued)["messages"] == []
    # Its task is told as one that runs.
    assert wire.tasks(wire.second)["queued"]["status"] == "running"

    wire.cancel("hangs-0")
    assert wire.ended(queued)["status"] == "done"


def test_the_verdict_counts_from_the_acceptance_and_the_run_from_its_start(wire: Wire) -> None:
    """One that waited in the lane ends as timed out with a whole answer."""
    for number in range(8):
        wire.spawned("MODE:hang", f"hangs-{number}", wire.parent if number < 5 else wire.second)
    late = wire.spawned("MODE:slow=1", "late", wire.second, runTimeoutSeconds=10)
    over = time.monotonic() + 11 / wire.speed
    wire.until(lambda: time.monotonic() > over)
    assert wire.row(late)["status"] == "queued"
    wire.cancel("hangs-0")
    assert wire.ended(late)["status"] == "timeout"
    assert wire.last(late)["stopReason"] == "stop"
    assert wire.tasks(wire.second)["late"]["status"] == "timed_out"


def test_a_caller_that_hangs_up_leaves_one_row_or_none(wire: Wire) -> None:
    async def hang_up(number: int) -> None:
        args = {"task": "MODE:ok", "label": wire.label(f"hung-{number}")}
        try:
            async with asyncio.timeout(0.001 * number):
                await wire.call("sessions_spawn", args, f"{wire.parent}-{number}")
        except TimeoutError:
            pass

    for number in range(12):
        wire.run(hang_up(number))
    for number in range(12):
        assert len(wire.rows(label=wire.label(f"hung-{number}"))) <= 1
