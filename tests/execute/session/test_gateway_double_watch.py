"""How a session is watched: its row, its messages, what each case leaves."""

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest
from support.gateway import Settings, no_status
from support.gateway.wire import Wire, doubled, only_double

USAGE = {
    "input": 1000,
    "output": 34,
    "totalTokens": 1234,
    "cacheRead": 200,
    "cacheWrite": 0,
    "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0},
}


# sessions_list


def test_a_row_is_found_by_the_end_of_its_key_by_its_label_and_by_part_of_it(wire: Wire) -> None:
    key = wire.spawned("MODE:hang")
    wire.spawned("MODE:hang", "one-more")
    for args in ({"search": key.rpartition(":")[2]}, {"label": wire.label("one")}):
        (row,) = wire.rows(**args)
        assert row["key"] == key
        assert row["label"] == wire.label("one")
        assert row["parentSessionKey"] == wire.parent
        assert row["status"] == "running"
        assert row["model"] == "fake-1"
        assert row["updatedAt"] > 1_700_000_000_000
    found = {row["label"] for row in wire.rows(search=wire.label(""))}
    assert found == {wire.label("one"), wire.label("one-more")}
    assert wire.rows(label=wire.label("on")) == []


def test_pages_have_the_newest_first_and_say_what_comes_next(wire: Wire) -> None:
    for name in ("a", "b", "c"):
        wire.ended(wire.spawned("MODE:ok", name))
    first = wire.invoke("sessions_list", {"search": wire.label(""), "limit": 2}).details
    assert [row["label"] for row in first["sessions"]] == [wire.label("c"), wire.label("b")]
    assert (first["count"], first["hasMore"], first["nextOffset"]) == (2, True, 2)
    rest = wire.invoke("sessions_list", {"search": wire.label(""), "limit": 2, "offset": 2}).details
    assert [row["label"] for row in rest["sessions"]] == [wire.label("a")]
    assert rest["hasMore"] is False
    assert "nextOffset" not in rest


def test_unknown_filters_are_passed_over_silently(wire: Wire) -> None:
    wire.spawned("MODE:ok")
    args = {"spawnedBy": "no one", "parentSessionKey": "no one", "labelPrefix": "nothing", "limit": 1}
    assert wire.invoke("sessions_list", args).details["count"] == 1


def test_a_page_is_cut_at_64_kibibytes(wire: Wire) -> None:
    many = 70
    for number in range(many):
        wire.spawned("MODE:ok", f"of-many-{number}", f"{wire.parent}-{number // 5}")
    answer = wire.invoke("sessions_list", {"search": wire.label("of-many"), "limit": 200})
    page = answer.details
    assert 50 <= page["count"] <= 64
    assert page["hasMore"] is True
    assert page["nextOffset"] == page["count"]
    assert page["truncationReason"] == "byte-limit"
    assert len(answer.body["result"]["content"][0]["text"]) <= 64 * 1024
    # Each session that ends moves to the front, so a page may have one that an earlier one had too.
    wire.until(lambda: len({row["key"] for row in wire.rows(search=wire.label("of-many"))}) == many)


@only_double("a real gateway has no status only after a restart")
def test_a_status_may_be_absent() -> None:
    with doubled() as (gateway, wire):
        key = wire.spawned("MODE:hang")
        gateway.switch_on(no_status())
        assert "status" not in wire.row(key)
        assert wire.row(key)["status"] == "running"


# sessions_history


def test_an_unknown_key_is_a_success_over_http(wire: Wire) -> None:
    details = wire.history("agent:main:subagent:none")
    assert details == {"status": "error", "error": "No session found: agent:main:subagent:none"}


def test_the_history_begins_with_the_task_and_ends_with_the_answer(wire: Wire) -> None:
    key = wire.spawned("MODE:echo=hello")
    wire.ended(key)
    details = wire.history(key)
    assert details["sessionKey"] == key
    asked, said = details["messages"]
    assert asked["role"] == "user"
    assert "MODE:echo=hello" in asked["content"]
    assert said["role"] == "assistant"
    assert said["content"] == [{"type": "text", "text": "hello"}]
    assert said["stopReason"] == "stop"
    assert said["model"] == "fake-1"
    assert "usage" not in said
    assert [each["role"] for each in wire.history(key, limit=1)["messages"]] == ["assistant"]


