"""The client of the gateway: what a call answers, and what became of one that failed."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from ssl import CertificateError
from typing import Any, NoReturn

import pytest
from aiohttp import ClientConnectorCertificateError
from aiohttp.client_reqrep import ConnectionKey
from support.gateway import Double, Settings, answer, big, crash, double, drop, half, hang, torn

from jeeves_runner.core.wording import one_line
from jeeves_runner.execute.faults import Fault
from jeeves_runner.execute.session.gateway import (
    Ambiguous,
    Gateway,
    GatewayFault,
    Refused,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from jeeves_runner.execute.session.whole_text import whole_answer

PARENT = "agent:main:runner-job"


@pytest.fixture(scope="module")
def shared() -> Iterator[Double]:
    with double() as gateway:
        yield gateway


def using(
    url: str,
    scenario: Callable[[Gateway], Coroutine[Any, Any, Any]],
    token: Callable[[], str | Fault] = lambda: "t0ken",
    timeout: float = 20.0,
) -> Any:
    async def limited() -> Any:
        gateway = Gateway(url, token, timeout=timeout)
        try:
            async with asyncio.timeout(60):
                return await scenario(gateway)
        finally:
            await gateway.close()

    return asyncio.run(limited())


def failure(far: Double, timeout: float = 20.0) -> GatewayFault:
    """What a list of sessions raises."""

    async def scenario(gateway: Gateway) -> None:
        await gateway.invoke("sessions_list", {"limit": 1})

    with pytest.raises(GatewayFault) as caught:
        using(far.url, scenario, timeout=timeout)
    return caught.value


def test_a_tool_answers_its_details(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        begun = await gateway.invoke("sessions_spawn", {"task": "hi", "label": "one"}, parent=PARENT)
        assert begun["status"] == "accepted"
        listed = await gateway.invoke("sessions_list", {"label": "one"})
        assert listed["sessions"][0]["parentSessionKey"] == PARENT

    using(far.url, scenario)


def test_a_refusal_has_the_gateway_s_words(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        with pytest.raises(Refused, match="task required") as bad:
            await gateway.invoke("sessions_spawn", {"task": ""})
        assert (bad.value.status, bad.value.kind) == (400, "tool_error")
        with pytest.raises(Refused, match="Tool not available: nothing") as unknown:
            await gateway.invoke("nothing", {})
        assert (unknown.value.status, unknown.value.kind) == (404, "not_found")
        with pytest.raises(Refused):
            await gateway.history("agent:main:subagent:unknown", 5)

    using(far.url, scenario)


def test_a_page_that_is_no_gateway_s_is_refused(far: Double) -> None:
    far.switch_on(answer("sessions_list", 404, "<html>not here</html>"))
    assert str(failure(far)) == "HTTP status 404"
    far.switch_on(answer("sessions_list", 302, "", headers={"Location": "http://127.0.0.1:1/"}))
    assert str(failure(far)) == "HTTP status 302"


@pytest.mark.parametrize("acted", [True, False])
def test_a_call_without_an_answer_may_have_been_carried_out(far: Double, acted: bool) -> None:
    far.switch_on(drop("sessions_list", acted=acted))
    assert isinstance(failure(far), Ambiguous)
    far.switch_on(hang("sessions_list", acted=acted))
    assert isinstance(failure(far, timeout=0.3), Ambiguous)
    far.switch_on(crash("sessions_list", acted=acted))
    crashed = failure(far)
    assert isinstance(crashed, Ambiguous)
    assert crashed.has_failed
    assert str(crashed) == "tool execution failed"


def test_half_an_answer_is_none(far: Double) -> None:
    for fault in (
        half("sessions_list"),
        torn("sessions_list"),
        answer("sessions_list", 200, "[]"),
        answer("sessions_list", 200, '{"ok": true, "result": {"details": []}}'),
        answer("sessions_list", 200, "[" * 100_000),
        answer("sessions_list", 200, ""),
    ):
        far.switch_on(fault)
        assert isinstance(failure(far), Ambiguous)


def test_an_answer_without_end_is_not_taken(far: Double) -> None:
    far.switch_on(big("sessions_list", 10_000_000))
    fault = failure(far)
    assert isinstance(fault, Ambiguous)
    assert "more than 8 MiB" in str(fault)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, '{"error": {"message": "BODY"}}') for status in (302, 400, 404, 429, 500, 503)),
        (200, '{"ok": true, "result": {"details": {"status": "error", "error": "BODY"}}}'),
    ],
)
def test_no_words_of_the_gateway_repeat_the_token(status: int, body: str) -> None:
    async def scenario(gateway: Gateway) -> str:
        try:
            return str((await gateway.invoke("sessions_spawn", {"task": "hi"}))["error"])
        except GatewayFault as fault:
            return str(fault)

    with double(Settings(token="l0ng-t0ken")) as far:
        far.switch_on(
            answer("sessions_spawn", status, body.replace("BODY", "x" * 488 + " Bearer l0ng-t0ken"))
        )
        words = using(far.url, scenario, lambda: "l0ng-t0ken")
    assert "Bearer" in words
    assert "l0ng" not in words


def test_words_of_a_failure_are_short_and_on_one_line(far: Double) -> None:
    body = '{"error": {"message": "' + "\\u001b[2J\\n" + "x" * 5000 + '"}}'
    far.switch_on(answer("sessions_list", 400, body))
    words = str(failure(far))
    assert words == one_line(words)
    assert len(words) < 600


def test_a_gateway_that_is_not_there_was_sent_nothing() -> None:
    async def scenario(gateway: Gateway) -> None:
        with pytest.raises(Unreachable, match="the gateway cannot be reached: Connection refused"):
            await gateway.invoke("sessions_list", {})

    using("http://127.0.0.1:1", scenario)


def test_what_keeps_a_connection_from_being_made_is_said_in_words(far: Double) -> None:
    async def scenario(gateway: Gateway) -> str:
        with pytest.raises(Unreachable) as caught:
            await gateway.invoke("sessions_list", {})
        return str(caught.value)

    urls = ("http://nowhere.invalid", "http://256.1.1.1", far.url.replace("http", "https"))
    assert [using(url, scenario) for url in urls] == [
        "the gateway cannot be reached: its host is not known",
        "the gateway cannot be reached: its host is not known",
        "the gateway cannot be reached: no TLS connection can be made",
    ]


def test_a_certificate_that_is_not_trusted_is_named(far: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> NoReturn:
        key = ConnectionKey("host", 443, True, True, None, None, None)
        raise ClientConnectorCertificateError(key, CertificateError("self-signed certificate"))

    monkeypatch.setattr("aiohttp.TCPConnector._create_connection", refuse)
    assert str(failure(far)) == "the gateway cannot be reached: its certificate is not trusted"


def test_a_gateway_that_asks_to_be_left_alone_is(far: Double) -> None:
    far.switch_on(answer("sessions_list", 503, "{}", headers={"Retry-After": "1"}))

    async def scenario(gateway: Gateway) -> None:
        far.forget()
        with pytest.raises(Unavailable) as first:
            await gateway.invoke("sessions_list", {})
        assert first.value.retry_after == 1
        with pytest.raises(Unavailable) as second:
            await gateway.invoke("sessions_list", {})
        assert second.value.retry_after is not None
        assert 0 < second.value.retry_after <= 1
        assert far.counts() == {"sessions_list": 1}
        await asyncio.sleep(second.value.retry_after)
        await gateway.invoke("sessions_list", {})

    using(far.url, scenario)


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "nan", "1e99", ""])
def test_a_wait_that_is_no_number_of_seconds_is_a_short_one(far: Double, header: str) -> None:
    far.switch_on(answer("sessions_list", 429, "{}", headers={"Retry-After": header}))
    fault = failure(far)
    assert isinstance(fault, Unavailable)
    assert fault.retry_after is not None
    assert 0 < fault.retry_after <= 300


def test_a_token_that_is_not_taken_is_shown_once(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        far.forget()
        for _ in range(5):
            with pytest.raises(Unauthorized, match="does not take the token") as caught:
                await gateway.invoke("sessions_list", {})
            assert "wr0ng" not in repr(caught.value)
            assert caught.value.hint is not None
        assert far.counts() == {"sessions_list": 1}

    using(far.url, scenario, token=lambda: "wr0ng")


def test_a_new_token_is_taken_at_once(far: Double) -> None:
    tokens = iter(["old-one", "t0ken"])

    async def scenario(gateway: Gateway) -> None:
        await gateway.invoke("sessions_list", {})

    using(far.url, scenario, token=lambda: next(tokens))
    held = ["old-one"]

    async def later(gateway: Gateway) -> None:
        with pytest.raises(Unauthorized):
            await gateway.invoke("sessions_list", {})
        held[0] = "t0ken"
        await gateway.invoke("sessions_list", {})

    using(far.url, later, token=lambda: held[0])


def test_without_a_token_nothing_is_sent(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        far.forget()
        with pytest.raises(Unauthorized, match="there is none") as caught:
            await gateway.invoke("sessions_list", {})
        assert caught.value.hint == "make one"
        assert far.counts() == {}

    using(far.url, scenario, token=lambda: Fault("there is none", "make one"))


def test_no_failure_holds_the_token(far: Double) -> None:
    """Not in its text, and not in what led to it, which a log would show."""
    faults: list[BaseException] = []
    for fault in (
        drop("*"),
        torn("*"),
        half("*"),
        crash("*"),
        answer("*", 401, "{}"),
        answer("*", 429, "{}"),
    ):
        far.switch_on(fault)
        faults.append(failure(far))
        far.switch_off()
    with pytest.raises(Unreachable) as caught:
        using("http://127.0.0.1:1", lambda gateway: gateway.invoke("sessions_list", {}))
    faults.append(caught.value)
    for each in faults:
        assert each.__cause__ is None
        assert each.__suppress_context__ or each.__context__ is None
        assert "t0ken" not in f"{each!r} {each} {vars(each)}"


def test_a_session_s_messages_say_what_they_used(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        begun = await gateway.invoke("sessions_spawn", {"task": "MODE:steps=3:0"}, parent=PARENT)
        key = begun["childSessionKey"]
        page = await gateway.history(key, 100)
        while not page.messages or page.messages[-1].stop_reason != "stop":
            await asyncio.sleep(0.02)
            page = await gateway.history(key, 100)
        assert sum(message.tokens for message in page.messages) == 4 * 1234
        parts = [await gateway.history(key, 2)]
        while (cursor := parts[-1].cursor) is not None:
            parts.append(await gateway.history(key, 2, cursor))
        assert tuple(m for part in reversed(parts) for m in part.messages) == page.messages

    using(far.url, scenario)


def test_the_whole_text_comes_over_the_socket(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        begun = await gateway.invoke("sessions_spawn", {"task": "MODE:long=100000"}, parent=PARENT)
        key = begun["childSessionKey"]
        page = await gateway.history(key, 5)
        while page.messages[-1].role != "assistant":
            await asyncio.sleep(0.02)
            page = await gateway.history(key, 5)
        assert page.messages[-1].is_cut
        whole = await whole_answer(gateway, key)
        assert whole is not None
        assert not whole.is_cut
        assert len(whole.text) >= 100_000
        far.switch_on(drop("connect"))
        assert await whole_answer(gateway, key) is None
        far.switch_on(drop("sessions.get"))
        assert await whole_answer(gateway, key) is None
        assert await whole_answer(gateway, "agent:main:subagent:unknown") is None

    using(far.url, scenario)


def test_the_token_is_not_taken_to_where_the_socket_is_redirected(far: Double) -> None:
    async def scenario(gateway: Gateway) -> None:
        begun = await gateway.invoke("sessions_spawn", {"task": "MODE:ok"}, parent=PARENT)
        key = begun["childSessionKey"]
        assert await whole_answer(gateway, key) is not None
        far.switch_on(answer("socket", 302, headers={"Location": far.url}, times=1))
        assert await whole_answer(gateway, key) is None

    using(far.url, scenario)


def test_a_gateway_that_is_starting_fails_and_may_be_asked_again() -> None:
    async def scenario(gateway: Gateway) -> None:
        with pytest.raises(Ambiguous) as caught:
            await gateway.invoke("sessions_list", {})
        assert caught.value.has_failed

    with double(Settings(startup=30)) as far:
        using(far.url, scenario)
