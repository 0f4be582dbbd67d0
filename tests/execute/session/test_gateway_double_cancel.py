"""How sessions are cancelled, and waited for without polling."""

import json
import time

import pytest
from support.gateway import Settings
from support.gateway.wire import Wire, doubled, only_double

FORBIDDEN = {"status": "forbidden", "error": "Task outside session tree."}


def test_a_task_has_its_label_and_no_key(wire: Wire) -> None:
    wire.spawned("MODE:hang")
    task = wire.tasks()["one"]
    assert task["label"] == wire.label("one")
    assert task["status"] == "running"
    assert "agent:main:subagent" not in json.dumps(task)


def test_a_run_is_cancelled_by_its_task(wire: Wire) -> None:
    key = wire.spawned("MODE:hang")
    answer = wire.cancel("one")
    task = wire.tasks()["one"]["taskId"]
    assert answer == {"status": "cancelled", "taskId": task, "found": True, "cancelled": True}
    assert wire.ended(key)["status"] == "killed"
    wire.until(lambda: wire.row(key).get("abortedLastRun"))
    assert all(each["role"] == "user" for each in wire.history(key)["messages"])
    assert wire.tasks()["one"]["status"] == "cancelled"


def test_a_second_cancel_finds_it_ended(wire: Wire) -> None:
    wire.spawned("MODE:hang")
    wire.cancel("one")
    again = wire.cancel("one")
    assert again["status"] == "error"
    assert again["cancelled"] is False
    assert again["reason"] == "Task is already terminal."


def test_one_that_has_ended_is_not_cancelled(wire: Wire) -> None:
    key = wire.spawned("MODE:ok")
    wire.ended(key)
    task = wire.until(lambda: _of(wire, "completed"))
    assert wire.subagents("cancel", taskId=task)["status"] == "error"
    assert wire.row(key)["status"] == "done"


def _of(wire: Wire, status: str) -> str | None:
    task = wire.tasks()["one"]
    return task["taskId"] if task["status"] == status else None


@pytest.mark.parametrize("parent", ["agent:main:main", "agent:main:runner-of-another"])
def test_another_parent_sees_none_of_it(wire: Wire, parent: str) -> None:
    wire.spawned("MODE:hang")
    task = wire.tasks()["one"]["taskId"]
    assert "one" not in wire.tasks(parent)
    assert wire.subagents("cancel", parent, taskId=task) == FORBIDDEN
    waited = wire.subagents("wait", parent, taskIds=[task], timeoutSeconds=1)
    assert waited["reason"] == "unavailable"
    assert waited["unavailable"] == [task]


def test_an_unknown_task_is_outside(wire: Wire) -> None:
    assert wire.subagents("cancel", taskId="none") == FORBIDDEN
    assert wire.subagents("wait", taskIds=["none"], timeoutSeconds=1)["reason"] == "unavailable"


def test_actions_of_other_versions_are_unsupported(wire: Wire) -> None:
    key = wire.spawned("MODE:hang")
    assert wire.subagents("kill", target=key) == {"status": "error", "error": "Unsupported action."}


def test_a_queued_one_is_killed_at_once_without_a_call_of_the_model(wire: Wire) -> None:
    for number in range(8):
        wire.spawned("MODE:hang", f"hangs-{number}", wire.parent if number < 5 else wire.second)
    queued = wire.spawned("MODE:ok", "queued", wire.second)
    wire.until(lambda: wire.row(queued)["status"] == "queued")  # "running" for a moment
    assert wire.cancel("queued", wire.second)["cancelled"] is True
    assert wire.row(queued)["status"] == "killed"
    wire.until(lambda: wire.row(queued).get("abortedLastRun"))
    assert wire.messages(queued).body["messages"] == []


def test_a_wait_answers_as_a_task_ends(wire: Wire) -> None:
    wire.spawned("MODE:hang", "hangs")
    wire.spawned("MODE:slow=4", "slow")
    tasks = {name: task["taskId"] for name, task in wire.tasks().items()}
    answer = wire.subagents("wait", taskIds=list(tasks.values()), timeoutSeconds=60)
    assert answer["status"] == "ok"
    assert answer["reason"] == "completed"
    assert answer["completed"] == [tasks["slow"]]
    again = wire.subagents("wait", taskIds=list(tasks.values()), timeoutSeconds=60)
    assert again["completed"] == [tasks["slow"]]


def test_a_wait_ends_without_a_task_that_has_ended(wire: Wire) -> None:
    wire.spawned("MODE:hang")
    task = wire.tasks()["one"]["taskId"]
    began = time.monotonic()
    answer = wire.subagents("wait", taskIds=[task], timeoutSeconds=1)
    assert time.monotonic() - began >= 0.9 / wire.speed
    assert answer["reason"] == "timeout"
    assert answer["completed"] == []


def test_a_wait_has_at_most_32_tasks_and_knows_all_of_them(wire: Wire) -> None:
    wire.spawned("MODE:hang")
    ids = [wire.tasks()["one"]["taskId"], *(f"none-{number}" for number in range(31))]
    answer = wire.subagents("wait", taskIds=ids, timeoutSeconds=60)
    assert answer["reason"] == "unavailable"
    assert answer["unavailable"] == ids[1:]
    refused = wire.invoke("subagents", {"action": "wait", "taskIds": [*ids, "one more"]})
    assert refused.status == 400
    assert refused.body["error"]["message"] == "subagents wait supports at most 32 taskIds."


def _nested(wire: Wire, *then: object) -> str:
    call = ["sessions_spawn", {"task": "MODE:hang", "label": wire.label("child")}]
    return wire.spawned(f"MODE:tools={json.dumps([call, *then])}", "parent")


@only_double("a real gateway hides sessions_spawn from its sessions unless it is started otherwise")
def test_a_parent_that_waits_is_cancelled_with_its_children() -> None:
    with doubled(Settings(speed=10)) as (_, wire):
        key = _nested(wire, ["sessions_yield", {}])
        wire.until(lambda: "status" not in wire.row(key))
        wire.subagents("cancel", taskId=wire.tasks()["parent"]["taskId"])
        (child,) = wire.rows(label=wire.label("child"))
        assert wire.row(key)["status"] == "killed"
        assert child["status"] == "killed"


@only_double("a real gateway hides sessions_spawn from its sessions unless it is started otherwise")
@pytest.mark.parametrize("by", ["its parent", "the parent of that"])
def test_a_child_of_a_parent_that_is_done_is_cancelled_by_itself(by: str) -> None:
    with doubled(Settings(speed=10)) as (_, wire):
        key = _nested(wire)
        wire.ended(key)
        refused = wire.subagents("cancel", taskId=wire.tasks()["parent"]["taskId"])
        assert refused["reason"] == "Task is already terminal."
        assert wire.rows(label=wire.label("child"))[0]["status"] == "running"

        parent = key if by == "its parent" else wire.parent
        task = wire.tasks(parent)["child"]["taskId"]
        assert wire.subagents("cancel", parent, taskId=task)["cancelled"] is True
        assert wire.rows(label=wire.label("child"))[0]["status"] == "killed"