def test_whole_answers_count_as_cut_too_because_their_usage_is_left_out(wire: Wire) -> None:
    key = wire.spawned("MODE:echo=short")
    wire.ended(key)
    assert wire.history(key)["contentTruncated"] is True
    assert wire.history(key)["truncated"] is True


def test_the_tool_cuts_a_text_at_4000_characters(wire: Wire) -> None:
    key = wire.spawned("MODE:long=9000")
    wire.ended(key)
    (part,) = wire.last(key)["content"]
    assert part["text"] == ("x" * 79 + "\n") * 50 + "\n…(truncated)…"


def test_results_of_tools_are_left_out_unless_asked_for(wire: Wire) -> None:
    key = wire.spawned("MODE:steps=1:0")
    wire.ended(key)
    roles = [each["role"] for each in wire.history(key)["messages"]]
    assert roles == ["user", "assistant", "assistant"]
    roles = [each["role"] for each in wire.history(key, includeTools=True)["messages"]]
    assert roles == ["user", "assistant", "toolResult", "assistant"]


# GET /sessions/KEY/history


def test_the_route_tells_what_each_call_has_cost(wire: Wire) -> None:
    key = wire.spawned("MODE:steps=2:0")
    wire.ended(key)
    body = wire.messages(key, "?limit=100").body
    assert body["sessionKey"] == key
    assert body["items"] == body["messages"]
    answers = [each for each in body["messages"] if each["role"] == "assistant"]
    assert [each["stopReason"] for each in answers] == ["toolUse", "toolUse", "stop"]
    assert [each["usage"] for each in answers] == [USAGE, USAGE, USAGE]
    # The row has the size of the last prompt alone.
    assert wire.row(key)["totalTokens"] == 1200


def test_the_route_cuts_a_text_at_8000_characters(wire: Wire) -> None:
    key = wire.spawned("MODE:long=9000")
    wire.ended(key)
    last = wire.messages(key).body["messages"][-1]
    assert last["content"][0]["text"] == ("x" * 79 + "\n") * 100 + "\n...(truncated)..."
    assert last["__openclaw"]["truncated"] is True


def test_the_route_goes_back_by_its_cursor(wire: Wire) -> None:
    key = wire.spawned("MODE:echo=hello")
    wire.ended(key)
    last = wire.messages(key, "?limit=1").body
    assert [each["role"] for each in last["messages"]] == ["assistant"]
    assert last["hasMore"] is True
    first = wire.messages(key, f"?limit=1&cursor={last['nextCursor']}").body
    assert [each["role"] for each in first["messages"]] == ["user"]
    assert first["hasMore"] is False


def test_the_route_does_not_find_an_unknown_key(wire: Wire) -> None:
    answer = wire.messages("agent:main:subagent:none")
    assert answer.status == 404
    message = "Session not found: agent:main:subagent:none"
    assert answer.body == {"ok": False, "error": {"type": "not_found", "message": message}}


def test_the_route_grows_while_the_session_runs(wire: Wire) -> None:
    key = wire.spawned("MODE:steps=40:0.5")

    def tokens() -> int:
        return sum(
            each.get("usage", {}).get("totalTokens", 0) for each in wire.messages(key).body["messages"]
        )

    wire.until(lambda: tokens() >= 1234)
    wire.until(lambda: tokens() >= 2 * 1234)
    assert wire.row(key)["status"] == "running"


def test_a_call_of_an_unknown_tool_is_hidden_and_its_usage_lost(wire: Wire) -> None:
    key = wire.spawned('MODE:tools=[["no_such_tool",{}]]')
    wire.ended(key)
    messages = wire.messages(key).body["messages"]
    assert [each["role"] for each in messages] == ["user", "toolResult", "assistant"]
    assert _tokens(messages) == 1234


