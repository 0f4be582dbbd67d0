"""The ways into ``Runs``, and its rows, under names that stay: tests of admission pass through here alone.

A door only fires; it waits for nothing. ``Doors.rest`` waits until all that follows is committed.
"""

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw
from support.clock import HandClock
from support.held_writer import HeldWriter
from support.resting import RestingLoop
from support.runs import Place
from support.scripted import ScriptedExecutor

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import CancelCause, JobSpec, RunStatus, Trigger
from jeeves_runner.core.outcome import Exited
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import backfills, overrides, skipping
from jeeves_runner.db.backfills import Wanted
from jeeves_runner.db.connection import connect
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.errors import Conflict, Fenced, NoServer, NotFound
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runner.backfills import Backfills
from jeeves_runner.runs import Runs

REFUSALS: Final = (Conflict, NotFound)
LOST: Final = (Fenced, NoServer)
"""What a request may raise if its runner goes down meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenRow:
    """A row of ``runs`` as far as admission decides about it."""

    id: int
    job: str
    status: RunStatus
    trigger: Trigger
    reason: str | None
    """The word alone; ``reason_ref`` has its object."""
    forced: bool
    scheduled_for: datetime | None
    last_for: datetime | None
    occurrences: int
    attempt: int
    chain: int | None
    not_before: datetime | None
    started: bool
    cause: str | None


def read_rows(conn: apsw.Connection) -> list[SeenRow]:
    """All rows, oldest first."""
    found = conn.execute(
        "SELECT id, job_id, status, trigger, reason, forced, scheduled_for, last_for, occurrences, attempt,"
        " chain_id, not_before, started_at IS NOT NULL, cancel_cause FROM runs ORDER BY id"
    )
    return [
        SeenRow(
            id=row[0],
            job=row[1],
            status=RunStatus(row[2]),
            trigger=Trigger(row[3]),
            reason=row[4],
            forced=bool(row[5]),
            scheduled_for=_time(row[6]),
            last_for=_time(row[7]),
            occurrences=row[8],
            attempt=row[9],
            chain=row[10],
            not_before=_time(row[11]),
            started=bool(row[12]),
            cause=row[13],
        )
        for row in found
    ]


def read_watermarks(conn: apsw.Connection) -> dict[str, datetime | None]:
    """The last decided occurrence of each job."""
    found = conn.execute("SELECT id, decided_until FROM jobs")
    return {job_id: _time(until) for job_id, until in found}


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


class Doors:
    """A runner with a scripted executor, and all the ways in which others reach it.

    ``one_by_one``: no two writes share a commit. Else it depends on the moment which of them do, and with
    that their order.
    """

    def __init__(
        self,
        place: Place,
        loop: RestingLoop,
        *,
        limit: int,
        pools: Mapping[str, int],
        one_by_one: bool = False,
    ) -> None:
        assert isinstance(place.clock, HandClock)
        self.place = place
        self.clock = place.clock
        self.loop = loop
        self._limit = limit
        self._pools = pools
        self._one_by_one = one_by_one
        self._asked: set[asyncio.Future[Any]] = set()
        self._writers: list[HeldWriter] = []
        self._all_runs: list[Runs] = []

    # Life

    async def start(self) -> None:
        """Begin an epoch and a runner of it."""
        self.executor = ScriptedExecutor(self._limit)
        self.writer = HeldWriter(self.place.path, self.clock, self.loop)
        self._writers.append(self.writer)
        self.writer.start()
        await self.writer.hurry()
        epoch = await self.writer.write(lambda tx: begin_epoch(tx, os.getpid(), "boot"))
        self._conn = connect(self.place.path)
        self._runs = Runs(
            conn=self._conn,
            writer=self.writer,
            executors=Executors([self.executor], lambda _spec: "local", RunOrigin.here(self.place.path)),
            clock=self.clock,
            epoch=epoch,
            logs=self.place.logs,
            pools=self._pools,
        )
        self._all_runs.append(self._runs)
        self.writer.holds = self._one_by_one
        started = self.fire(self._runs.start_up())
        if self._one_by_one:
            await self.rest()
        await started

    async def shut_down(self) -> None:
        """End the runner in good order, and what runs with it."""
        self.executor.obeys = True
        for run_id in self.executor.asked & set(self.executor.live):
            self.executor.end(run_id, Exited(signal="SIGTERM"))
        down = self.fire(self._runs.shut_down(0))
        if self.writer.holds:
            await self.rest()
            await self.writer.release()
        await down
        await self.writer.stop()
        self._conn.close()

    def abandon(self) -> None:
        """Leave the runner as it is, as if its process had died: nothing it holds back gets committed."""
        self.writer.holds = True

    async def close(self) -> None:
        """End whatever is left of all runners."""
        for writer in self._writers:
            writer.holds = False
        for runs in self._all_runs:
            runs.fence(Fenced("the test is over"))
        mine = asyncio.current_task()
        while left := [task for task in asyncio.all_tasks() if task is not mine]:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        for writer in self._writers:
            await writer.stop()
        self._conn.close()

    async def rest(self) -> None:
        await self.loop.rest()
        if self._one_by_one:
            await self.writer.commit_one_by_one()

    # Requests

    def arrive_due(self, due: Due) -> "asyncio.Future[list[Run]]":
        """The scheduler hands over what has come due."""
        return self._keep(self._runs.submit(due))

    def request_by_hand(self, job_id: str, *, forced: bool = False) -> "asyncio.Future[Run]":
        """As the HTTP API does; the future raises one of REFUSALS."""
        return self.fire(self._runs.request(job_id, None, forced))

    def write_request(self, job_id: str, *, forced: bool = False) -> int:
        """As the command line does; the runner has not heard of it yet. Raises one of REFUSALS."""
        return self.place.request(job_id, forced=forced).id

    def look(self) -> "asyncio.Future[None]":
        """The runner hears that another program has written something."""
        return self.fire(self._runs.look())

    def cancel(self, run_id: int) -> "asyncio.Future[Run]":
        return self.fire(self._runs.cancel(run_id))

    def write_cancel(self, run_id: int) -> None:
        """As the command line does; the runner has not heard of it yet."""
        with self.place.write() as tx:
            request_cancel(tx, run_id, CancelCause.CANCEL)

    # What happens

    def end(self, run_id: int, code: int) -> None:
        """The program of a run exits."""
        self.executor.end(run_id, Exited(code=code))

    def pause(self, job_id: str | None, until: datetime | None) -> "asyncio.Future[None]":
        """Of a job, or of all; so with what follows."""
        self.write_pause(job_id, until)
        return self.look()

    def resume(self, job_id: str | None) -> "asyncio.Future[None]":
        self.write_resume(job_id)
        return self.look()

    def write_pause(self, job_id: str | None, until: datetime | None) -> None:
        """As the command line does; the runner, if there is one, has not heard of it yet."""
        with self.place.write() as tx:
            overrides.pause(tx, job_id, until=None if until is None else End(until), reason=None, by="test")

    def write_resume(self, job_id: str | None) -> None:
        with self.place.write() as tx:
            overrides.resume(tx, job_id, by="test")

    def write_skip(self, job_id: str, when: datetime, reason: str | None = None) -> None:
        """As the command line does. Raises one of REFUSALS."""
        with self.place.write() as tx:
            skipping.skip(tx, job_id, to_text(when), reason=reason, by="test")

    def write_unskip(self, job_id: str, when: datetime) -> None:
        """Likewise."""
        with self.place.write() as tx:
            skipping.unskip(tx, job_id, to_text(when), by="test")

    def write_backfill(self, job_id: str, first: datetime, last: datetime, parallel: int) -> None:
        """Likewise, for the times from the first to the last."""
        wanted = Wanted(job_id, first, last + timedelta(seconds=1), parallel=parallel)
        with self.place.write() as tx:
            backfills.begin(tx, wanted, by="test")

    def take_backfills_further(self) -> "asyncio.Future[None]":
        """As far as they go now."""
        its = Backfills(conn=self._conn, writer=self.writer, runs=self._runs, clock=self.clock)
        return self.fire(its.look())

    def apply(self, *specs: JobSpec, delete: tuple[str, ...] = ()) -> "asyncio.Future[None]":
        return self.fire(self._runs.on_plan(self.place.apply(*specs, delete=delete)))

    # What is there

    def rows(self) -> list[SeenRow]:
        return read_rows(self.place.conn)

    def watermarks(self) -> dict[str, datetime | None]:
        return read_watermarks(self.place.conn)

    def fire(self, what: Coroutine[Any, Any, Any]) -> "asyncio.Future[Any]":
        """Let it happen in a task of its own, which may be left alone."""
        return self._keep(self.loop.create_task(what))

    def _keep(self, future: "asyncio.Future[Any]") -> "asyncio.Future[Any]":
        self._asked.add(future)
        future.add_done_callback(self._forget)
        return future

    def _forget(self, future: "asyncio.Future[Any]") -> None:
        self._asked.discard(future)
        if not future.cancelled():
            with suppress(Exception):
                future.exception()


def make_place(template: Path, folder: Path, clock: HandClock, specs: Sequence[JobSpec]) -> Place:
    """A place with these jobs; the template is an empty database, open in no process."""
    (folder / "runner.sqlite").write_bytes(template.read_bytes())
    place = Place(folder, clock)
    place.conn.pragma("synchronous", 0)
    place.apply(*specs)
    return place
