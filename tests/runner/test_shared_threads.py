"""At a limit on threads: what the runner shares has all its threads already."""

import asyncio
import threading

import pytest

from jeeves_runner.runner.shared_threads import started_threads


def refuse_threads(patch: pytest.MonkeyPatch, room: int) -> None:
    """Have no more than so many threads beside those that there are now."""
    start, most = threading.Thread.start, threading.active_count() + room

    def limited(thread: threading.Thread) -> None:
        if threading.active_count() >= most:
            raise RuntimeError("can't start new thread")
        start(thread)

    patch.setattr(threading.Thread, "start", limited)


def test_no_thread_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> list[int]:
        asyncio.get_running_loop().set_default_executor(started_threads(4, "shared"))
        with monkeypatch.context() as patch:
            refuse_threads(patch, 0)
            return await asyncio.gather(*(asyncio.to_thread(abs, number) for number in range(40)))

    assert asyncio.run(scene()) == list(range(40))


@pytest.mark.parametrize("room", [1, 3, 5])
def test_with_little_room_there_are_fewer(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    with monkeypatch.context() as patch:
        refuse_threads(patch, room)
        with started_threads(8, "few") as pool:
            assert [pool.submit(abs, number).result(30) for number in range(40)] == list(range(40))


def test_without_any_room_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        refuse_threads(patch, 0)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            started_threads(8, "none")
