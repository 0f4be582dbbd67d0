"""A name service that hangs keeps neither other work nor a stop."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jeeves_runner.runner import lookups
from jeeves_runner.runner.lookups import look_up_aside
from jeeves_runner.runner.shared_threads import started_threads

ADDRESS = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Counts the lookups of ``slow`` that were begun; they last as long as the test."""
    begun, over = threading.Semaphore(0), threading.Event()

    def look_up(host: str, *_: Any) -> object:
        if host == "slow":
            begun.release()
            over.wait(60)
        return ADDRESS

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield begun
    over.set()


def test_the_threads_of_all_are_free_and_the_loop_ends(hangs: threading.Semaphore) -> None:
    async def play() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(started_threads(1, "shared"))
        look_up_aside(loop)
        lookups_under_way = [asyncio.create_task(loop.getaddrinfo("slow", 80)) for _ in range(3)]
        for _ in lookups_under_way:
            await asyncio.to_thread(hangs.acquire)
        assert await loop.getaddrinfo("quick", 80) == ADDRESS
        return "over"

    assert asyncio.run(play()) == "over"


def test_a_name_that_is_not_found_in_time_cannot_be_found(
    hangs: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "_PATIENCE", 0.05)

    async def play() -> None:
        loop = asyncio.get_running_loop()
        look_up_aside(loop)
        with pytest.raises(socket.gaierror, match="does not answer"):
            await loop.getaddrinfo("slow", 80)

    asyncio.run(play())
