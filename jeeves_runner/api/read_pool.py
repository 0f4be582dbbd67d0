"""Reads that may take long, beside the event loop: lists, queues and state can be of any length."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

import apsw
from aiohttp import web

from jeeves_runner.db.connection import connect
from jeeves_runner.db.thread_reads import close_in_thread
from jeeves_runner.runner.shared_threads import started_threads

T = TypeVar("T")

_THREADS: Final = 2
"""Enough that a short list need not wait behind a long one."""


class ReadPool:
    """Threads that only read, and a connection for each, which is open from the beginning: to open one looks
    at files whose disk may hang by then.

    They are not the threads that all parts share: a run that ends must not wait behind a list.
    """

    def __init__(self, database: Path, *, threads: int = _THREADS, name: str = "read pool") -> None:
        self._threads = started_threads(threads, name)
        self._connections = [connect(database) for _ in range(threads)]
        self._free: SimpleQueue[apsw.Connection] = SimpleQueue()
        for connection in self._connections:
            self._free.put(connection)

    async def read(self, read: Callable[[apsw.Connection], T]) -> T:
        """What ``read`` makes of the database; its errors pass through."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, read)

    async def close(self, _app: web.Application) -> None:
        """Stop the reads under way, whose requests are over by now, and close the connections."""
        for connection in self._connections:
            connection.interrupt()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await asyncio.gather(*map(close_in_thread, self._connections))

    def _read(self, read: Callable[[apsw.Connection], T]) -> T:
        connection = self._free.get()  # there are as many as threads
        try:
            return read(connection)
        finally:
            self._free.put(connection)
