"""What only a client over HTTP can meet: addresses, servers that are away, answers that do not come."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
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
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers the requests it gets with these bytes, and hangs up: its address, and what it
    got."""
    got: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            wire, _ = listener.accept()
            with wire:
                got.append(wire.recv(65536))
                wire.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
    thread.join(30)
    listener.close()


class Passing(HandClock):
    """A clock by which time passes with each look at it."""

    def monotonic(self) -> float:
        self.advance(seconds=4)
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
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_jeeves_runner_is_no_missing_value(answer: bytes) -> None:
    refused = pytest.raises(NoServer, match="is no jeeves-runner")
    with answering(answer) as (url, _), Client(url=url) as jr, refused:
        jr.get_state("ns", "k", default=0)


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
