"""Turns of the event loop stay short, and all that is ready has its turn."""

import asyncio
import os
import sys
from contextlib import ExitStack

import pytest
from support.clock import HandClock

from jeeves_runner.runner.short_turns import MOST, Portions, short_turns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux's selector alone")


def pipes(stack: ExitStack, number: int) -> list[int]:
    """The ends to read of pipes that have something for their reader."""
    found = []
    for _ in range(number):
        reads, writes = os.pipe()
        stack.callback(os.close, reads)
        stack.callback(os.close, writes)
        os.write(writes, b"x")
        found.append(reads)
    return found


def test_a_turn_takes_up_some_and_the_next_ones_the_rest() -> None:
    with ExitStack() as stack, Portions() as portions:
        for reads in pipes(stack, 3 * MOST):
            portions.register(reads, 1)
        turns = [{key.fd for key, _ in portions.select(1)} for _ in range(3)]
        assert [len(turn) for turn in turns] == [MOST] * 3
        assert len(set().union(*turns)) == 3 * MOST  # although none of them was read


def test_few_are_taken_up_at_once() -> None:
    with ExitStack() as stack, Portions() as portions:
        for reads in pipes(stack, MOST):
            portions.register(reads, 1)
        assert len(portions.select(0)) == MOST


def test_what_is_ready_comes_soon_though_the_loop_is_never_idle() -> None:
    turns = 0

    async def main() -> None:
        nonlocal turns
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        with ExitStack() as stack:
            (end,) = pipes(stack, 1)
            loop.add_reader(end, came.set)
            began = loop.time()
            while not came.is_set():
                assert loop.time() < began + 5
                turns += 1
                await asyncio.sleep(0)  # so that each turn is one of those that ask without waiting

    with asyncio.Runner(loop_factory=short_turns) as runner:
        runner.run(main())
    assert turns > 0


def test_turns_that_follow_each_other_at_once_share_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = HandClock()
    monkeypatch.setattr("jeeves_runner.runner.short_turns._CLOCK", clock)
    with ExitStack() as stack, Portions() as portions:
        for reads in pipes(stack, 1):
            portions.register(reads, 1)
        assert len(portions.select(0)) == 1
        clock.advance(microseconds=150)
        assert portions.select(0) == []
        assert len(portions.select(1)) == 1
        clock.advance(microseconds=100)
        assert len(portions.select(0)) == 1


def test_what_has_its_time_comes_amid_what_is_ready() -> None:
    order: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def read(end: int) -> None:
            order.append("ready")
            loop.remove_reader(end)
            if order.count("ready") == len(ends):
                done.set()

        with ExitStack() as stack:
            ends = pipes(stack, 10 * MOST)
            for end in ends:
                loop.add_reader(end, read, end)
            loop.call_later(0, order.append, "time")
            await done.wait()

    with asyncio.Runner(loop_factory=short_turns) as runner:
        runner.run(main())
    assert order.index("time") <= MOST
