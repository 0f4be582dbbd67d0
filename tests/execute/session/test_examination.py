"""What the examination of a gateway finds, by the double."""

from collections.abc import Coroutine
from typing import Any

import pytest
from support.gateway import (
    NEWEST,
    OLDEST,
    WITHOUT_TIMEOUT,
    Double,
    Fault,
    Settings,
    answer,
    double,
    half,
    hang,
)
from support.orders import play
from support.session_runs import order

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.diagnosis import Diagnosis
from jeeves_runner.execute.session import examination
from jeeves_runner.execute.session.examination import examine, try_session
from jeeves_runner.execute.session.gateway import Gateway


def found_at(
    far: Double, *, token: str = "t0ken", timeout: float = 20, trial: float | None = None
) -> list[Diagnosis]:
    """``trial``: the seconds for a session on trial; None: there is none."""

    async def look() -> list[Diagnosis]:
        gateway = Gateway(far.url, lambda: token, timeout=timeout)
        try:
            found = [each async for each in examine(gateway)]
            if trial is not None:
                found.append(await try_session(gateway, SystemClock(), seconds=trial))
            return found
        finally:
            await gateway.close()

    found: list[Diagnosis] = play(look)
    return found


def test_a_gateway_that_can_be_used_tells_its_version_and_begins_no_session() -> None:
    with double() as far:
        (found,) = found_at(far)
        assert (found.level, found.message) == ("ok", f"it answers and takes the token; version {NEWEST}")
        assert far.model_calls() == []


