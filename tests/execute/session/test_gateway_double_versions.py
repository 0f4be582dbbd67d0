"""In what older versions of the gateway differ. All of it is of the double: a real one has one version."""

from collections.abc import Iterator

import pytest
from support.gateway import NEWEST, OLDEST, WITHOUT_TIMEOUT, Settings
from support.gateway.wire import Wire, doubled, only_double

pytestmark = only_double("a real gateway has one version")


@pytest.fixture(params=[NEWEST, WITHOUT_TIMEOUT, OLDEST])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def old(version: str) -> Iterator[Wire]:
    with doubled(Settings(version=version, speed=20)) as (_, wire):
        yield wire


def _until_over(wire: Wire, key: str) -> str:
    """The status of a session at its end, found whether or not the gateway searches."""

    def status() -> str | None:
        rows = wire.invoke("sessions_list", {"limit": 200}).details["sessions"]
        (found,) = (row["status"] for row in rows if row["key"] == key)
        return None if found in ("queued", "running") else str(found)

    return wire.until(status)


def test_a_timeout_is_refused_by_its_name(old: Wire, version: str) -> None:
    answer = old.invoke("sessions_spawn", {"task": "MODE:ok", "runTimeoutSeconds": 60})
    assert answer.status == (400 if version == WITHOUT_TIMEOUT else 200)
    if version == WITHOUT_TIMEOUT:
        assert answer.body["error"]["message"] == (
            'sessions_spawn does not support per-call "runTimeoutSeconds". '
            "Configure agents.defaults.subagents.runTimeoutSeconds instead."
        )


def test_a_model_of_an_unknown_provider_is_accepted(old: Wire, version: str) -> None:
    expected = "error" if version == NEWEST else "accepted"
    assert old.spawn("MODE:ok", model="stranger/any")["status"] == expected


def test_a_model_that_refuses_may_leave_a_session_done(old: Wire, version: str) -> None:
    key = old.spawned("MODE:err=400")
    assert _until_over(old, key) == ("done" if version == OLDEST else "failed")
    last = old.last(key)
    assert last["stopReason"] == "error"
    assert ("errorMessage" in last) == (version == OLDEST)


def test_the_history_over_http_is_forbidden(old: Wire, version: str) -> None:
    key = old.spawned("MODE:ok")
    answer = old.messages(key)
    assert answer.status == (403 if version == OLDEST else 200)
    if version == OLDEST:
        message = "missing scope: operator.read"
        assert answer.body == {"ok": False, "error": {"type": "forbidden", "message": message}}


def test_only_the_own_children_are_seen(old: Wire, version: str) -> None:
    key = old.spawned("MODE:ok")
    _until_over(old, key)
    other = "agent:main:runner-of-another"
    listed = old.invoke("sessions_list", {"limit": 200}, other).details
    history = old.invoke("sessions_history", {"sessionKey": key}, other).details
    if version == NEWEST:
        assert listed["count"] == 1
        assert history["sessionKey"] == key
    else:
        assert listed["count"] == 0
        assert ("visibility" in listed) == (version == WITHOUT_TIMEOUT)
        assert history["status"] == "forbidden"
    assert old.history(key)["sessionKey"] == key


def test_a_list_may_pass_over_what_it_is_asked_for(old: Wire, version: str) -> None:
    for name in ("a", "b", "c"):
        _until_over(old, old.spawned("MODE:ok", name))
    labels = [old.label(name) for name in ("c", "b", "a")]

    def listed(**args: object) -> list[str]:
        return [row["label"] for row in old.invoke("sessions_list", args).details["sessions"]]

    assert listed(label=old.label("b")) == (labels if version == OLDEST else [old.label("b")])
    assert listed(search=old.label("b")) == (labels if version == OLDEST else [old.label("b")])
    assert listed(limit=2, offset=2) == (labels[2:] if version == NEWEST else labels[:2])
    page = old.invoke("sessions_list", {"limit": 2}).details
    assert ("hasMore" in page) == ("nextOffset" in page) == (version == NEWEST)


def test_how_a_session_is_cancelled(old: Wire, version: str) -> None:
    key = old.spawned("MODE:hang")
    listed = old.subagents("list", recentMinutes=1440)
    assert [each["sessionKey"] for each in listed["active"]] == [key]
    if version == NEWEST:
        task = listed["tasks"][0]["taskId"]
        assert old.subagents("cancel", taskId=task)["status"] == "cancelled"
        assert old.subagents("kill", target=key)["error"] == "Unsupported action."
        assert _until_over(old, key) == "killed"
        return
    assert "tasks" not in listed
    assert old.subagents("cancel", taskId="any")["error"] == "Unsupported action."
    assert old.subagents("wait", taskIds=["any"])["error"] == "Unsupported action."
    if version == WITHOUT_TIMEOUT:
        assert old.subagents("kill", target=key)["error"] == "Unsupported action."
        return
    assert old.subagents("kill", "agent:main:main", target=key)["status"] == "error"
    assert old.subagents("kill", target=key)["status"] == "ok"
    assert _until_over(old, key) == "timeout"
    assert old.row(key)["abortedLastRun"] is True
    assert old.last(key)["stopReason"] == "aborted"
    assert old.subagents("kill", target=key)["status"] == "done"


def test_the_socket_may_speak_another_protocol_and_show_nothing(old: Wire, version: str) -> None:
    answer = old.ask("sessions.get", {"key": "any", "limit": 1})
    assert answer["ok"] is (version != OLDEST)
    if version == OLDEST:
        assert answer["error"]["message"] == "protocol mismatch"
        answer = old.ask("sessions.get", {"key": "any", "limit": 1}, minProtocol=3)
        assert answer["error"]["message"] == "missing scope: operator.read"
