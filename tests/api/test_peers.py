"""Whose a connection is, and what proxies say of it."""

import asyncio
import os
import socket
import sys
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from support.api import Api, with_api
from support.ledger import Ledger

from jeeves_runner.api import peer_owner
from jeeves_runner.api.foreign_pages import ForeignPages
from jeeves_runner.api.peers import Peer, peer_of
from jeeves_runner.api.server import listen, url_of
from jeeves_runner.config_api import Network
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens

ME: Final = Actor("cli", "me")
OTHER: Final = 65534


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


class Wire:
    """A connection from ``peer`` to the server's port 1937; ``wire``: a socket of the Unix kind instead."""

    def __init__(self, peer: str, *, wire: socket.socket | None = None) -> None:
        if wire is None:
            self._known: dict[str, object] = {"peername": (peer, 5), "sockname": ("127.0.0.1", 1937)}
        else:
            self._known = {"socket": wire, "sockname": wire.getsockname()}

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._known.get(name, default)

    def is_closing(self) -> bool:
        return False


def proxied(at: str, said: list[tuple[str, str]], trusted: str = "127.0.0.0/8 10.0.0.0/8") -> Peer:
    """The sender of a request that a proxy at an address has brought, with these headers."""
    networks: tuple[Network, ...] = tuple(ip_network(text) for text in trusted.split())
    request = make_mocked_request("GET", "/", headers=CIMultiDict(said), transport=Wire(at))
    found = peer_of(request, networks)
    assert found is not None
    return found


# What a proxy says


