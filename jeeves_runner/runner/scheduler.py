"""The loop that knows what is due: it keeps the timetable and hands due occurrences to the runs.

A late look and a restart are the same case: whatever has become due since the last decided
occurrence is handed over at once, and what becomes of it is decided there.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import apsw

from jeeves_runner.clock import Clock, Slice
from jeeves_runner.core.catching_up import CatchingUp, Late, is_late
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.schedule.timetable import Due, Timetable
from jeeves_runner.db import jobs
from jeeves_runner.db.timetable_rows import TimetableRow, schedule_of, timetable_rows
from jeeves_runner.errors import Conflict, DatabaseError, JeevesError, NoServer
from jeeves_runner.side_thread import SideThread
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

LONGEST_SLEEP = 1.0
"""Seconds between two looks at the clocks."""

_IDS_AT_ONCE = 1000
_ROWS_AT_ONCE = 100
"""So many are read without a pause, in about two milliseconds. Most portions have some that go through the
thread, and to wait for that costs as much as to place several."""
_DUE_AT_ONCE = 8
_MILLISECOND = timedelta(milliseconds=1)


class DueRuns(Protocol):
    """Decides about due occurrences; see ``Runs``."""

    def expect(self, job_ids: Sequence[str]) -> None: ...

    def submit(self, due: Due) -> "asyncio.Future[list[Run]]": ...


class SetClocks(Protocol):
    """Notices when the clock is set, and puts right what it has left; see ``ClockWatch``."""

    async def look(self) -> bool: ...

    async def put_right(self) -> None: ...


class Scheduler:
    """Watches the clock for all scheduled jobs. Use it from one event loop.

    ``conn`` is for its reads there. Jobs whose schedule stays as it is keep their timer.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        runs: DueRuns,
        clock: Clock,
        clocks: SetClocks,
        spread_ms: int = 0,
    ) -> None:
        """``spread_ms``: over how many milliseconds the jobs are spread that catch up after a silence."""
        self._conn = conn
        self._runs = runs
        self._clock = clock
        self._set_clocks = clocks
        self._timetable = Timetable()
        self._searches = SideThread("schedules")
        self._spread = timedelta(milliseconds=spread_ms)
        self._catching_up = CatchingUp(self._spread)
        self._looks_one_at_a_time = asyncio.Lock()
        self._known: dict[str, TimetableRow] = {}
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._undecided: set[str] = set()
        self._trouble = Trouble(log, over="what is due is recorded again")
        self._is_torn = False  # whether the timetable may lack something
        self._plans = 0  # how many applies this has heard of
        self._slice = Slice(clock)
        self._looked: float | None = None

    def __len__(self) -> int:
        return len(self._timetable)

    @property
    def tick_age(self) -> float | None:
        """Seconds since the last look at the clock ended; None before the first. Its own clock stands still
        while the machine sleeps."""
        return None if self._looked is None else self._clock.monotonic() - self._looked

    def next_of(self, job_id: str) -> datetime | None:
        """When a job is due next; None if it is not scheduled."""
        return self._timetable.next_of(job_id)

    def moves(self) -> int:
        """A number that changes with each change of what ``next_of`` says."""
        return self._timetable.moves

    def catching_up(self) -> Mapping[str, datetime]:
        """When the jobs will catch up that are late and have no row yet, by id; the first ones first."""
        return self._catching_up.moments()

    def nudge(self) -> None:
        """Look at the clock now."""
        self._wake.set()

    async def load(self) -> None:
        """Put every live job on the timetable, from its last decided occurrence on."""
        self._is_torn = True
        self._known.clear()
        self._catching_up.clear()
        count, last = 0, ""
        while ids := jobs.live_ids_after(self._conn, last, _IDS_AT_ONCE):
            await self._read_jobs(ids)
            count, last = count + len(ids), ids[-1]
        self._is_torn = False
        log.info("%d of %d jobs are scheduled", len(self._timetable), count)

    async def on_plan(self, job_ids: Sequence[str]) -> None:
        """These jobs were written by an apply: look at them again."""
        self._plans += 1
        await self._read_jobs(job_ids)
        self.nudge()

    async def run(self) -> None:
        """Hand over what is due when it is due, until cancelled, or until the database cannot be read.

        Begun again, it puts all jobs on the timetable anew: what was in hand is due again.
        """
        while True:
            if self._is_torn:
                await self.load()
            if await self._set_clocks.look():
                await self.load()
            await self.look()
            await self._sleep()

    async def look(self) -> None:
        """Hand over what is due by now. Returns before it is recorded."""
        try:
            async with self._looks_one_at_a_time:  # what is late is put into one order
                await self._look()
            self._looked = self._clock.monotonic()
        except BaseException:
            self._is_torn = True  # what was taken off the timetable has not all been handed over
            raise

    async def _look(self) -> None:
        if self._undecided:
            again, self._undecided = list(self._undecided), set()
            for job_id in again:
                self._known.pop(job_id, None)
            await self._read_jobs(again)
        now = self._clock.now()
        late: list[Late] = []
        while batch := self._timetable.due(now, limit=_DUE_AT_ONCE):
            late += (Late(due, self._priority_of(due.job_id)) for due in batch if is_late(due, now))
            self._hand_over([self._catching_up.joined(due) for due in batch if not is_late(due, now)])
            await self._breathe()
        if late:
            self._catching_up.add(late, now)
            if self._spread and len(late) > 1:
                over = in_units(self._spread // _MILLISECOND)
                log.info("%d jobs catch up, spread over %s", len(late), over)
        while batch := self._catching_up.due(now, limit=_DUE_AT_ONCE):
            self._hand_over(batch)
            await self._breathe()

    def _hand_over(self, batch: Sequence[Due]) -> None:
        self._runs.expect([due.job_id for due in batch])
        for due in batch:
            if due.job_id in self._undecided:
                continue  # its row still knows of more, and is read again before anything of it is due
            self._runs.submit(due).add_done_callback(partial(self._decided, due.job_id, self._plans))

    def _priority_of(self, job_id: str) -> int:
        row = self._known.get(job_id)
        return 0 if row is None else row.priority

    def _decided(self, job_id: str, plans: int, recorded: "asyncio.Future[list[Run]]") -> None:
        """What could not be recorded is due again: its row still says so.

        Not where the job's row was damaged by hand: to try it again is no use before an apply has written it.
        ``plans``: how many had been heard of when this was handed over.
        """
        if recorded.cancelled():
            return
        error = recorded.exception()
        if error is None:
            self._trouble.over()
            return
        if isinstance(error, NoServer | asyncio.CancelledError):  # the runner stops; the next one decides
            return
        if isinstance(error, Conflict) and plans == self._plans:
            self._remove(job_id)
        else:
            self._undecided.add(job_id)
        if isinstance(error, DatabaseError):  # the same for all that is due meanwhile
            self._trouble.met(f"nothing that is due can be recorded: {error}", logging.ERROR)
            return
        known = isinstance(error, JeevesError)
        log.error(
            "%s was due, and nothing could be recorded: %s", job_id, error, exc_info=not known and error
        )

    # The timetable

    async def _read_jobs(self, job_ids: Sequence[str]) -> None:
        async with self._one_at_a_time:  # a row that was read before an apply is not placed after the new one
            for ids in _portions(job_ids):
                rows, now = await self._rows(ids), self._clock.now()
                await self._search(row for row in rows.values() if row is not None)
                for job_id, row in rows.items():
                    self._place(job_id, row, now)
                    await self._breathe()

    async def _rows(self, job_ids: Sequence[str]) -> dict[str, TimetableRow | None]:
        """What decides when these jobs are due.

        Where a clock that was wrong has decided far ahead, that is put right first, for all who read it.
        """
        rows = self._read(job_ids)
        now = self._clock.now()
        if any(row is not None and row.is_decided_far_ahead(now) for row in rows.values()):
            await self._set_clocks.put_right()
            rows = self._read(job_ids)
        return rows

    def _read(self, job_ids: Sequence[str]) -> dict[str, TimetableRow | None]:
        found = {row.id: row for row in timetable_rows(self._conn, job_ids)}  # no cursor stays open
        return {job_id: found.get(job_id) for job_id in job_ids}

    async def _search(self, rows: Iterable[TimetableRow]) -> None:
        """Find in a thread when jobs are due, so that to place them costs nothing: it is kept where schedules
        are read. Rules and exclusions may take half a second, cron expressions alone do not. Without a thread
        it is found as they are placed."""
        now = self._clock.now()
        wanted = [row for row in rows if _may_take_long(row) and self._is_placed_anew(row)]
        if wanted:
            with suppress(OSError):
                await self._searches.call(partial(_search_all, wanted, now))

    def _is_placed_anew(self, row: TimetableRow) -> bool:
        known = self._known.get(row.id)
        is_due = row.enabled and not row.deleted and bool(row.schedule)
        return is_due and (known is None or not _same_times(known, row))

    def _place(self, job_id: str, row: TimetableRow | None, now: datetime) -> None:
        """Put a job where its row says."""
        if row is None or row.deleted or not row.enabled or not row.schedule:
            self._remove(job_id)
            return
        known = self._known.get(job_id)
        if known is not None and _same_times(known, row):
            self._known[job_id] = row
            return
        try:
            schedule = parse_schedule(row.schedule, row.timezone, row.namespace, row.exclude)
        except ScheduleError as error:
            # Written by hand or by another version: the next reconcile heals it.
            log.error("job %s cannot be scheduled: %s", job_id, error)
            self._remove(job_id)
            return
        self._known[job_id] = row
        self._catching_up.drop(job_id)
        self._timetable.put(job_id, schedule, row.undecided_since(now))

    def _remove(self, job_id: str) -> None:
        """Take a job off the timetable until its row is read again."""
        self._known.pop(job_id, None)
        self._catching_up.drop(job_id)
        self._timetable.remove(job_id)

    # Time

    async def _sleep(self) -> None:
        seconds = LONGEST_SLEEP
        wakes = [self._timetable.next_wake(), self._catching_up.next_wake()]
        wake = min((each for each in wakes if each is not None), default=None)
        if wake is not None:
            ahead = (wake - self._clock.now()) / timedelta(seconds=1)
            seconds = min(seconds, max(ahead, 0.0))
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _breathe(self) -> None:
        if self._slice.is_over:
            await asyncio.sleep(0)
            self._slice.begin()


def _same_times(one: TimetableRow, other: TimetableRow) -> bool:
    """Whether two states of a job are due at the same times."""
    return (one.schedule, one.timezone, one.exclude, one.namespace, one.schedule_since) == (
        other.schedule,
        other.timezone,
        other.exclude,
        other.namespace,
        other.schedule_since,
    )


def _may_take_long(row: TimetableRow) -> bool:
    return bool(row.exclude) or not all(isinstance(entry, str) for entry in row.schedule)


def _search_all(rows: Sequence[TimetableRow], now: datetime) -> None:
    for row in rows:
        schedule = schedule_of(row)
        if schedule is not None:
            schedule.next_after(row.undecided_since(now))


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        yield ids[start : start + _ROWS_AT_ONCE]
