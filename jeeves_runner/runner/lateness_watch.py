"""Watches the runs that wait and run: whether they start in time, take too long, or outlast the time to the
next one.

It is told when a bound passes. What no look has seen, because a run began and ended between two, is found at
its end, in the transaction that records it. Nothing has to be remembered over a restart: how a run stands is
in its row, and so is what has been counted of it.
"""

import asyncio
import logging
from collections.abc import Container, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock, Slice
from jeeves_runner.core.alerts.lateness import Standing, is_in_time, next_look, wrong
from jeeves_runner.core.alerts.lateness_words import About, facts_of
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import RunStatus
from jeeves_runner.db import jobs, lateness, revisions
from jeeves_runner.db.lateness import Found, Watched
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.rounds import in_rounds

log = logging.getLogger(__name__)

_LOOK: Final = 2.0
"""Seconds between two looks."""

_AT_ONCE: Final = 10
"""Runs that are read, and written about, at once."""


class _Known(NamedTuple):
    """What is known of a run, so that it need not be read at each look."""

    job_id: str
    """Its job; empty: one that is deleted, of which nothing is told."""
    is_running: bool
    """Whether it runs, or waits."""
    started_at: datetime | None = None
    """As its row had it."""
    began: float = 0.0
    """When it started, by the clock that stands still while the machine sleeps."""
    at: datetime | None = None
    """It is to be looked at again after this moment; None: not for that."""
    awake: float | None = None
    """And once that clock shows this."""

    @property
    def is_to_be_remembered(self) -> bool:
        """Not one that waits and has nothing to be looked at for: it counts as new when it starts, and if it
        never does, it is not known when it can be forgotten."""
        return self.is_running or self.at is not None or self.awake is not None


class LatenessWatch:
    """The runs that wait and run, as far as they are known. ``conn`` is read in the event loop."""

    def __init__(self, *, conn: apsw.Connection, writer: Writer, clock: Clock) -> None:
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._slice = Slice(clock)
        self._known: dict[int, _Known] = {}
        self._newest_waiting = 0
        self._revision = revisions.head(conn)

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told once, and the next one makes up for it."""
        await in_rounds(
            self.look,
            _LOOK,
            log,
            failed="late runs could not be noted",
            over="late runs are looked after again",
        )

    async def look(self) -> None:
        """Note what is beyond its bounds now, and was not."""
        self._slice.begin()
        self._forget_changed_jobs()
        running = lateness.running(self._conn)
        waiting = lateness.waiting_since(self._conn, self._newest_waiting)
        for run_id in [run_id for run_id, run in self._known.items() if run.is_running]:
            if run_id not in running:
                del self._known[run_id]
        new = sorted(run_id for run_id in running if not self._is_known_to_run(run_id))
        for run_ids in _portions(list(dict.fromkeys([*new, *waiting, *self._due()]))):
            await self._look_at(run_ids, running)
            if self._slice.is_over:
                await asyncio.sleep(0)
                self._slice.begin()
        self._newest_waiting = max([self._newest_waiting, *waiting])

    def _is_known_to_run(self, run_id: int) -> bool:
        known = self._known.get(run_id)
        return known is not None and known.is_running

    def _forget_changed_jobs(self) -> None:
        """Their runs are held against what is expected of them now."""
        head = revisions.head(self._conn)
        if head == self._revision:
            return
        changed = jobs.written_of(self._conn, {run.job_id for run in self._known.values()}, self._revision)
        self._known = {run_id: run for run_id, run in self._known.items() if run.job_id not in changed}
        self._newest_waiting = 0
        self._revision = head

    def _due(self) -> list[int]:
        now, awake = self._clock.now(), self._clock.monotonic()
        return [
            run_id
            for run_id, run in self._known.items()
            if (run.at is not None and now > run.at) or (run.awake is not None and awake >= run.awake)
        ]

    async def _look_at(self, run_ids: Sequence[int], running: Container[int]) -> None:
        """Read these runs and judge them; they are known once what was found is noted."""
        found: list[Found] = []
        known: dict[int, _Known] = {}
        for run in lateness.watched(self._conn, run_ids):
            if run.status in (RunStatus.SCHEDULED, RunStatus.RUNNING):
                known[run.id] = self._judge(run, found)
        if found:
            await self._writer.write(lambda tx: lateness.record(tx, found))
        for run_id in run_ids:
            self._known.pop(run_id, None)
            if run_id in running and run_id not in known:
                self._known[run_id] = _Known("", is_running=True)
        self._known |= {run_id: run for run_id, run in known.items() if run.is_to_be_remembered}

    def _judge(self, run: Watched, found: list[Found]) -> _Known:
        """What is known of a run now; what is to be noted goes to ``found``."""
        now, awake = self._clock.now(), self._clock.monotonic()
        before = self._known.get(run.id)
        began = awake
        if run.started_at is not None:
            has_begun_before = before is not None and before.started_at == run.started_at
            ago = max(0.0, (now - run.started_at).total_seconds())
            began = before.began if before is not None and has_begun_before else awake - ago
        known = _Known(run.job_id, run.status is RunStatus.RUNNING, run.started_at, began)
        if run.is_of_the_past:
            return known
        length = timedelta(seconds=awake - began)
        standing = Standing(now, run.started_at, length)
        whole, usual = lateness.bounds_of(self._conn, run, length)
        if run.was_late and run.is_first and run.started_at is not None and is_in_time(standing, whole):
            found.append(Found(run, Cause.LATE, None))
        bounds = whole.without({*run.noted, *(cause for cause in lateness.BITS if cause not in run.on)})
        bounds = lateness.fair(self._conn, run, standing, bounds)
        beyond = set(wrong(standing, bounds))
        for cause in sorted(beyond):
            about = About(run.scheduled_for, run.zone, usual, waits=run.waits)
            found.append(Found(run, cause, facts_of(cause, standing, bounds, about)))
        coming = next_look(standing, bounds.without(beyond))
        again = None if coming.length is None else began + coming.length.total_seconds()
        return known._replace(at=coming.at, awake=again)


def _portions(run_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(run_ids), _AT_ONCE):
        yield run_ids[start : start + _AT_ONCE]
