"""Notices what other processes wrote: applies, triggers, cancel requests, pauses."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import apsw

from jeeves_runner.db import jobs, revisions
from jeeves_runner.db.transaction import data_version

INTERVAL = 0.1
"""Seconds between two looks at SQLite's change counter, each of about a microsecond."""


class Follower:
    """Watches the database for commits and passes on what they mean.

    ``changed`` gets the newest revision and the ids of the jobs that it and those before it wrote,
    whoever applied them; ``written`` is called after any commit.
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
        self._revision = revisions.head(conn)
        self._version = data_version(self._conn)
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            version = data_version(self._conn)
            if version != self._version:
                self._version = version
                await self.catch_up()
                await self._written()

    async def catch_up(self) -> None:
        """Pass on every revision not yet passed on; returns when the timetable has them."""
        async with self._one_at_a_time:
            newest = revisions.head(self._conn)
            if newest > self._revision:
                ids = jobs.written_since(self._conn, self._revision)
                self._revision = newest
                await self._changed(newest, ids)
