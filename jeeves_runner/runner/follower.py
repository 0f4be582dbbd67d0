"""Notices what other processes wrote: applies, triggers, cancel requests, pauses."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import apsw

from jeeves_runner.db import jobs, revisions
from jeeves_runner.db.transaction import data_version
from jeeves_runner.execute.shared_result import SharedResult

INTERVAL: Final = 1.0
"""Seconds between two looks when no nudge comes."""

_PAUSE: Final = 0.05
"""Seconds between two looks, so that many nudges in a row cost few looks."""

_IDS_AT_ONCE: Final = 1000
"""Jobs that are read, and passed on, in one turn of the event loop: that takes a millisecond."""


class Follower:
    """Watches the database for commits and passes on what they mean.

    It looks when nudged, and at intervals for commits whose nudge was lost or never sent. A look
    at SQLite's change counter costs about a microsecond.

    ``changed`` gets the newest revision and the ids of the jobs that it and those before it wrote, in
    any process, a thousand at a time; ``written`` is called after any commit, and then those are who have
    asked for it by ``tell``.
    """

    def __init__(
        self,
        conn: apsw.Connection,
        *,
        changed: Callable[[int, Sequence[str]], Awaitable[None]],
        written: Callable[[], Awaitable[None]],
    ) -> None:
        self._conn = conn
        self._changed = changed
        self._written = written
        self._listeners: list[Callable[[], None]] = []
        self._revision = revisions.head(conn)
        self._version = data_version(self._conn)
        self._nudged = asyncio.Event()
        self._next_look: SharedResult[None] = SharedResult()
        self._one_at_a_time = asyncio.Lock()

    def tell(self, listener: Callable[[], None]) -> None:
        """Call this after any commit, too. It may neither wait nor fail."""
        self._listeners.append(listener)

    async def nudge(self) -> None:
        """Have the database looked at: another process has written to it.

        Returns right before the look. Who commits before that needs no nudge of their own.
        """
        self._nudged.set()
        await self._next_look.wait()

    def look_soon(self) -> None:
        """As ``nudge``, without waiting for the look."""
        self._nudged.set()

    async def run(self) -> None:
        """Look until cancelled, or until a look fails; begun again, it makes up for that one."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._nudged.wait()
            await self._tell_of_the_look()
            version = data_version(self._conn)
            if version != self._version:
                await self.catch_up()
                await self._written()
                for listener in self._listeners:
                    listener()
                self._version = version  # only now: what has failed is looked at again
            await asyncio.sleep(_PAUSE)

    async def _tell_of_the_look(self) -> None:
        self._nudged.clear()  # a nudge from here on is for the next look
        told, self._next_look = self._next_look, SharedResult()
        told.set(None)
        await asyncio.sleep(0)  # those who nudged go on first, and answer their clients

    async def catch_up(self) -> None:
        """Pass on every revision not yet passed on; returns when the timetable has them."""
        async with self._one_at_a_time:
            newest = revisions.head(self._conn)
            if newest > self._revision:
                ids: list[str] = []
                for portion in jobs.written_since(self._conn, self._revision, _IDS_AT_ONCE):
                    ids += portion
                    await asyncio.sleep(0)
                for start in range(0, len(ids) or 1, _IDS_AT_ONCE):
                    await self._changed(newest, ids[start : start + _IDS_AT_ONCE])
                self._revision = newest
