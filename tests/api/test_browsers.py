"""Browsers are let in with a token, known by a cookie, and let out again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from support.api import Answer, Api, with_api
from support.ledger import Ledger

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens

ME: Final = Actor("cli", "me")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("greet", schedule=())
    yield made
    made.conn.close()


def token(ledger: Ledger, role: TokenRole, name: str = "ci") -> str:
    with ledger.tx() as tx:
        return tokens.create(tx, name, role, until=None, by=ME)


def test_a_browser_is_let_in_with_a_token_until_it_is_let_out(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(api: Api) -> list[Any]:
        before = await api.post("/reconcile")
        let_in = await api.post("/login", {"token": made})
        cookie = let_in.headers["Set-Cookie"]
        shown = {"Cookie": cookie.partition(";")[0]}
        inside = await api.post("/reconcile", **shown)
        foreign = await api.post("/reconcile", Origin="http://evil.example", **shown)
        let_out = await api.post("/logout", **shown)
        after = await api.post("/reconcile", **shown)
        statuses = [each.status for each in (before, let_in, inside, foreign, let_out, after)]
        return [statuses, let_in.body["name"], cookie, api.port]

    statuses, name, cookie, port = with_api(ledger, scenario)
    assert statuses == [401, 200, 202, 403, 204, 401]
    assert name == "ci"
    assert cookie.startswith(f"jr-{port}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_a_revoked_token_lets_out_the_browsers_that_it_let_in(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.OPERATE)
    token(ledger, TokenRole.OPERATE, "other")

    async def scenario(api: Api) -> list[int]:
        let_in = await api.post("/login", {"token": made})
        shown = {"Cookie": let_in.headers["Set-Cookie"].partition(";")[0]}
        first = await api.post("/reconcile", **shown)
        with ledger.tx() as tx:
            tokens.revoke(tx, "ci", by=ME)
        return [first.status, (await api.post("/reconcile", **shown)).status]

    assert with_api(ledger, scenario) == [202, 401]
    assert ledger.count("sessions") == 0


@pytest.mark.parametrize("body", [{}, {"token": None}, {"token": 7}, {"token": "jr_wrong"}, {"token": ""}])
def test_nothing_else_lets_a_browser_in(ledger: Ledger, body: dict[str, object]) -> None:
    token(ledger, TokenRole.OPERATE)

    async def scenario(api: Api) -> Answer:
        return await api.post("/login", body)

    answer = with_api(ledger, scenario)
    assert answer.status in (400, 401)
    assert "Set-Cookie" not in answer.headers
