"""Calls that hang, fail or come too late."""

import asyncio
import gc
import threading
from errno import EAGAIN

import pytest
from support.clock import HandClock

from jeeves_runner.side_thread import Kept, SideThread


def fail() -> None:
    raise KeyError("x")


def test_a_call_returns_or_raises_what_it_does() -> None:
    async def scene() -> int:
        thread = SideThread("side")
        with pytest.raises(KeyError):
            await thread.call(fail)
        return await thread.call(lambda: 7)

    assert asyncio.run(scene()) == 7


def test_a_call_that_hangs_is_given_up_and_those_behind_it_are_not_made() -> None:
    goes_on = threading.Event()
    made: list[int] = []

    async def scene() -> None:
        thread = SideThread("side")
        with pytest.raises(TimeoutError):
            await thread.call(lambda: goes_on.wait(30), 0.05)
        with pytest.raises(TimeoutError):
            await thread.call(lambda: made.append(1), 0.05)
        goes_on.set()
        await thread.call(lambda: made.append(2), 30)

    asyncio.run(scene())
    assert made == [2]


def test_without_room_for_a_thread_it_is_tried_again_at_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scene() -> int:
        thread = SideThread("side")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            with pytest.raises(OSError, match="can't start new thread") as error:
                await thread.call(lambda: 7)
            assert error.value.errno == EAGAIN
        return await thread.call(lambda: 7)

    assert asyncio.run(scene()) == 7


def test_a_thread_ends_with_the_one_it_belongs_to() -> None:
    async def scene() -> threading.Thread:
        thread = SideThread("side")
        return await thread.call(threading.current_thread)

    thread = asyncio.run(scene())
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()


def test_a_kept_answer_is_asked_for_anew_after_its_time_and_after_a_fault() -> None:
    clock = HandClock()
    kept: Kept[int] = Kept(clock, 1.0)
    answers = iter([1, 2, None, 3])

    async def ask() -> int:
        if (answer := next(answers)) is None:
            raise TimeoutError
        return answer

    async def scenario() -> None:
        for seconds in (0, 0.9, 0.1, 0.9):
            clock.advance(seconds=seconds)
            seen.append(await kept.get(ask))
        clock.advance(seconds=0.1)
        with pytest.raises(TimeoutError):
            await kept.get(ask)
        seen.append(await kept.get(ask))

    seen: list[int] = []
    asyncio.run(scenario())
    assert seen == [1, 1, 2, 2, 3]
