"""Browsers are let in with a token, known by a cookie, and let out again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from support.api import Answer, Api, with_api
from support.ledger import Ledger

from jeeves_runner.api import attempts
from jeeves_runner.api.connection import Limits
from jeeves_runner.clock import SystemClock, from_text, to_text
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens
from jeeves_runner.errors import Unauthorized

A_MOMENT: Final = timedelta(seconds=5)
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


@pytest.mark.parametrize("lasts", [None, timedelta(days=90), timedelta(hours=1), timedelta(seconds=30)])
def test_a_session_lasts_12_hours_and_not_beyond_its_token(ledger: Ledger, lasts: timedelta | None) -> None:
    before = SystemClock().now()
    until = None if lasts is None else End(before + lasts, lasts // timedelta(milliseconds=1))
    with ledger.tx() as tx:
        made = tokens.create(tx, "ci", TokenRole.READ, until=until, by=ME)

    async def scenario(api: Api) -> Answer:
        return await api.post("/login", {"token": made})

    answer, after = with_api(ledger, scenario), SystemClock().now()
    expires_at, at_most = from_text(answer.body["expires_at"]), tokens.SESSION
    if lasts is not None and lasts < at_most:
        assert expires_at == from_text(to_text(before + lasts))
    else:
        assert before + at_most - A_MOMENT <= expires_at <= after + at_most
    age = int(answer.headers["Set-Cookie"].partition("Max-Age=")[2].partition(";")[0])
    assert after - A_MOMENT <= expires_at - timedelta(seconds=age) <= after + A_MOMENT


def test_a_login_is_a_use_of_its_token(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.READ)

    async def scenario(api: Api) -> Answer:
        return await api.post("/login", {"token": made})

    assert with_api(ledger, scenario).status == 200
    assert tokens.tokens(ledger.conn, ledger.now)[0].last_used_at is not None


def test_a_token_that_was_just_revoked_begins_no_session(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        made = tokens.create(tx, "ci", TokenRole.READ, until=None, by=ME)
        holder = tokens.holder_of_token(tx.conn, tx.now, made)
        tokens.revoke(tx, "ci", by=ME)
    assert holder is not None
    with ledger.tx() as tx, pytest.raises(Unauthorized, match="just revoked"):
        tokens.begin_session(tx, holder.token_id, by=ME)


def test_another_login_ends_the_session_that_was_shown(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(api: Api) -> list[int]:
        first = {
            "Cookie": (await api.post("/login", {"token": made})).headers["Set-Cookie"].partition(";")[0]
        }
        again = await api.post("/login", {"token": made}, **first)
        second = {"Cookie": again.headers["Set-Cookie"].partition(";")[0]}
        assert first != second
        return [(await api.post("/reconcile", **shown)).status for shown in (first, second)]

    assert with_api(ledger, scenario) == [401, 202]
    assert ledger.count("sessions") == 1


def test_a_session_that_the_server_has_not_given_lets_in_nothing(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(api: Api) -> list[Any]:
        shown = {"Cookie": f"jr-{api.port}=chosen-by-another"}
        before = await api.post("/reconcile", **shown)
        let_in = await api.post("/login", {"token": made}, **shown)
        after = await api.post("/reconcile", **shown)
        return [before.status, after.status, "chosen" in let_in.headers["Set-Cookie"]]

    assert with_api(ledger, scenario) == [401, 401, False]


def test_logins_and_logouts_are_in_the_audit_under_the_name_of_the_token(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.READ)

    async def scenario(api: Api) -> None:
        let_in = await api.post("/login", {"token": made})
        await api.post("/logout", Cookie=let_in.headers["Set-Cookie"].partition(";")[0])
        await api.post("/logout")

    with_api(ledger, scenario)
    rows = ledger.conn.execute("SELECT actor, action, target, answer FROM audit WHERE id > 1 ORDER BY id")
    assert rows.fetchall() == [
        ("token ci", "login", "token ci", 200),
        ("token ci", "logout", "token ci", 204),
    ]


def test_wrong_logins_are_slowed_and_ten_a_minute_are_in_the_audit(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_FIRST", 0.001)
    monkeypatch.setattr(attempts, "_LONGEST", 0.002)

    async def scenario(api: Api) -> list[int]:
        return [(await api.post("/login", {"token": "jr_wrong"})).status for _ in range(15)]

    assert with_api(ledger, scenario) == [401] * 15
    assert ledger.count("audit", "action = 'login' AND answer = 401") == 10


def test_more_wrong_logins_than_can_wait_are_told_when_to_come_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_FREE", 0)

    async def scenario(api: Api) -> tuple[Answer, Answer]:
        wrong = {"Authorization": "Bearer jr_wrong"}
        return await api.post("/login", {"token": "jr_wrong"}), await api.get("/status", **wrong)

    for answer in with_api(ledger, scenario, Limits(connections=3)):
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        assert answer.body["type"] == "urn:jeeves-runner:problem:too_many_attempts"


@pytest.mark.parametrize(
    ("public_url", "host", "origin", "status"),
    [
        ("https://jobs.example.org", "jobs.example.org", "https://jobs.example.org", 202),
        ("https://jobs.example.org:443/", "jobs.example.org", "https://jobs.example.org", 202),
        ("https://jobs.example.org", "jobs.example.org:443", "https://jobs.example.org", 202),
        ("https://Jobs.example.org/runner", "jobs.example.org", "https://jobs.example.org", 202),
        ("https://jobs.example.org:8443", "jobs.example.org:8443", "https://jobs.example.org:8443", 202),
        ("https://jobs.example.org:8443", "jobs.example.org", "https://jobs.example.org:8443", 403),
        ("https://jobs.example.org", "jobs.example.org", "http://evil.example", 403),
        ("https://jobs.example.org", "evil.example", "https://evil.example", 403),
        ("https://jobs.example.org", "127.0.0.1:{port}", "https://jobs.example.org", 202),
    ],
)
def test_pages_under_the_public_url_are_its_own(
    ledger: Ledger, public_url: str, host: str, origin: str, status: int
) -> None:
    made = token(ledger, TokenRole.OPERATE)

    async def scenario(api: Api) -> tuple[int, str]:
        at = f"127.0.0.1:{api.port}"
        let_in = await api.post("/login", {"token": made}, Host=at, Origin=f"http://{at}")
        cookie = let_in.headers["Set-Cookie"]
        sent = {"Cookie": cookie.partition(";")[0], "Host": host.format(port=api.port), "Origin": origin}
        return (await api.post("/reconcile", **sent)).status, cookie

    found, cookie = with_api(ledger, scenario, config=f"api:\n  public_url: {public_url}\n")
    assert found == status
    assert "; Secure" in cookie