def test_the_stream_tells_of_each_message_and_never_ends(wire: Wire) -> None:
    key = wire.spawned("MODE:steps=2:1")

    async def listen() -> list[tuple[str, Any]]:
        headers = {"Authorization": f"Bearer {wire.token}", "Accept": "text/event-stream"}
        events: list[tuple[str, Any]] = []
        async with (
            asyncio.timeout(60),
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{wire.url}/sessions/{key}/history") as answer,
        ):
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            async for line in answer.content:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    events.append((name, json.loads(line[6:])))
                    if name == "message" and events[-1][1]["message"].get("stopReason") == "stop":
                        return events
        raise AssertionError("it ended")

    events = wire.run(listen())
    name, first = events[0]
    assert name == "history"
    assert first["items"] == first["messages"]
    name, last = events[-1]
    assert name == "message"
    assert last["sessionKey"] == key
    assert last["message"]["usage"] == USAGE


def _tokens(messages: list[dict[str, Any]]) -> int:
    return sum(each["usage"]["totalTokens"] for each in messages if "usage" in each)


# What each case leaves


@pytest.mark.parametrize("wire", [10], indirect=True)
@pytest.mark.parametrize(
    ("task", "status", "reason"),
    [("MODE:ok", "done", "stop"), ("MODE:err=400", "failed", "error"), ("MODE:hang", "timeout", "aborted")],
)
def test_an_end_is_told_by_the_row_and_by_the_last_message(
    wire: Wire, task: str, status: str, reason: str
) -> None:
    key = wire.spawned(task, runTimeoutSeconds=5)
    assert wire.ended(key)["status"] == status
    last = wire.last(key)
    assert last["role"] == "assistant"
    assert last["stopReason"] == reason
    assert last.get("errorMessage") == ("request timed out" if reason == "aborted" else None)
    assert wire.row(key).get("abortedLastRun") in (None, False)


@pytest.mark.parametrize("wire", [200], indirect=True)
def test_a_model_that_fails_is_asked_again_for_more_than_a_minute(wire: Wire) -> None:
    began = time.monotonic()
    key = wire.spawned("MODE:err=500")
    row = wire.ended(key, 110)
    assert time.monotonic() - began >= 60 / wire.speed
    assert row["status"] == "failed"
    assert wire.last(key)["stopReason"] == "error"


def test_a_session_may_say_nothing(wire: Wire) -> None:
    key = wire.spawned("MODE:empty")
    row = wire.ended(key)
    assert row["status"] in ("done", "failed")


@only_double("a real gateway hides sessions_spawn from its sessions unless it is started otherwise")
def test_a_parent_may_be_done_while_its_child_runs() -> None:
    with doubled(Settings(speed=10)) as (_, wire):
        label = wire.label("child")
        call = json.dumps([["sessions_spawn", {"task": "MODE:hang", "label": label}]])
        key = wire.spawned(f"MODE:tools={call}")
        row = wire.ended(key)
        assert row["status"] == "done"
        (child,) = wire.rows(label=label)
        assert row["childSessions"] == [child["key"]]
        assert child["parentSessionKey"] == key
        assert child["status"] == "running"
        assert "childSessions" not in child


@only_double("a real gateway hides sessions_spawn from its sessions unless it is started otherwise")
def test_a_parent_that_waits_has_no_status_and_no_clock() -> None:
    with doubled(Settings(speed=10)) as (_, wire):
        label = wire.label("child")
        spawn = ["sessions_spawn", {"task": "MODE:slow=8", "label": label}]
        key = wire.spawned(f"MODE:tools={json.dumps([spawn, ['sessions_yield', {}]])}", runTimeoutSeconds=3)
        row = wire.until(lambda: None if "status" in (row := wire.row(key)) else row)
        assert row["abortedLastRun"] is False
        assert wire.tasks()["one"]["execution"]["state"] == "waiting"
        # It goes on once the child has ended, long after its timeout, and then the verdict counts all of it.
        assert wire.ended(key)["status"] == "timeout"
        assert wire.last(key)["stopReason"] == "stop"
        assert wire.rows(label=label)[0]["status"] == "done"


@only_double("a real gateway is started with its depth")
def test_nesting_may_be_forbidden() -> None:
    with doubled(Settings(depth=1)) as (_, wire):
        call = json.dumps([["sessions_spawn", {"task": "MODE:ok", "label": wire.label("child")}]])
        key = wire.spawned(f"MODE:tools={call}")
        assert wire.ended(key)["status"] == "done"
        assert wire.rows(label=wire.label("child")) == []
