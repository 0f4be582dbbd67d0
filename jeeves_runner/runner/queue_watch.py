"""Runs of the jobs that items of a queue start, as soon as enough of them are ready."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.db import queue_triggers
from jeeves_runner.db.overrides import UNTIL_RESUMED, pauses
from jeeves_runner.db.queue_triggers import judge
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import DatabaseError, JeevesError
from jeeves_runner.troubles import Troubles

log = logging.getLogger(__name__)

_LONGEST_SLEEP: Final = 1.0
"""Seconds between two looks while a time is waited for: the clock may be set meanwhile."""

_CHANGED_MEANWHILE: Final = 0.05
"""Seconds until the next look where what was ready no longer was in the transaction."""

_AT_ONCE: Final = 20
"""Jobs that are looked at in one turn of the event loop: that takes a millisecond."""


class QueueWatch:
    """Asks for a run of each such job when its items are ready, none of its runs is active, and nothing holds
    it back.

    It looks when it is woken, at the jobs whose queues hold something, and when the time has come that a look
    has named. Whether a run is to be is decided again in the transaction that enters it, so none is entered
    twice. ``look`` has the runner take up what was entered.
    """

    def __init__(
        self, *, conn: apsw.Connection, writer: Writer, clock: Clock, look: Callable[[], Awaitable[None]]
    ) -> None:
        """``conn`` is for its reads in the event loop."""
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._look_at_runs = look
        self._wanted: dict[str, OnQueue] = {}
        self._woken = asyncio.Event()
        self._troubles = Troubles(log, lambda job_id: f"items of its queue can start {job_id} again")
        self.on_plan(queue_triggers.listeners(conn))

    def on_plan(self, job_ids: Iterable[str]) -> None:
        """These jobs may have changed."""
        self._read(job_ids)
        self.wake()

    def _read(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            wanted = queue_triggers.listener(self._conn, job_id)
            if wanted is not None:
                self._wanted[job_id] = wanted
            else:
                self._wanted.pop(job_id, None)

    def wake(self) -> None:
        """Something was committed."""
        if self._wanted:
            self._woken.set()

    def on_end(self, job_id: str) -> None:
        """A run of this job has ended."""
        if job_id in self._wanted:
            self._woken.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._woken.clear()
            due, again_at = await self._look()
            undone = await self._start(due)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._longest_sleep(again_at) if undone is None else undone):
                    await self._woken.wait()

    def _longest_sleep(self, until: datetime | None) -> float | None:
        """How many seconds it sleeps if it is not woken; None where no time brings anything about."""
        if until is None:
            return None
        return max(0.0, min((until - self._clock.now()) / timedelta(seconds=1), _LONGEST_SLEEP))

    async def _look(self) -> tuple[list[str], datetime | None]:
        """The jobs that are to run now, and when to look again."""
        in_use = queue_triggers.queues_in_use(self._conn, {each.queue for each in self._wanted.values()})
        asked = {job_id: wanted for job_id, wanted in self._wanted.items() if wanted.queue in in_use}
        if not asked:
            return [], None
        now = self._clock.now()
        active = queue_triggers.active_jobs(self._conn, asked)
        paused = pauses(self._conn, now)
        due: list[str] = []
        times: list[datetime] = []
        for number, (job_id, wanted) in enumerate(asked.items()):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            if job_id in active:
                continue
            if (end := paused.end_of(job_id)) is not None:
                if end < UNTIL_RESUMED:
                    times.append(end)
                continue
            ready = judge(self._conn, now, job_id, wanted)
            if ready.is_due or ready.has_ended_leases:
                due.append(job_id)
            elif ready.again_at is not None:
                times.append(ready.again_at)
        return due, min(times, default=None)

    async def _start(self, job_ids: list[str]) -> float | None:
        """Enter the runs that are to be. After how many seconds to look again, for what was not entered."""
        if not job_ids:
            return None
        # Not durable: what a power loss takes of it, the items bring about again.
        writes = [
            self._writer.submit(
                partial(queue_triggers.start, job_id=job_id), durable=False, priority=Priority.START
            )
            for job_id in job_ids
        ]
        entered = await asyncio.gather(*writes, return_exceptions=True)
        if any(isinstance(run_id, int) for run_id in entered):
            await self._look_at_runs()
        failed = False
        for job_id, error in zip(job_ids, entered, strict=True):
            if not isinstance(error, BaseException):
                self._troubles.over(job_id)
                continue
            if not isinstance(error, JeevesError):
                raise error
            failed = True
            level = logging.ERROR if isinstance(error, DatabaseError) else logging.WARNING
            self._troubles.met(job_id, f"{job_id} was to start for items of its queue: {error}", level)
        # One that was changed by hand may be started by nothing now, until an apply heals it.
        self._read(job_id for job_id, run_id in zip(job_ids, entered, strict=True) if run_id is None)
        if failed:
            return TRY_AGAIN
        return _CHANGED_MEANWHILE if None in entered else None