@pytest.mark.parametrize(
    ("at", "told", "origin"),
    [
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1"),
        ("127.0.0.1", ["10.0.0.2, 10.0.0.3"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["unknown"], "unknown"),
        ("127.0.0.1", ["a\x1b[31m, 10.0.0.2"], r"a\x1b[31m"),
        ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
    ],
)
def test_of_what_is_forwarded_the_last_that_is_no_known_proxy_counts(
    at: str, told: list[str], origin: str
) -> None:
    found = proxied(at, [("X-Forwarded-For", each) for each in told])
    assert (found.origin, found.is_loopback) == (origin, False)


@pytest.mark.parametrize(("at", "is_https"), [("127.0.0.1", True), ("203.0.113.9", False)])
def test_only_a_known_proxy_is_believed_to_have_got_it_by_https(at: str, is_https: bool) -> None:
    assert proxied(at, [("X-Forwarded-Proto", "https")]).is_https is is_https


def test_a_proxy_is_no_owner_of_the_unix_socket(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)

    with ours, theirs:
        unix = Wire("", wire=ours)
        marked = make_mocked_request("GET", "/", headers={"X-Real-IP": "10.0.0.9"}, transport=unix)
        plain = make_mocked_request("GET", "/", headers={}, transport=unix)
        found = [peer_of(request, ()) for request in (marked, plain)]
    assert [peer is not None and (peer.is_socket, peer.is_loopback) for peer in found] == [
        (False, False),
        (True, False),
    ]


def test_a_unix_socket_has_no_host_that_a_proxy_could_name() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        unix = Wire("", wire=ours)
        request = make_mocked_request("GET", "/", headers={"Host": "localhost"}, transport=unix)
        fault = ForeignPages(None).fault_of(request, Peer("", proxy_header="Via"))
    assert fault is not None
    assert fault.detail == "through a proxy, the Unix socket takes a token or the Host of `api.public_url`"


def test_a_proxy_speaks_for_the_requests_alone_that_it_marks(ledger: Ledger) -> None:
    """It may send its own by the same connection."""

    async def scenario(api: Api) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        seen = []
        for mark in ("", "X-Forwarded-For: 10.0.0.9\r\n", "", "Via: 1.1 x\r\n"):
            writer.write(f"GET /status HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\n{mark}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.splitlines() if line.startswith(b"Content-Length"))
            await reader.readexactly(int(length.split()[1]))
            seen.append(head.split()[1])
        writer.close()
        return seen

    assert with_api(ledger, scenario) == [b"200", b"401", b"200", b"401"]


def test_a_header_of_any_length_is_looked_at_in_no_time() -> None:
    request = make_mocked_request("GET", "/", headers={"a-" * 4000 + "a": "x"}, transport=Wire("127.0.0.1"))
    began = time.process_time()
    assert peer_of(request, ()) == Peer("127.0.0.1", is_loopback=True)
    assert time.process_time() - began < 0.1


# Whose an end is


@pytest.mark.skipif(not peer_owner.can_be_known(), reason="this system does not tell it")
@pytest.mark.parametrize(
    ("host", "family", "to"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.1"),
        ("127.0.0.1", socket.AF_INET6, "::ffff:127.0.0.1"),
        ("::", socket.AF_INET, "127.0.0.1"),
        ("::", socket.AF_INET6, "::1"),
    ],
)
def test_the_owner_is_known_however_the_address_is_written(host: str, family: int, to: str) -> None:
    with listen(host, 0) as listener, socket.socket(family) as client:
        client.connect((to, listener.getsockname()[1]))
        ours = listener.accept()[0]
        with ours:
            peer, own = ours.getpeername()[:2], ours.getsockname()[:2]
            assert peer_owner.owner(peer, own) == os.getuid()
            assert peer_owner._read(peer_owner._plain(peer), peer_owner._plain(own)) == os.getuid()
            client.shutdown(socket.SHUT_WR)
            assert peer_owner.owner(peer, own) == os.getuid()
            assert peer_owner.is_open(ours)


def test_an_end_that_was_reset_is_open_no_more() -> None:
    with listen("127.0.0.1", 0) as listener:
        client = socket.create_connection(listener.getsockname())
        ours = listener.accept()[0]
        with ours:
            assert peer_owner.is_open(ours)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.close()
            assert not peer_owner.is_open(ours)


def test_users_that_have_no_number_here_are_told_apart_by_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_owner, "_shared_numbers", lambda: frozenset({os.getuid()}))
    with listen("127.0.0.1", 0) as listener:
        own = listener.getsockname()
        with socket.create_connection(own) as client:
            assert peer_owner.owner(client.getsockname(), own) is None


# Listening


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1"), ("::", "http://[::1]"), ("::1", "http://[::1]")],
)
def test_the_server_is_reached_by_the_machine_wherever_it_listens(host: str, url: str) -> None:
    with listen(host, 0) as listener:
        assert url_of(listener) == f"{url}:{listener.getsockname()[1]}"


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
def test_programs_of_this_machine_are_known_on_all_addresses(ledger: Ledger, host: str) -> None:
    async def scenario(api: Api) -> int:
        return (await api.get("/status")).status

    assert with_api(ledger, scenario, host=host) == 200


# Another user


LOGS_IN: Final = """
import os, socket, sys
port, token = sys.argv[1:]
body = '{"token": "%s"}' % token
socket.create_connection(("127.0.0.1", int(port)), timeout=30).close()
os.setuid(65534)
wire = socket.create_connection(("127.0.0.1", int(port)), timeout=30)
wire.sendall(f"POST /login HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nContent-Type: application/json\\r\\n"
             f"Content-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
answer = wire.recv(4096).decode()
cookie = next(line.split()[1] for line in answer.splitlines() if line.startswith("Set-Cookie"))
wire.sendall(f"GET /status HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nCookie: {cookie}\\r\\n\\r\\n".encode())
print(answer.split()[1], wire.recv(4096).split()[1].decode())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_the_browser_of_another_user_is_let_in_with_a_token(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        made = tokens.create(tx, "ci", TokenRole.READ, until=None, by=ME)

    async def scenario(api: Api) -> str:
        asks = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOGS_IN, str(api.port), made, stdout=asyncio.subprocess.PIPE
        )
        return (await asks.communicate())[0].decode().strip()

    assert with_api(ledger, scenario) == "200 200"
    rows = ledger.conn.execute("SELECT actor, action, target, origin FROM audit WHERE action = 'login'")
    assert rows.fetchall() == [("token ci", "login", "token ci", f"127.0.0.1, user {OTHER}")]
