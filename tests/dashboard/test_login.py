"""Logging in and out by forms, as browsers without scripts do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import BROWSER, cookie, page, send

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.dashboard.places import own_place
from jeeves_runner.db import tokens

ME: Final = Actor("cli", "me")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("greet", schedule=())
    yield made
    made.conn.close()


def token(ledger: Ledger, role: TokenRole = TokenRole.OPERATE, name: str = "ann") -> str:
    with ledger.tx() as tx:
        return tokens.create(tx, name, role, until=None, by=ME)


def test_a_form_lets_in_and_leads_back(ledger: Ledger) -> None:
    made = token(ledger)

    async def scenario(api: Api) -> None:
        asked = await page(api, "/login?next=/jobs?text=x")
        assert 'name="next" value="/jobs?text=x"' in asked.html
        let_in = await send(api, "/login", {"token": f" {made} ", "next": "/runs?job=greet"})
        assert (let_in.status, let_in.headers["Location"]) == (303, "/runs?job=greet")
        shown = await page(api, "/runs", **cookie(let_in))
        assert "ann" in shown.text
        assert "Log out" in shown.text
        assert "act.css" in shown.html
        let_out = await send(api, "/logout", {}, **cookie(let_in))
        assert (let_out.status, let_out.headers["Location"]) == (303, "/login")
        assert let_out.headers["Clear-Site-Data"] == '"cache"'
        assert "jr-" in let_out.headers["Set-Cookie"]
        again = await page(api, "/runs", **cookie(let_in))
        assert "Log in to act" in again.text

    with_api(ledger, scenario)
    acts = ledger.conn.execute("SELECT actor, action, answer FROM audit WHERE id > 1 ORDER BY id").fetchall()
    assert acts == [("token ann", "login", 303), ("token ann", "logout", 303)]


@pytest.mark.parametrize("given", ["", " ", "jr_wrong", "<script>alert(1)</script>"])
def test_what_is_no_token_gets_the_form_again(ledger: Ledger, given: str) -> None:
    token(ledger)

    async def scenario(api: Api) -> None:
        answer = await send(api, "/login", {"token": given, "next": "/jobs"})
        assert answer.status in (400, 401)
        assert "Set-Cookie" not in answer.headers
        assert 'role="alert"' in answer.html
        assert 'name="next" value="/jobs"' in answer.html
        assert "<script>alert" not in answer.html

    with_api(ledger, scenario)


def test_a_reader_is_told_so_and_sees_nothing_to_act_with(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.READ, "eve")

    async def scenario(api: Api) -> None:
        let_in = await send(api, "/login", {"token": made})
        assert let_in.headers["Location"] == "/"
        shown = await page(api, "/", **cookie(let_in))
        assert "eve, may read" in shown.text
        assert "act.css" not in shown.html

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_pages_of_other_sites_let_no_browser_in_or_out(ledger: Ledger, headers: dict[str, str]) -> None:
    made = token(ledger)

    async def scenario(api: Api) -> None:
        refused = await send(api, "/login", {"token": made}, **headers)
        assert (refused.status, "Set-Cookie" in refused.headers) == (403, False)
        let_in = await send(api, "/login", {"token": made})
        assert (await send(api, "/logout", {}, **headers, **cookie(let_in))).status == 403
        assert "Log out" in (await page(api, "/", **cookie(let_in))).text

    with_api(ledger, scenario)


def test_only_a_form_is_taken_for_one(ledger: Ledger) -> None:
    made = token(ledger)

    async def scenario(api: Api) -> None:
        at = f"http://127.0.0.1:{api.port}/login"
        for body, kind, status in (
            (f'{{"token": "{made}"}}', "application/json", 415),
            (f'{{"token": "{made}"}}', "text/plain", 415),
            ("token=%FF", "application/x-www-form-urlencoded", 400),
            ("token=a&token=b", "application/x-www-form-urlencoded", 400),
            ("token=a&other=b", "application/x-www-form-urlencoded", 400),
            ("&".join(f"a{n}=1" for n in range(200)), "application/x-www-form-urlencoded", 400),
        ):
            headers = {"Accept": BROWSER, "Content-Type": kind}
            async with api.session.post(at, data=body, headers=headers) as answer:
                assert answer.status == status, body
        form = aiohttp.FormData({"token": made})
        async with api.session.post(at, data=form) as answer:  # by a program, which gets documents
            assert (answer.status, answer.content_type) == (415, "application/problem+json")

    with_api(ledger, scenario)


def test_one_who_is_not_let_in_is_led_to_what_was_asked_for(ledger: Ledger) -> None:
    made = token(ledger)

    async def scenario(api: Api) -> None:
        through_proxy = {"X_Forwarded_For": "192.0.2.7"}
        refused = await page(api, "/runs?job=greet", **through_proxy)
        assert refused.status == 401
        assert 'name="next" value="/runs?job=greet"' in refused.html
        assert 'name="token"' in refused.html
        assert "in sync" not in refused.text
        let_in = await send(api, "/login", {"token": made, "next": "/runs?job=greet"}, **through_proxy)
        shown = await page(api, let_in.headers["Location"], **through_proxy, **cookie(let_in))
        assert shown.status == 200

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/jobs", "/jobs"),
        ("/runs?job=a%2Fb&status=error", "/runs?job=a%2Fb&status=error"),
        ("/a//b", "/a//b"),
        ("", "/"),
        (None, "/"),
        ("jobs", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("\t//evil.example", "/"),
        (" //evil.example", "/"),
        ("/jobs\r\nSet-Cookie: a=b", "/"),
        ("http://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/login?next=/login", "/"),
        ("/logout", "/"),
        ("/\u2028/evil", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_a_browser_is_led_nowhere_else(text: str | None, place: str) -> None:
    assert own_place(text) == place


@pytest.mark.parametrize(
    ("config", "proxied", "is_secure"),
    [
        ("api: {public_url: 'https://jobs.example.org'}", {}, True),
        ("api: {trusted_proxies: [127.0.0.1]}", {"X_Forwarded_Proto": "https"}, True),
        ("api: {trusted_proxies: [127.0.0.1]}", {"X_Forwarded_Proto": "http"}, False),
        ("", {"X_Forwarded_Proto": "https"}, False),
        ("", {}, False),
    ],
)
def test_behind_https_the_cookie_goes_no_other_way(
    ledger: Ledger, config: str, proxied: dict[str, str], is_secure: bool
) -> None:
    made = token(ledger)

    async def scenario(api: Api) -> str:
        is_believed = "trusted" in config and proxied.get("X_Forwarded_Proto") == "https"
        origin = f"{'https' if is_believed else 'http'}://127.0.0.1:{api.port}"
        let_in = await send(api, "/login", {"token": made}, Origin=origin, **proxied)
        assert let_in.status == 303
        return let_in.headers["Set-Cookie"]

    given = with_api(ledger, scenario, config=config + "\n")
    assert ("; Secure" in given) is is_secure
    assert "; HttpOnly" in given
    assert "; SameSite=Lax" in given
    assert "Domain" not in given


@pytest.mark.parametrize(
    ("trusted", "said"),
    [
        ("127.0.0.1", "requests from 203.0.113.9 through a proxy take a token"),
        ("10.0.0.1", "the header X-Forwarded-For says that the request comes through a proxy"),
    ],
)
def test_who_comes_through_a_proxy_reads_of_its_headers_only_where_it_is_not_believed(
    ledger: Ledger, trusted: str, said: str
) -> None:
    """The first page of all who come by a proxy is this one."""
    token(ledger)

    async def scenario(api: Api) -> str:
        answer = await page(api, "/", X_Forwarded_For="203.0.113.9")
        assert answer.status == 401
        return answer.text

    assert said in with_api(ledger, scenario, config=f"api: {{trusted_proxies: [{trusted}]}}\n")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://jobs.example.org", 400),
        ("https://jobs.example.org", 303),
        ("http://127.0.0.1:{port}", 303),  # browsers keep it on their own machine, as through `ssh -L`
        ("http://localhost:{port}", 303),
        ("http://[::1]:{port}", 303),
    ],
)
def test_who_logs_in_by_http_where_the_cookie_goes_by_https_is_told_so(
    ledger: Ledger, origin: str, status: int
) -> None:
    """A browser throws such a cookie away without a word, and would be shown the form for ever."""
    made = token(ledger)

    async def scenario(api: Api) -> None:
        at = origin.format(port=api.port)
        came = {"Host": at.partition("://")[2], "Origin": at}
        answer = await send(api, "/login", {"token": made, "next": "/jobs"}, **came)
        assert answer.status == status
        assert ("Set-Cookie" in answer.headers) is (status == 303)
        if status != 303:
            assert "people come to this server by https" in answer.text
            assert "log in at https://jobs.example.org/login" in answer.text
            assert 'name="next" value="/jobs"' in answer.html
        assert (await api.post("/login", {"token": made}, **came)).status == (400 if status == 400 else 200)

    with_api(ledger, scenario, config="api: {public_url: 'https://jobs.example.org'}\n")


def test_a_session_that_was_chosen_by_another_is_not_taken_over(ledger: Ledger) -> None:
    mine, theirs = token(ledger), token(ledger, TokenRole.READ, "mallory")

    async def scenario(api: Api) -> None:
        planted = cookie(await send(api, "/login", {"token": theirs}))
        let_in = await send(api, "/login", {"token": mine}, **planted)
        assert cookie(let_in) != planted
        assert "Log out" not in (await page(api, "/", **planted)).text
        made_up = {"Cookie": f"jr-{api.port}=chosen"}
        let_in = await send(api, "/login", {"token": mine}, **made_up)
        assert "chosen" not in let_in.headers["Set-Cookie"]
        assert "Log out" not in (await page(api, "/", **made_up)).text

    with_api(ledger, scenario)


@pytest.mark.parametrize("path", ["/", "/login", "/jobs", "/jobs/greet/act", "/nowhere"])
def test_no_page_is_framed_or_named_to_others(ledger: Ledger, path: str) -> None:
    async def scenario(api: Api) -> None:
        headers = (await page(api, path)).headers
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "same-origin"

    with_api(ledger, scenario)


def test_what_a_page_is_kept_for_does_not_depend_on_who_asked_first(ledger: Ledger) -> None:
    """Pages are made once for all who may see the same."""
    operates, reads = token(ledger), token(ledger, TokenRole.READ, "eve")

    async def scenario(api: Api) -> None:
        ann = cookie(await send(api, "/login", {"token": operates}))
        eve = cookie(await send(api, "/login", {"token": reads}))
        for _ in range(2):
            shown = [(await page(api, "/jobs", **who)) for who in (ann, eve, {})]
            assert ["data-act" in each.html for each in shown] == [True, False, False]
            assert ["Log out" in each.text for each in shown] == [True, True, False]
            assert "ann" not in shown[1].text
            assert len({each.headers["ETag"] for each in shown}) == 3
            again = await page(api, "/jobs", If_None_Match=shown[0].headers["ETag"], **eve)
            assert again.status == 200

    with_api(ledger, scenario)