def test_a_session_on_trial_that_does_not_end_is_not_left_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would end it where a gateway takes no timeout."""
    monkeypatch.setattr(examination, "_trial", lambda _: order("MODE:hang"))

    async def look() -> None:
        gateway = Gateway(far.url, lambda: far.token, timeout=5)
        try:
            found = await try_session(gateway, SystemClock(), seconds=1.5)
            assert found.message.startswith("nothing has come of a session on trial within 1.5 s")
            listed = await gateway.invoke("sessions_list", {"search": "jr-job", "limit": 200})
            assert [row["status"] for row in listed["sessions"]] == ["killed"]
        finally:
            await gateway.close()

    with double() as far:
        play(look)


def test_a_wrong_token_is_shown_once() -> None:
    with double() as far:
        (found,) = found_at(far, token="wr0ng")
        assert (found.level, found.message) == ("error", "the gateway does not take the token")
        assert "gateway.token_path" in str(found.hint)
        assert "wr0ng" not in str(found)


def test_a_gateway_that_is_away_is_an_error() -> None:
    with double() as far:
        far.kill()
        (found,) = found_at(far)
    assert (found.level, found.message) == ("error", "the gateway cannot be reached: Connection refused")


@pytest.mark.parametrize("status", [302, 404, 405])
def test_another_server_is_no_gateway(status: int) -> None:
    with double() as far:
        far.switch_on(answer("session_status", status, "<html>not here</html>"))
        (found,) = found_at(far)
    assert found.level == "error"
    assert f"no OpenClaw gateway, or not where its calls go: HTTP status {status}" in found.message
    assert "`gateway.url`" in str(found.hint)


def test_a_gateway_whose_status_is_denied_has_taken_the_token() -> None:
    body = '{"ok":false,"error":{"type":"not_found","message":"Tool not available: session_status"}}'
    with double() as far:
        far.switch_on(answer("session_status", 404, body))
        (found,) = found_at(far)
    assert (found.level, found.message) == ("ok", "it answers and takes the token; its version is not known")


def test_a_gateway_that_drains_is_an_error_for_a_moment() -> None:
    with double() as far:
        far.drain()
        (found,) = found_at(far)
    assert found.level == "error"
    assert found.message.startswith("it takes no calls for now: Gateway is temporarily unavailable")
    assert found.hint == "look again in 1 s"


def test_a_gateway_that_locks_this_address_out_says_for_how_long() -> None:
    with double(Settings(lockout_attempts=1, lockout=7)) as far:
        found_at(far, token="wr0ng")
        (found,) = found_at(far)
    assert found.message.startswith("it takes no calls for now: Too many failed authentication attempts")
    assert found.hint == "look again in 7 s"


def test_a_gateway_that_is_starting_says_what_is_not_known_yet() -> None:
    with double(Settings(startup=60)) as far:
        first, *others = found_at(far)
    assert first.message == "it answers and takes the token; its version is not known"
    failed = "is not known: it has failed: tool execution failed"
    assert [each[1:3] for each in others] == [
        ("error", f"whether sessions can be seen {failed}"),
        ("warning", f"whether sessions can be cancelled {failed}"),
    ]
    assert {each.hint for each in others} == {
        "look again once it has started; the gateway's own log tells more"
    }


@pytest.mark.parametrize("status", [500, 502])
def test_a_failure_that_no_gateway_tells_takes_no_token(status: int) -> None:
    with double() as far:
        far.switch_on(answer("*", status, "<html>oops</html>", times=None))
        (found,) = found_at(far)
    assert (found.level, found.message) == ("error", f"what answers has failed: HTTP status {status}")
    assert "`gateway.url`" in str(found.hint)


@pytest.mark.parametrize(
    ("tool", "level", "message"),
    [
        ("sessions_list", "error", "no session can be seen: missing scope"),
        ("sessions_spawn", "error", "no session can be begun: missing scope"),
        ("subagents", "warning", "no session can be cancelled: missing scope"),
    ],
)
def test_a_tool_that_is_forbidden_is_told(tool: str, level: str, message: str) -> None:
    body = '{"ok":false,"error":{"type":"forbidden","message":"missing scope"}}'
    with double() as far:
        far.switch_on(answer(tool, 403, body, times=None))
        _, found = found_at(far)
    assert (found.level, found.message) == (level, message)
    assert found.hint == "the gateway's own log tells more"


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        (hang("sessions_list"), "the gateway's own log tells more, or raise `gateway.timeout`"),
        (half("sessions_list"), "let `gateway.url` name the place where the gateway answers"),
    ],
)
def test_a_look_without_an_answer_says_which_and_what_to_do(fault: Fault, hint: str) -> None:
    with double() as far:
        far.switch_on(fault)
        _, found = found_at(far, timeout=2)  # the first call is answered within it
    assert found.level == "error"
    assert found.message.startswith("whether sessions can be seen is not known: the gateway has ")
    assert found.hint == hint


def test_a_session_on_trial_that_has_ended_without_a_word_of_it_says_so() -> None:
    with double() as far:
        far.switch_on(answer("history", 500, times=None))
        found = found_at(far, trial=2)[-1]
    assert found.level == "error"
    assert (
        "nothing has come of a session on trial within 2 s; it has ended; how is not known" in found.message
    )


def test_the_setting_is_named_that_lets_sessions_be_begun() -> None:
    with double(Settings(allow=())) as far:
        _, found = found_at(far)
    assert found.level == "error"
    assert "`gateway.tools.allow` have sessions_spawn" in str(found.hint)


@pytest.mark.parametrize(
    ("version", "lacks"),
    [
        (NEWEST, []),
        (WITHOUT_TIMEOUT, ["it takes no runTimeoutSeconds", "it has no way to cancel a session"]),
        (OLDEST, ["it does not show what each call of a model has used"]),
    ],
)
def test_what_a_version_cannot_do_is_a_warning(version: str, lacks: list[str]) -> None:
    with double(Settings(version=version)) as far:
        first, *others = found_at(far)
        assert first.level == "ok"
        assert far.model_calls() == []
    assert ("its version is not known" if version == OLDEST else version) in first.message
    assert [each.level for each in others] == ["warning"] * len(lacks)
    assert all(each.message.startswith(lack) for each, lack in zip(others, lacks, strict=True))
    assert {each.hint for each in others} <= {"use 2026.9 or newer"}


def test_a_session_on_trial_is_begun_and_told_of() -> None:
    with double() as far:
        found = found_at(far, trial=60)[-1]
        assert found.level == "ok"
        assert "a session on trial has answered" in found.message
        assert "1,234 tokens" in found.message
        assert len(far.model_calls()) == 1


def test_what_a_session_on_trial_says_is_told_without_the_token() -> None:
    with double(Settings(token="FAKE-REPLY")) as far:
        found = found_at(far, token="FAKE-REPLY", trial=60)[-1]
    assert found.level == "ok"
    assert "has answered *** 1" in found.message


def test_a_session_on_trial_that_is_refused_tells_why() -> None:
    with double(Settings(allow=())) as far:
        found = found_at(far, trial=60)[-1]
    assert found.level == "error"
    assert "Tool not available: sessions_spawn" in found.message


def test_the_examination_ends_where_the_gateway_never_does() -> None:
    """Each call has its time; the server that looks goes on meanwhile."""

    async def look(far: Double) -> list[Diagnosis]:
        gateway = Gateway(far.url, lambda: far.token, timeout=0.2)
        try:
            return [each async for each in examine(gateway)]
        finally:
            await gateway.close()

    with double() as far:
        far.switch_on(hang("session_status"))
        work: Coroutine[Any, Any, list[Diagnosis]] = look(far)
        (found,) = play(lambda: work)
        far.switch_off()
    assert found.level == "error"
    assert "has not answered within 0.2 s" in found.message
