"""Calls heartbeats: that of the runner while it is well, and those of jobs at the ends of their chains.

A heartbeat tells of now. What cannot be called within a minute is dropped, and nothing waits for it.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.heartbeats import Beat, beats_since, note_beat, note_told, told_until
from jeeves_runner.db.runs import newest_end
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import JeevesError
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.notify.heartbeat import call, failure_of
from jeeves_runner.notify.token import Place, Token
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

DROPPED_AFTER: Final = 60.0
"""Seconds."""

_AGAIN: Final = 5.0
"""Seconds between two tries."""
_RETRY: Final = 15.0
"""Seconds at most from a call of the runner that is lost to the next: of one an hour it would be an alarm."""
_WRITE: Final = 10.0
"""Seconds in which the database must take a write of a runner that is well."""
_BREATH: Final = 0.25
_LOOK: Final = 5.0
_AT_ONCE: Final = 10
_WAITING: Final = 1_000
"""Jobs whose calls may wait for their turn; those of more are dropped."""


class RunnerHeartbeat:
    """The runner's own: it is called at intervals while the event loop turns, the database takes writes, the
    manifests could be looked at, and the disks have room for runs."""

    def __init__(
        self,
        url: Token,
        every: float,
        *,
        writer: Writer,
        clock: Clock,
        sync: Callable[[], SyncStatus],
        shortage: Callable[[], str | None],
    ) -> None:
        """``shortage`` says what the disks lack, or None."""
        self._url = url
        self._every = every
        self._writer = writer
        self._clock = clock
        self._sync = sync
        self._shortage = shortage
        self._trouble = Trouble(log, over="the heartbeat of the runner is called again")

    async def run(self) -> None:
        """Call until cancelled."""
        while True:
            began, pause = self._clock.monotonic(), self._every
            try:
                await self._look()
                await call(await self._url.read())
            except (NotSent, Rejected) as error:
                self._trouble.met(f"the heartbeat of the runner is not called: {error}")
                pause = min(pause, _RETRY)
            else:
                self._trouble.over()
            await asyncio.sleep(max(0.0, pause - (self._clock.monotonic() - began)))

    async def _look(self) -> None:
        """NotSent while something is not well."""
        status = self._sync()
        if status.state in ("starting", "error"):
            raise NotSent(f"the manifests cannot be looked at: {status.reason or status.state}")
        # A write may still find its place then, in room that is kept for outcomes.
        if (shortage := self._shortage()) is not None:
            raise NotSent(f"no run starts: {shortage}")
        try:
            async with asyncio.timeout(_WRITE):
                await self._writer.write(note_beat, durable=False)
        except TimeoutError:
            raise NotSent("the database takes no write") from None
        except JeevesError as error:
            raise NotSent(f"the database takes no write: {error}") from None


class JobHeartbeats:
    """Those of jobs. ``conn`` is read in the event loop.

    Up to which end all were called is in the database: what a runner has not told when it stops or dies, the
    next one tells, if it still comes in time.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        clock: Clock,
        root: Path,
        died_at: datetime | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """``root``: where the files of addresses are looked for. ``died_at``: when a runner before this one
        was no longer there, if that is known: what ended with it is as old."""
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._root = root
        self._died_at = died_at
        self._environment = environment
        self._seen = self._noted = told_until(conn, clock.now() - timedelta(seconds=DROPPED_AFTER))
        self._woken = asyncio.Event()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._latest: dict[str, tuple[Beat, float]] = {}
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._oldest: dict[str, int] = {}
        """Of each job that is to be told of: the number of the oldest end of it that may not be told yet."""
        self._troubles: dict[str, Trouble] = {}
        self._has_called = False
        self._note_trouble = Trouble(log, over="it is noted again which heartbeats were called")

    def wake(self) -> None:
        """Something may have ended."""
        self._woken.set()

    async def run(self) -> None:
        """Follow the ends until cancelled. Begun again, it goes on with what it has not called."""
        self._seen = self._called_until
        self._latest.clear()
        self._oldest.clear()
        try:
            while True:
                self._follow()
                await self._note()
                await asyncio.sleep(_BREATH)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            for task in self._calls.values():
                task.cancel()
            self._calls.clear()

    async def finish(self, patience: float) -> None:
        """Tell what has ended by now, for so many seconds at most; the next runner tells the rest."""
        self._follow()
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=patience)
        await self._note()

    def _follow(self) -> None:
        newest = newest_end(self._conn)
        if newest == self._seen:
            return
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for beat in beats_since(self._conn, self._seen, newest):
            age = max(0.0, (now - self._time_of(beat, now)).total_seconds())
            if age < DROPPED_AFTER and (beat.job_id in self._calls or len(self._calls) < _WAITING):
                self._latest[beat.job_id] = beat, monotonic - age
                self._oldest.setdefault(beat.job_id, beat.end_seq)
                if beat.job_id not in self._calls:
                    self._calls[beat.job_id] = asyncio.create_task(self._tell_of(beat.job_id))
        self._seen = newest
        self._died_at = None  # what is left of a run that outlived its runner ends by itself from here on

    def _time_of(self, beat: Beat, now: datetime) -> datetime:
        """When it ended, as far as that is known."""
        at = beat.at or now
        return min(at, self._died_at) if beat.is_left and self._died_at is not None else at

    @property
    def _called_until(self) -> int:
        return min([self._seen, *(number - 1 for number in self._oldest.values())])

    async def _note(self) -> None:
        """Note up to which end all were called, if there was one to be called."""
        until = self._called_until
        if until == self._noted or not self._has_called:
            return
        try:
            await self._writer.write(
                lambda tx: note_told(tx, until), priority=Priority.MAINTENANCE, durable=False
            )
        except JeevesError as error:  # some may be called once more
            self._note_trouble.met(f"it cannot be noted which heartbeats were called: {error}")
            return
        self._noted, self._has_called = until, False
        self._note_trouble.over()

    async def _tell_of(self, job_id: str) -> None:
        """Call what is newest of a job, one call after another, and never an older one after a newer
        one: else a failure that could not be told at once would be told after the next success."""
        try:
            while job_id in self._latest:
                async with self._places:  # for which it may have waited long: what is newest counts then
                    waiting = self._latest.pop(job_id)
                    self._oldest[job_id] = waiting[0].end_seq
                    is_done = await self._call(*waiting)
                if not is_done:
                    self._latest.setdefault(job_id, waiting)
                    await asyncio.sleep(_AGAIN)
            self._oldest.pop(job_id, None)
            self._has_called = True
            self._woken.set()
        finally:
            self._calls.pop(job_id, None)

    async def _call(self, beat: Beat, since: float) -> bool:
        """Call once; whether that is all that is to be done about it: it is told, or cannot be, or is old."""
        if self._clock.monotonic() - since >= DROPPED_AFTER:
            return True
        trouble = self._troubles.get(beat.job_id) or Trouble(
            log, over=f"the heartbeat of {beat.job_id} is called again"
        )
        try:
            url = await _token(beat.url, self._root, self._environment).read()
            await call(url if beat.is_well else failure_of(url))
        except (NotSent, Rejected) as error:
            hint = f"; {error.hint}" if isinstance(error, Rejected) else ""
            self._troubles[beat.job_id] = trouble
            trouble.met(f"the heartbeat of {beat.job_id} is not called: {error}{hint}")
            return isinstance(error, Rejected)
        trouble.over()
        self._troubles.pop(beat.job_id, None)
        return True


def _token(written: Any, root: Path, environment: Mapping[str, str]) -> Token:
    """What reads the address."""
    if isinstance(written, str):
        return Token(Place("heartbeat", None, text=written), environment)
    if "file" in written:
        return Token(Place("heartbeat", root / written["file"]), environment)
    return Token(Place("heartbeat", None, written["from_env"]), environment)
