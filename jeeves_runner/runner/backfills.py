"""Takes backfills further: one time after the other, as the runs before them end."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, Protocol

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.run import Run
from jeeves_runner.db import backfills, overrides
from jeeves_runner.db.backfill_steps import Standing, advance, standing
from jeeves_runner.db.writer import TRY_AGAIN, Writer
from jeeves_runner.errors import JeevesError, NotFound
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_LOOK: Final = 1.0
"""Seconds between two looks while a backfill is active and nothing ends: pauses end by the clock."""


class Admitting(Protocol):
    """Takes up requests that are in the database, and tells of ends; see ``Runs``."""

    async def look(self) -> None: ...

    async def wait(self, run_id: int) -> Run: ...


class Backfills:
    """Keeps every active backfill going. ``conn`` is read in the event loop: some short reads by index.

    What it does is in the rows: begun again, or by the next runner, it goes on where it was.
    """

    def __init__(self, *, conn: apsw.Connection, writer: Writer, runs: Admitting, clock: Clock) -> None:
        self._conn = conn
        self._writer = writer
        self._runs = runs
        self._clock = clock
        self._seen: dict[int, Standing] = {}
        self._woken = asyncio.Event()
        self._trouble = Trouble(log, over="backfills go on again")

    def wake(self) -> None:
        """Look soon: there was a commit."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. What fails is told once, and tried again."""
        while True:
            self._woken.clear()
            try:
                await self.look()
            except JeevesError as error:
                self._trouble.met(f"backfills do not go on: {error}", logging.ERROR)
                await asyncio.sleep(TRY_AGAIN)
            else:
                self._trouble.over()
                await self._until_worth_it()

    async def look(self) -> None:
        """Take each as far as it goes now."""
        active = backfills.active_ids(self._conn)
        self._seen = {number: seen for number, seen in self._seen.items() if number in active}
        for number in active:
            await self._take_further(number)

    async def _take_further(self, number: int) -> None:
        while True:
            pauses = overrides.pauses(self._conn, self._clock.now())
            now = standing(self._conn, number, pauses)
            if now is None or self._seen.get(number) == now:
                return
            has_changed = await self._writer.write(lambda tx: advance(tx, number))
            if not has_changed:
                self._seen[number] = now
                return
            await self._runs.look()

    async def _until_worth_it(self) -> None:
        """Wait for a commit, the end of a run that is waited for, or a moment; without a backfill only for a
        commit."""
        ends = {run_id for seen in self._seen.values() for run_id in seen.active}
        waits = [asyncio.create_task(self._woken.wait()), *map(self._watch_end, ends)]
        try:
            await asyncio.wait(
                waits, timeout=_LOOK if self._seen else None, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _watch_end(self, run_id: int) -> "asyncio.Task[None]":
        return asyncio.create_task(self._end_of(run_id))

    async def _end_of(self, run_id: int) -> None:
        with suppress(NotFound):  # it is deleted, so it has ended
            await self._runs.wait(run_id)
