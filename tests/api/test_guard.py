"""Who may talk to the server: programs of this machine, and no pages but its own."""

from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from support.api import Answer, Api, problem, with_api
from support.ledger import Ledger

from jeeves_runner.api.peers import peer_of
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens


class Wire:
    """A connection from ``peer`` to the server's port 1937."""

    def __init__(self, peer: object) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": self._peer, "sockname": ("127.0.0.1", 1937)}.get(name, default)

    def is_closing(self) -> bool:
        return False


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_this_machine_is_let_in_under_its_names(ledger: Ledger, host: str) -> None:
    async def scenario(api: Api) -> int:
        return (await api.get("/status", Host=host.format(port=api.port))).status

    assert with_api(ledger, scenario) == 200


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"Host": "evil.example"}, "the Host header must be "),
        ({"Host": "evil.example:{port}"}, "the Host header must be "),
        ({"Host": "localhost"}, "the Host header must be "),
        ({"Host": "localhost:1"}, "the Host header must be "),
        ({"Host": "localhost.evil.example:{port}"}, "the Host header must be "),
    ],
)
def test_others_are_turned_away(ledger: Ledger, headers: dict[str, str], detail: str) -> None:
    async def scenario(api: Api) -> Answer:
        return await api.get(
            "/status", **{name: text.format(port=api.port) for name, text in headers.items()}
        )

    status, told = problem(with_api(ledger, scenario))
    assert status == 403
    assert told.startswith(detail)


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"Forwarded": "for=10.0.0.1"}, "the header Forwarded says"),
        ({"X_Forwarded_For": "10.0.0.1"}, "the header X-Forwarded-For says"),
        ({"x_forwarded_proto": "https"}, "the header X-Forwarded-Proto says"),
        ({"Via": "1.1 proxy"}, "the header Via says"),
        ({"X_Real_IP": "10.0.0.1"}, "the header X-Real-IP says"),
    ],
)
def test_what_a_proxy_brings_takes_a_token(ledger: Ledger, headers: dict[str, str], detail: str) -> None:
    async def scenario(api: Api) -> Answer:
        return await api.get("/status", **headers)

    answer = with_api(ledger, scenario)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="jeeves-runner"'
    status, told = problem(answer)
    assert status == 401
    assert told.startswith(detail)


@pytest.mark.parametrize(
    "name",
    """
    Forwarded Via X-Forwarded X-Forwarded-For X-Forwarded-Host X-Original-Forwarded-For X-Real-IP X-Client-IP
    Client-IP True-Client-IP CF-Connecting-IP CF-Connecting-IPv6 CF-Ray CDN-Loop Fly-Client-IP
    Fastly-Client-IP X-Cluster-Client-IP X-Remote-IP X-Remote-Addr X-Originating-IP X-ProxyUser-Ip
    Proxy-Connection WL-Proxy-Client-IP X-Original-Host X-Original-URL X-Rewrite-URL
    X-Envoy-External-Address X-Azure-ClientIP
    X-Appengine-User-IP X-Amzn-Trace-Id X-Vercel-Forwarded-For Tailscale-User-Login X-Real-Port
    X_Forwarded_For
    """.split(),  # noqa: SIM905
)
def test_every_mark_of_a_proxy_is_known(name: str) -> None:
    assert _refused({name: "x"}) == name


@pytest.mark.parametrize(
    "name",
    """
    Accept Accept-Encoding Accept-Language Authorization Cache-Control Connection Content-Length Content-Type
    Cookie DNT Expect If-Modified-Since If-None-Match Keep-Alive Pragma Prefer Range Referer TE Traceparent
    Tracestate Upgrade-Insecure-Requests User-Agent X-Requested-With X-Request-ID X-Correlation-ID
    Idempotency-Key X-Hub-Signature-256 X-GitHub-Event X-GitHub-Delivery X-Gitlab-Event Sec-Fetch-Mode
    Sec-CH-UA Priority
    """.split(),  # noqa: SIM905
)
def test_what_clients_of_this_machine_send_is_no_such_mark(name: str) -> None:
    assert _refused({name: "x"}) is None


