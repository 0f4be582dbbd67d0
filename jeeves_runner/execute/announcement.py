"""A value that comes once and that many may wait for."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Announcement(Generic[T]):
    """Each who waits has a future of their own: one who is cancelled takes nobody else along, and
    hearing costs one turn of the loop, where a shielded common future costs two."""

    def __init__(self) -> None:
        self._values: list[T] = []
        self._waiters: set[asyncio.Future[T]] = set()

    @property
    def is_made(self) -> bool:
        return bool(self._values)

    def make(self, value: T) -> None:
        """Tell everybody; a second value is ignored."""
        if self._values:
            return
        self._values.append(value)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(value)

    async def wait(self) -> T:
        """The value, at once if it has come."""
        if self._values:
            return self._values[0]
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            self._waiters.discard(waiter)
