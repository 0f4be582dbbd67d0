"""The server behind real proxies that speak TLS, with the guide's configs: who may ask, and streams."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from support.api import Api, shell_job, with_api
from support.events import listening
from support.ledger import Ledger
from support.proxies import KINDS, Front, free_port, path_of, proxy

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens
from jeeves_runner.runner.claim_waits import ClaimWaits

pytestmark = pytest.mark.service

CLIENT: Final = "127.0.0.2"
"""Where the clients of these tests are. The proxies ask from 127.0.0.1."""

Scenario = Callable[[Api, Front, aiohttp.ClientSession], Awaitable[Any]]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("greet", schedule=())
    yield made
    made.conn.close()


def through(ledger: Ledger, name: str, scenario: Scenario, *, trusted: str = "[127.0.0.1]") -> Any:
    """What the scenario returns, of a client that asks through this proxy."""
    path_of(name)
    port = free_port()
    config = f"api:\n  public_url: https://localhost:{port}\n  trusted_proxies: {trusted}\n"

    async def behind(api: Api) -> Any:
        folder = ledger.path.parent / "front"
        async with proxy(name, folder, port, api.port) as front:
            connector = aiohttp.TCPConnector(ssl=front.trust, local_addr=(CLIENT, 0))
            async with aiohttp.ClientSession(front.url, connector=connector) as session:
                return await scenario(api, front, session)

    return with_api(ledger, behind, config=config)


def token(ledger: Ledger, role: TokenRole) -> str:
    with ledger.tx() as tx:
        return tokens.create(tx, "ci", role, until=None, by=Actor("cli"))


def bearing(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def origins(ledger: Ledger, action: str) -> list[Any]:
    return ledger.conn.execute("SELECT actor, origin FROM audit WHERE action = ?", (action,)).fetchall()


each_proxy = pytest.mark.parametrize("name", KINDS)


@each_proxy
def test_a_token_lets_in_through_it_and_nothing_else_does(ledger: Ledger, name: str) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(_api: Api, _front: Front, session: aiohttp.ClientSession) -> list[int]:
        found = []
        for headers in ({}, bearing("jr_wrong"), bearing(made)):
            async with session.get("/status", headers=headers) as answer:
                found.append(answer.status)
        async with session.get("/healthz") as answer:
            found.append(answer.status)
        async with session.post("/reconcile", headers=bearing(made)) as answer:
            found.append(answer.status)
        return found

    assert through(ledger, name, scenario) == [401, 401, 200, 200, 202]
    assert origins(ledger, "reconcile") == [("token ci", CLIENT)]


@each_proxy
def test_a_browser_logs_in_acts_and_is_kept_from_other_sites(ledger: Ledger, name: str) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(_api: Api, front: Front, session: aiohttp.ClientSession) -> list[Any]:
        async with session.post("/login", json={"token": made}, headers={"Origin": front.url}) as answer:
            found: list[Any] = [answer.status, "; Secure" in answer.headers["Set-Cookie"]]
            shown = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        for origin in (front.url, "https://evil.example", "null"):
            async with session.post("/reconcile", headers={**shown, "Origin": origin}) as answer:
                found.append(answer.status)
        async with session.post("/logout", headers={**shown, "Origin": front.url}) as answer:
            found.append(answer.status)
        async with session.get("/status", headers=shown) as answer:
            found.append(answer.status)
        return found

    assert through(ledger, name, scenario) == [200, True, 202, 403, 403, 204, 401]


@each_proxy
@pytest.mark.parametrize(("trusted", "origin"), [("[127.0.0.1]", CLIENT), ("[10.0.0.0/8]", "127.0.0.1")])
def test_only_a_known_proxy_says_who_asks_and_no_client_does(
    ledger: Ledger, name: str, trusted: str, origin: str
) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(_api: Api, _front: Front, session: aiohttp.ClientSession) -> int:
        forged = {"X-Forwarded-For": "127.0.0.1, 203.0.113.7", "Forwarded": "for=203.0.113.7"}
        async with session.post("/reconcile", headers={**bearing(made), **forged}) as answer:
            return answer.status

    assert through(ledger, name, scenario, trusted=trusted) == 202
    assert origins(ledger, "reconcile") == [("token ci", origin)]


@each_proxy
def test_many_requests_and_large_answers_pass(ledger: Ledger, name: str) -> None:
    made = token(ledger, TokenRole.READ)
    run = ledger.add_run("greet", stdout="x" * 60_000)

    async def scenario(_api: Api, _front: Front, session: aiohttp.ClientSession) -> set[tuple[int, int]]:
        found = set()
        for _ in range(20):
            async with session.get(f"/runs/{run}/logs", headers=bearing(made)) as answer:
                found.add((answer.status, len(await answer.read())))
        return found

    assert through(ledger, name, scenario) == {(200, 60_001)}


@each_proxy
def test_events_come_as_they_happen_and_go_on_where_a_client_was(ledger: Ledger, name: str) -> None:
    shell_job(ledger, "hello", "echo hello")
    made = bearing(token(ledger, TokenRole.OPERATE))

    async def scenario(api: Api, _front: Front, session: aiohttp.ClientSession) -> list[int]:
        runs = []

        async def ended() -> int:
            return int((await api.post("/jobs/hello/run", **made)).body["result"]["id"])

        async with listening(session, "/events", **made) as events:
            assert (await events.next()).kind == "ready"
            for _ in range(2):
                run = await ended()
                runs += [
                    (await events.until(lambda it: it.kind == "run" and it.run[1] == "ended")).run[0] - run
                ]
            last_id = events.last_id
        run = await ended()
        async with listening(session, "/events?kind=run", last_id, **made) as events:
            runs += [(await events.until(lambda it: it.kind == "run" and it.run[1] == "ended")).run[0] - run]
            assert {event.kind for event in events.seen} == {"run"}
        return runs

    assert through(ledger, name, scenario) == [0, 0, 0]


@each_proxy
def test_a_log_comes_while_its_run_goes_on(ledger: Ledger, tmp_path: Path, name: str) -> None:
    go = tmp_path / "go"
    shell_job(ledger, "talk", f"echo one; until test -e {go}; do sleep 0.02; done; echo two")
    made = bearing(token(ledger, TokenRole.OPERATE))

    async def scenario(_api: Api, _front: Front, session: aiohttp.ClientSession) -> str:
        async with session.post("/jobs/talk/run?wait=0s", headers=made) as answer:
            run = (await answer.json())["run"]["id"]
        async with listening(session, f"/runs/{run}/logs?follow=1", **made) as log:
            assert (await log.next()).data == {"text": "one\n"}
            go.touch()
            *texts, end = await log.rest()
            assert (end.kind, end.data["run"]["status"]) == ("end", "ok")
            return "".join(event.data["text"] for event in texts)

    assert through(ledger, name, scenario) == "two\n"


@each_proxy
def test_the_end_of_a_client_that_waits_for_an_item_is_heard_of(
    ledger: Ledger, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bearing(token(ledger, TokenRole.OPERATE))
    begun, over = asyncio.Event(), asyncio.Event()
    ready = ClaimWaits.ready

    async def seen(waits: ClaimWaits, queue_id: str) -> None:
        begun.set()
        try:
            await ready(waits, queue_id)
        finally:
            over.set()

    monkeypatch.setattr(ClaimWaits, "ready", seen)

    async def scenario(_api: Api, front: Front, _session: aiohttp.ClientSession) -> None:
        port = int(front.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("localhost", port, ssl=front.trust)
        head = f"POST /queues/mail/claim?wait=1m HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0"
        writer.write(f"{head}\r\nAuthorization: {made['Authorization']}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            await begun.wait()
            writer.transport.abort()
            await over.wait()

    through(ledger, name, scenario)