def _refused(headers: dict[str, str]) -> str | None:
    """What is said of a proxy in a look with these headers."""
    sent = {"Host": "localhost:1937", **headers}
    peer = peer_of(make_mocked_request("GET", "/", headers=sent, transport=Wire(("127.0.0.1", 5))), ())
    return None if peer is None else peer.proxy_header


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Sec-Fetch-Site", "same-origin")], 202),
        ([("Sec-Fetch-Site", "none")], 202),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "same-site")], 403),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")], 403),
        ([("Origin", "")], 403),
        ([("Sec-Fetch-Site", "")], 403),
        ([("Origin", "http://127.0.0.1:{port}"), ("Origin", "http://evil.example")], 403),
        ([("Origin", "http://evil.example"), ("Origin", "http://127.0.0.1:{port}")], 403),
    ],
)
def test_each_header_that_names_a_page_counts(
    ledger: Ledger, headers: list[tuple[str, str]], status: int
) -> None:
    async def scenario(api: Api) -> tuple[int, int]:
        sent = [(name, text.format(port=api.port)) for name, text in headers]
        async with api.session.post(f"http://127.0.0.1:{api.port}/reconcile", headers=sent) as answer:
            return answer.status, api.sync.nudges

    assert with_api(ledger, scenario) == (status, 1 if status == 202 else 0)


def test_a_page_of_another_site_may_still_link_here(ledger: Ledger) -> None:
    async def scenario(api: Api) -> int:
        return (await api.get("/status", Sec_Fetch_Site="cross-site")).status

    assert with_api(ledger, scenario) == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 202),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:1", 403),
        ("https://127.0.0.1:{port}", 403),
        ("http://localhost:{port}", 403),
    ],
)
def test_a_page_may_act_only_on_the_server_it_came_from(ledger: Ledger, origin: str, status: int) -> None:
    async def scenario(api: Api) -> tuple[int, int]:
        answer = await api.post("/reconcile", Origin=origin.format(port=api.port))
        return answer.status, api.sync.nudges

    assert with_api(ledger, scenario) == (status, 1 if status == 202 else 0)


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        (("127.0.0.1", 5), True),
        (("127.8.9.1", 5), True),
        (("::1", 5, 0, 0), True),
        (("::ffff:127.0.0.1", 5, 0, 0), True),
        (("10.0.0.7", 5), False),
        (("::ffff:10.0.0.7", 5, 0, 0), False),
        (("fe80::1%eth0", 5, 0, 2), False),
        ("", False),
        (None, False),
    ],
)
def test_only_loopback_peers_are_of_this_machine(peer: object, let_in: bool) -> None:
    request = make_mocked_request("GET", "/", headers={"Host": "localhost:1937"}, transport=Wire(peer))
    found = peer_of(request, ())
    assert found is not None
    assert found.is_loopback is let_in


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [("GET", "/status", None), ("POST", "/reconcile", "operate"), ("POST", "/v0/jobs/a/run", "operate")],
)
def test_who_has_no_token_is_told_how_to_make_one_that_helps(
    ledger: Ledger, method: str, path: str, role: str | None
) -> None:
    with ledger.tx() as tx:
        tokens.create(tx, "ci", TokenRole.OPERATE, until=None, by=Actor("test"))

    async def scenario(api: Api) -> list[Answer]:
        here = [] if role is None else [await api.ask(method, path)]
        return [*here, await api.ask(method, path, Via="1.1 proxy")]

    made = "`jeeves-runner token create NAME" + (f" --role {role}`" if role else "`")
    for answer in with_api(ledger, scenario):
        assert answer.status == 401
        assert made in answer.body.get("hint", "") + answer.body.get("message", "")
