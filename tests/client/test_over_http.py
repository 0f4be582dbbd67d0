"""What only a client over HTTP can meet: addresses, servers that are away, answers that do not come."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext, SSLError

import pytest
import trustme
from support.clock import HandClock
from support.db import ROOT
from support.ledger import Store
from support.state_server import Way, way_to

from jeeves_runner.client import Client, InvalidValue, NoServer, UsageError

VALUE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"value":1}'


@pytest.fixture
def http(store: Store) -> Iterator[Way]:
    with way_to(store, "http") as way:
        yield way


@contextmanager
def answering(*answers: bytes, tls: SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers the requests it gets with these bytes, and hangs up: its address, and what it
    got. What TLS refuses is none."""
    got: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accepted() -> socket.socket:
        while True:
            wire, _ = listener.accept()
            try:
                return tls.wrap_socket(wire, server_side=True) if tls else wire
            except SSLError:
                wire.close()

    def serve() -> None:
        for answer in answers:
            with accepted() as wire:
                got.append(wire.recv(65536))
                wire.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}", got
    thread.join(30)
    listener.close()


class Passing(HandClock):
    """A clock by which time passes with each look at it."""

    def __init__(self, each: float = 4) -> None:
        super().__init__()
        self._each = each

    def monotonic(self) -> float:
        self.advance(seconds=self._each)
        return super().monotonic()


def test_a_script_goes_the_way_of_its_environment(http: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JR_API_URL", http.url)
    monkeypatch.setenv("JR_TOKEN", "")
    monkeypatch.delenv("JR_DB_PATH", raising=False)
    with Client() as jr:
        jr.set_state("ns", "k", "over HTTP")
    monkeypatch.setenv("JR_DB_PATH", str(http.store.path))
    monkeypatch.setenv("JR_API_URL", "http://127.0.0.1:1")
    with Client() as jr:
        assert jr.get_state("ns", "k") == "over HTTP"


def test_two_ways_are_none(http: Way) -> None:
    with pytest.raises(UsageError, match="two ways"):
        Client(http.store.path, url=http.url)
    with pytest.raises(UsageError, match="token goes with url"):
        Client(token="jr_x")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:1937", "ftp://host", "http://", "http://host:port", "http://host?x", "file:///etc"]
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(UsageError, match="is not where a server can be"):
        Client(url=url)


def test_a_server_that_is_away_is_asked_for_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refused = pytest.raises(NoServer, match="cannot be reached: Connection refused")
    with Client(url=f"http://127.0.0.1:{port}", clock=Passing()) as jr, refused:
        jr.set_state("ns", "k", 1)


def test_a_read_without_an_answer_is_sent_again() -> None:
    with answering(b"", VALUE) as (url, got), Client(url=url) as jr:
        assert jr.get_state("ns", "k") == 1
    assert len(got) == 2


def test_a_write_without_an_answer_is_not() -> None:
    unknown = pytest.raises(NoServer, match="it may have done what was asked, or not")
    with answering(b"") as (url, got), Client(url=url) as jr, unknown:
        jr.set_state("ns", "k", 1)
    assert len(got) == 1


def test_a_connection_that_the_server_has_closed_is_made_anew() -> None:
    with answering(VALUE, VALUE) as (url, got), Client(url=url) as jr:
        assert [jr.get_state("ns", "k"), jr.get_state("ns", "k")] == [1, 1]
    assert len(got) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_jeeves_runner_is_no_missing_value(answer: bytes) -> None:
    refused = pytest.raises(NoServer, match="is no jeeves-runner")
    with answering(answer) as (url, _), Client(url=url) as jr, refused:
        jr.get_state("ns", "k", default=0)


AWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"


def test_a_read_is_sent_again_while_a_proxy_finds_no_server() -> None:
    with answering(AWAY, VALUE) as (url, got), Client(url=url) as jr:
        assert jr.get_state("ns", "k") == 1
    assert len(got) == 2


def test_a_proxy_that_goes_on_finding_none_is_named() -> None:
    away = pytest.raises(NoServer, match=r"the proxy at .* got no answer of the server: 502 Bad Gateway$")
    with answering(AWAY, AWAY) as (url, _), Client(url=url, clock=Passing(each=6)) as jr, away:
        jr.get_state("ns", "k")


def test_a_write_that_a_proxy_has_lost_may_have_been_done() -> None:
    unknown = pytest.raises(NoServer, match="502 Bad Gateway; it may have done what was asked, or not")
    with answering(AWAY) as (url, got), Client(url=url) as jr, unknown:
        jr.set_state("ns", "k", 1)
    assert len(got) == 1


def test_a_certificate_that_is_not_trusted_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(VALUE, tls=context) as (url, got):
        untrusted = pytest.raises(NoServer, match="its certificate is not trusted: ")
        with Client(url=url, clock=HandClock()) as jr, untrusted as refused:
            jr.get_state("ns", "k")
        assert "SSL_CERT_FILE" in str(refused.value.hint)
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        with Client(url=url) as jr:
            assert jr.get_state("ns", "k") == 1
    assert len(got) == 1


def test_a_connection_that_tls_has_broken_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up_twice() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        thread = threading.Thread(target=hang_up_twice)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url=url, clock=Passing(each=6)) as jr, pytest.raises(NoServer, match="cannot be reached"):
            jr.get_state("ns", "k")
        thread.join(30)


def test_https_where_there_is_none_is_told_at_once() -> None:
    plain = pytest.raises(NoServer, match="cannot be reached")
    with (
        answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (url, _),
        Client(url=url.replace("http:", "https:"), clock=HandClock()) as jr,
        plain as refused,
    ):
        jr.get_state("ns", "k")
    assert "http://" in str(refused.value.hint)


def test_a_call_of_more_than_a_mebibyte_is_refused_before_it_is_sent(http: Way) -> None:
    with http.client() as jr:
        jr.set_state("ns", "k", "x" * ((1 << 20) - 12))
        with pytest.raises(InvalidValue, match="this takes 1048577 bytes of JSON") as refused:
            jr.set_state("ns", "k", "x" * ((1 << 20) - 11))
        assert "split it" in str(refused.value.hint)
        assert len(jr.get_state("ns", "k")) == (1 << 20) - 12


CALLS: list[Callable[[Client], object]] = [
    lambda jr: jr.get_state("ns", "k"),
    lambda jr: jr.enqueue("mail", 1),
]


def test_many_calls_take_one_connection(http: Way) -> None:
    with http.client() as jr:
        ports = set()
        for call in CALLS * 5:
            call(jr)
            ports.add(jr._way._line._connection.sock.getsockname())  # type: ignore[attr-defined]
        assert len(ports) == 1


def test_loads_no_database_and_no_server(http: Way) -> None:
    code = (
        "import sys; from jeeves_runner.client import Client\n"
        f"with Client(url={http.url!r}) as jr: jr.set_state('ns', 'k', 1)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded & {"aiohttp", "asyncio", "dataclasses", "sqlite3", "click", "yaml"} == set()
    assert "jeeves_runner.db.connection" not in loaded
