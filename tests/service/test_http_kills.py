"""A server that is killed amid calls over HTTP: what it has acknowledged is stored."""

import threading
from functools import partial
from pathlib import Path

import pytest
from support.server import Server, database, new_project, until

from jeeves_runner.client import Client, NoServer

pytestmark = pytest.mark.service

ROUNDS = 5


def test_what_was_acknowledged_outlives_the_server(tmp_path: Path) -> None:
    root = new_project(tmp_path)
    added: list[int] = []
    for number in range(ROUNDS):
        server = Server(root)
        enough = len(added) + 20
        writer = threading.Thread(target=write_until_it_dies, args=(server.url, number, added))
        writer.start()
        until(partial(_has, added, enough))
        server.kill()
        writer.join(30)
        assert not writer.is_alive()
    with Client(database(root)) as jr:
        stored = [item.payload for item in jr.claim("mail", 1000)]
        while more := jr.claim("mail", 1000):
            stored += [item.payload for item in more]
        last = [jr.get_state("ns", str(number)) for number in range(ROUNDS)]
    assert sorted(stored) == sorted(set(stored)), "one was stored twice"
    missing = set(added) - set(stored)
    assert missing == set()
    assert len(stored) - len(added) <= ROUNDS, "only the call amid which the server died may be unknown"
    for number in range(ROUNDS):
        ours = [n for n in added if n // 1_000_000 == number]
        assert last[number] in (max(ours), max(ours) + 1)


def _has(added: list[int], enough: int) -> bool:
    return len(added) > enough


def write_until_it_dies(url: str, number: int, added: list[int]) -> None:
    """Each number in a transaction of its own, with the position; those that were acknowledged."""
    with Client(url=url) as jr:
        for n in range(number * 1_000_000, (number + 1) * 1_000_000):
            try:
                with jr.transaction():
                    jr.enqueue("mail", n)
                    jr.set_state("ns", str(number), n)
            except NoServer:
                return
            added.append(n)
