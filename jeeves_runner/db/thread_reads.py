"""Reads in threads by one connection: whatever they take, the event loop goes on, and a stop ends them."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import apsw

from jeeves_runner.db.file_errors import translate
from jeeves_runner.errors import DatabaseError
from jeeves_runner.side_thread import SideThread

T = TypeVar("T")

END_PATIENCE: Final = 2.0
"""Seconds in which an interrupted read must have ended; SQLite looks about every millisecond."""

_STEP = 0.02
"""Seconds between two attempts to interrupt a read: between two statements there is nothing to interrupt."""


async def close_in_thread(conn: apsw.Connection, patience: float = END_PATIENCE) -> bool:
    """Close a connection, which looks at its files; False if these do not answer in ``patience`` seconds."""
    try:
        await SideThread("end of a connection").call(conn.close, patience)
    except TimeoutError:
        return False
    except OSError:  # there can be no thread now
        conn.close()
    return True


class ThreadReads:
    """Reads by ``conn``, which nothing else uses, one at a time.

    They raise DatabaseError, and no error of SQLite's: what one of them finds wrong with the file now may be
    well the next time.
    """

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        self._in_use = threading.Lock()
        self._is_closed = False

    async def read(self, look: Callable[[apsw.Connection], T]) -> T:
        """What ``look`` finds, in a thread. If its caller is cancelled, the read is interrupted."""
        looking = asyncio.ensure_future(asyncio.to_thread(self.here, look))
        try:
            return await asyncio.shield(looking)
        except asyncio.CancelledError:
            if await self._interrupt_until(looking.done, END_PATIENCE):
                looking.exception()  # it is not asked for any more
            raise

    def here(self, look: Callable[[apsw.Connection], T]) -> T:
        """The same in the thread of the caller."""
        with self._in_use:
            if self._is_closed:
                raise DatabaseError("the database is read no more: the runner stops")
            try:
                return look(self._conn)
            except apsw.Error as error:
                file = self._conn.filename
                known = translate(error, file)
                raise known or DatabaseError(f"reading {file} failed: {error}") from error

    async def close(self, patience: float = END_PATIENCE) -> bool:
        """Interrupt a read that is under way and close the connection; False, and it stays open, if the read
        or the disk has not ended within ``patience`` seconds."""
        if not await self._interrupt_until(lambda: self._in_use.acquire(blocking=False), patience):
            return False
        try:
            self._is_closed = True
            return await close_in_thread(self._conn, patience)
        finally:
            self._in_use.release()

    async def _interrupt_until(self, ended: Callable[[], bool], patience: float) -> bool:
        loop = asyncio.get_running_loop()
        gives_up_at = loop.time() + patience
        while not ended():
            if loop.time() >= gives_up_at:
                return False
            self._conn.interrupt()
            await asyncio.sleep(_STEP)
        return True
