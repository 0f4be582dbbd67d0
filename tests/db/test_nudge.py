"""Nudges: one for many commits, never a wait, and nothing where no server listens."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.launches import linux_only
from support.ledger import Store

from jeeves_runner.client import Client
from jeeves_runner.db.nudge import Nudges, announced_transaction
from jeeves_runner.db.runner import begin_epoch, set_addresses

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Listener:
    """A server's socket that is answered by the test, by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(8)
        self._socket.setblocking(False)
        self._clients: list[socket.socket] = []

    def requests(self) -> int:
        """How many nudges have come since the last call."""
        while True:
            try:
                client, _ = self._socket.accept()
            except BlockingIOError:
                break
            client.setblocking(False)
            self._clients.append(client)
        return sum(_requests(client) for client in self._clients)

    def answer(self) -> None:
        for client in self._clients:
            client.send(ANSWER)

    def hang_up(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()

    def close(self) -> None:
        self.hang_up()
        self._socket.close()


def _requests(client: socket.socket) -> int:
    try:
        return client.recv(1 << 16).count(b"POST /nudge HTTP/1.1\r\nHost: ")
    except BlockingIOError:
        return 0


@pytest.fixture
def listener() -> Iterator[Listener]:
    with TemporaryDirectory() as folder, closing(Listener(Path(folder) / "s")) as found:  # a short path
        yield found


@pytest.fixture
def store(tmp_path: Path, listener: Listener) -> Store:
    """A database whose runner listens."""
    store = Store(tmp_path / "runner.sqlite")
    with store.tx() as tx:
        set_addresses(tx, begin_epoch(tx, os.getpid(), "boot"), "http://127.0.0.1:1", str(listener.path))
    return store


@pytest.fixture
def nudges(store: Store) -> Iterator[Nudges]:
    """Those of a program that has found its server."""
    with closing(Nudges(store.clock)) as nudges:
        with store.tx() as tx:
            nudges.find_server(tx)
        yield nudges


def test_one_that_is_not_answered_covers_those_after_it(nudges: Nudges, listener: Listener) -> None:
    for _ in range(5):
        nudges.send()
    assert listener.requests() == 1
    nudges.send()
    assert listener.requests() == 0
    listener.answer()
    nudges.send()
    assert listener.requests() == 1


@linux_only
def test_nothing_is_sent_to_another_process_than_the_runner(store: Store, listener: Listener) -> None:
    """Scripts may write its path into the row."""
    with announced_transaction(store.conn, store.clock) as tx:
        tx.conn.execute("UPDATE runner SET pid = pid + 1")
    assert listener.requests() == 0


def test_a_nudge_goes_out_after_the_commit_that_it_tells_of(store: Store, listener: Listener) -> None:
    sent: list[int] = []

    def is_about_to_commit() -> bool:
        sent.append(listener.requests())
        return False

    store.conn.set_commit_hook(is_about_to_commit)
    with announced_transaction(store.conn, store.clock) as tx:
        tx.conn.execute("UPDATE runner SET boot_id = 'other'")
    assert sent == [0]
    assert listener.requests() == 1


def test_a_server_that_has_hung_up_is_found_again(nudges: Nudges, listener: Listener) -> None:
    nudges.send()
    assert listener.requests() == 1
    listener.hang_up()
    nudges.send()
    assert listener.requests() == 1


def test_a_server_that_hangs_up_ends_no_script_that_dies_of_it(
    nudges: Nudges, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        nudges.send()
        assert listener.requests() == 1
        listener.answer()
        listener.hang_up()
        nudges.send()  # the answer is there, and so is the end
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_dead_server_costs_nothing_for_a_second(store: Store, nudges: Nudges, listener: Listener) -> None:
    listener.close()
    nudges.send()
    listener.path.unlink()
    with closing(Listener(listener.path)) as successor:
        nudges.send()
        assert successor.requests() == 0
        store.clock.advance(seconds=1)
        nudges.send()
        assert successor.requests() == 1


def test_a_server_with_its_hands_full_is_not_waited_for(store: Store, listener: Listener) -> None:
    listener._socket.listen(0)
    for _ in range(4):
        with announced_transaction(store.conn, store.clock):
            pass
    assert listener.requests() in (1, 2)


def test_nobody_is_nudged_of_what_was_not_committed(store: Store, listener: Listener) -> None:
    with pytest.raises(ZeroDivisionError), announced_transaction(store.conn, store.clock):
        raise ZeroDivisionError
    assert listener.requests() == 0


def test_a_database_that_never_had_a_runner_has_nobody_to_nudge(tmp_path: Path) -> None:
    store = Store(tmp_path / "runner.sqlite")
    with announced_transaction(store.conn, store.clock) as tx:
        tx.conn.execute("CREATE TABLE t (x)")
    assert store.count("t") == 0


def test_the_client_tells_of_items_and_of_nothing_else(store: Store, listener: Listener) -> None:
    with Client(store.path, clock=store.clock) as client:
        client.set_state("a", "b", 1)
        with client.transaction():
            client.set_state("a", "b", 2)
        assert listener.requests() == 0
        client.enqueue("mail", 1)
        assert listener.requests() == 1
        listener.answer()
        client.enqueue_many("mail", [])
        assert listener.requests() == 0
        with client.transaction():
            client.set_state("a", "b", 3)
            client.enqueue("mail", 2)
            assert listener.requests() == 0
        assert listener.requests() == 1
