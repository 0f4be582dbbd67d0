"""A result that comes once and that many tasks may wait for."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedResult(Generic[T]):
    """Like an ``asyncio.Event`` that carries a value.

    Each waiting task has a future of its own: cancelling one disturbs no other, and the value
    arrives one turn of the loop later, where a shielded common future takes two.
    """

    def __init__(self) -> None:
        self._values: list[T] = []  # empty, or the one value
        self._waiters: set[asyncio.Future[T]] = set()

    @property
    def is_set(self) -> bool:
        return bool(self._values)

    def set(self, value: T) -> None:
        """Give all waiting tasks the value; a second value is ignored."""
        if self._values:
            return
        self._values.append(value)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(value)

    async def wait(self) -> T:
        """The value; at once if it is set already."""
        if self._values:
            return self._values[0]
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            self._waiters.discard(waiter)
