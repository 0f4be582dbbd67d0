"""Claims that wait over HTTP: what wakes them, and what ends them."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from support.answers import check_answer
from support.server import PATIENCE, Server, command, database, new_project, serving, until

from jeeves_runner.client import Client

pytestmark = pytest.mark.service


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(new_project(tmp_path)) as server:
        yield server


class Waiting(threading.Thread):
    """One claim that waits, and when its answer came."""

    def __init__(self, server: Server, wait: str = "30s", queue: str = "mail", count: int = 1) -> None:
        super().__init__(daemon=True)
        self._path = f"/queues/{queue}/claim?wait={wait}"
        self.items: list[Any] = []
        self.answered_at = 0.0
        # Sent here: the thread may have its first turn late.
        self._wire = HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE)
        body, headers = json.dumps({"count": count}), {"Content-Type": "application/json"}
        self._wire.request("POST", self._path, body, headers)
        self.start()
        until(lambda: _waits(server))

    def run(self) -> None:
        with closing(self._wire), self._wire.getresponse() as answer:
            text = answer.read().decode()
        self.answered_at = time.monotonic()
        assert answer.status == 200
        check_answer("POST", self._path, answer.status, answer.headers.get_content_type(), text)
        self.items = json.loads(text)["items"]


def _waits(server: Server) -> bool:
    """Whether the server has begun to answer all requests before this one."""
    return bool(server.get("/healthz"))


def by_client(server: Server) -> None:
    with Client(database(server.root)) as jr:
        jr.enqueue("mail", 1)


def by_command(server: Server) -> None:
    assert command(server.root, "queue", "push", "mail", "1").returncode == 0


def by_request(server: Server) -> None:
    assert server.post("/queues/mail/items", {"payload": 1})[0] == 200


@pytest.mark.parametrize("enqueue", [by_client, by_command, by_request])
def test_an_enqueue_of_any_program_wakes_it_at_once(server: Server, enqueue: Any) -> None:
    enqueue(server)
    server.post("/queues/mail/claim")  # the queue is there, and so is what makes it
    took = []
    for _ in range(3):  # the machine of the tests may be busy
        waiting = Waiting(server)
        enqueue(server)
        enqueued_at = time.monotonic()
        waiting.join(30)
        assert [item["payload"] for item in waiting.items] == [1]
        took.append(waiting.answered_at - enqueued_at)
        if took[-1] < 0.2:
            break
    assert min(took) < 0.2


def test_each_item_wakes_one(server: Server) -> None:
    waiting = [Waiting(server) for _ in range(5)]
    with Client(database(server.root)) as jr:
        jr.enqueue_many("mail", [1, 2, 3])
    until(lambda: sum(not each.is_alive() for each in waiting) == 3)
    with Client(database(server.root)) as jr:
        jr.enqueue_many("mail", [4, 5])
    for each in waiting:
        each.join(30)
    assert sorted(each.items[0]["payload"] for each in waiting) == [1, 2, 3, 4, 5]


def test_what_becomes_ready_by_time_wakes_it(server: Server) -> None:
    with Client(database(server.root)) as jr:
        jr.enqueue("mail", "delayed", delay=0.5)
        waiting = Waiting(server)
        waiting.join(30)
        assert [item["payload"] for item in waiting.items] == ["delayed"]
        jr.enqueue("other", "leased")
        [_] = jr.claim("other", lease=0.5)
        waiting = Waiting(server, queue="other")
        waiting.join(30)
        assert [(item["payload"], item["attempt"]) for item in waiting.items] == [("leased", 2)]


def test_the_end_of_a_pause_wakes_it(server: Server) -> None:
    by_client(server)
    server.post("/queues/mail/pause")
    waiting = Waiting(server)
    by_client(server)
    assert server.get("/queues/mail/status")["claimed"] == 0
    assert waiting.is_alive()
    server.post("/queues/mail/resume")
    waiting.join(30)
    assert len(waiting.items) == 1


def test_its_time_ends_it(server: Server) -> None:
    began = time.monotonic()
    assert server.post("/queues/mail/claim?wait=300ms", {}) == (200, {"items": []})
    assert time.monotonic() - began >= 0.3


def test_the_stop_of_the_server_ends_it(server: Server) -> None:
    waiting = Waiting(server, wait="1m")
    assert server.stop() == 0
    waiting.join(30)
    assert waiting.items == []


def test_what_a_client_that_has_hung_up_would_get_stays(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as wire:
            body = json.dumps({"count": 10}).encode()
            head = f"POST /queues/mail/claim?wait=1m HTTP/1.1\r\nHost: {host}:{port}\r\n"
            wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            _waits(server)
    by_client(server)
    waiting = Waiting(server)
    waiting.join(30)
    assert [(item["payload"], item["attempt"]) for item in waiting.items] == [(1, 1)]


def test_many_that_wait_take_neither_threads_nor_time(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    threads = len(list(Path(f"/proc/{server.pid}/task").iterdir()))
    wires = []
    for number in range(300):
        wire = socket.create_connection((host, int(port)))
        head = f"POST /queues/q{number % 50}/claim?wait=1m HTTP/1.1\r\nHost: {host}:{port}\r\n"
        wire.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        wires.append(wire)
    _waits(server)
    # Each of the server's own threads begins with its first use.
    assert len(list(Path(f"/proc/{server.pid}/task").iterdir())) < threads + 20
    waiting = Waiting(server)
    by_client(server)
    waiting.join(30)
    assert len(waiting.items) == 1
    for wire in wires:
        wire.close()
