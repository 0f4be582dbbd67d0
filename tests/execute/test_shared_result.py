"""A result that many wait for: each gets it, and none is disturbed by another."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from jeeves_runner.execute.shared_result import SharedResult


def play(scenario: Callable[[SharedResult[int]], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30):
            await scenario(SharedResult())

    asyncio.run(whole())


async def waiting(result: SharedResult[int], count: int) -> list[asyncio.Task[int]]:
    """So many tasks, each of which has begun to wait."""
    tasks = [asyncio.create_task(result.wait()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_all_who_wait_get_it_and_so_does_who_comes_later() -> None:
    async def scenario(result: SharedResult[int]) -> None:
        tasks = await waiting(result, 3)
        result.set(7)
        result.set(8)
        assert result.is_set
        assert await asyncio.gather(*tasks) == [7, 7, 7]
        assert await result.wait() == 7

    play(scenario)


def test_who_leaves_disturbs_no_other() -> None:
    async def scenario(result: SharedResult[int]) -> None:
        first, second, third = await waiting(result, 3)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        result.set(7)
        assert (await first, await third) == (7, 7)

    play(scenario)
