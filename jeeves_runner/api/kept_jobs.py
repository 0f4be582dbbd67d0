"""The list of jobs as JSON, kept as long as the server runs: of 10,000 jobs it is some 15 MB.

All that decides is asked at each request, so that nothing old is shown: whether any process has committed,
whether the timetable has moved, which jobs catch up, and the time. Where one of these is another, the rows
are read again, and a job is encoded anew only if its own are others. To encode 10,000 takes half a second, so
it is done before the first request, and again by and by while none comes.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.commits import Commits
from jeeves_runner.api.job_texts import JobsNow, JobTexts, read_texts
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.api.services import ApiServices
from jeeves_runner.clock import thread_seconds
from jeeves_runner.troubles import Trouble
from jeeves_runner.views.occurrences import Moments

log = logging.getLogger(__name__)

_SETTLED: Final = 1.0
"""Seconds after the start until the first list is read: what was missed starts first."""

_REST: Final = 60.0
"""Seconds between two looks of its own: so few jobs are others by then that the next request is short."""

_SHARE: Final = 10
"""While anything runs, lists are read in one of so many parts of the time, and less."""

_GAP: Final = 1.0
"""Seconds after which a run that has ended counts no more as one that runs: the next one may be near."""

_LONGEST_REST: Final = 0.1
"""Seconds that a request waits for that at most. What it gets then is of then."""


class _Moment(NamedTuple):
    """What is asked at each request: while it is the same, no job is another but by the time."""

    version: int
    """The commits that the event loop's connection has seen of others; it makes none."""
    moves: int
    """The changes of the timetable."""
    late: Moments
    """The jobs that catch up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """A list, and for how long it is shown."""

    number: int
    """How many were begun before."""
    moment: _Moment
    """Read before the list was, which may be newer than that."""
    since: datetime
    """When it was read: with an earlier time, the clock was set."""
    until: datetime | None
    """When the time alone makes another of it; None: never."""
    texts: JobTexts
    """The list."""


class KeptJobs:
    """Shows the list of jobs. Used in the event loop."""

    def __init__(self, services: ApiServices, reads: ReadPool, commits: Commits) -> None:
        self._services = services
        self._commits = commits
        self._reads = reads
        self._one_at_a_time = asyncio.Lock()
        self._kept: _Kept | None = None
        self._begun = 0
        self._process = secrets.token_hex(6)
        self._next_read = 0.0
        self._ran_at = -_GAP
        self._trouble = Trouble(log, over="the list of jobs is read again")
        self._keeping: asyncio.Task[None] | None = None
        self.spent = 0.0
        """The seconds of processor that reading has taken so far."""

    async def texts(self, came: int) -> JobTexts:
        """The list, no older than the request, which has ``came`` after so many looks at the commits."""
        if self._kept is not None and self._holds(self._kept, came):
            return self._kept.texts
        begun = self._begun
        async with self._one_at_a_time:  # a list that was begun after the call serves all that wait by then
            kept = self._kept
            if kept is None or (kept.number < begun and not self._holds(kept, came)):
                await self._give_way()
                kept = await self._read(kept)
            return kept.texts

    async def _give_way(self) -> None:
        """Let what runs go first: to read a list takes of the interpreter what starts and ends need."""
        now = asyncio.get_running_loop().time()
        if self._services.runs.running_ids:
            self._ran_at = now
        if now < self._next_read and now - self._ran_at < _GAP:
            await asyncio.sleep(self._next_read - now)

    async def start(self, _app: web.Application) -> None:
        """Have a list ready from now on."""
        self._keeping = asyncio.create_task(self._keep_ready(), name="list of jobs")

    async def close(self, _app: web.Application) -> None:
        """Keep nothing any more."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        self._kept = None

    async def _keep_ready(self) -> None:
        rest = _SETTLED
        while True:
            await asyncio.sleep(rest)
            try:
                await self.texts(self._commits.looks)
                self._trouble.over()
            except Exception as fault:  # noqa: BLE001 - a disk that fails: a request is told so as it comes
                self._trouble.met(f"the list of jobs cannot be read: {fault}")
            rest = _REST

    def _moment(self, version: int) -> _Moment:
        return _Moment(version, self._services.moves(), self._services.catching_up())

    def _holds(self, kept: _Kept, came: int) -> bool:
        now = self._services.clock.now()
        in_time = kept.since <= now and (kept.until is None or now < kept.until)
        return in_time and kept.moment == self._moment(self._commits.version(came))

    async def _read(self, before: _Kept | None) -> _Kept:
        number, self._begun = self._begun, self._begun + 1
        moment = self._moment(self._commits.look())
        texts = None if before is None else before.texts
        tag = f"{self._process}-{number}"
        reading = partial(self._texts_of, moment=moment, before=texts, tag=tag)
        loop = asyncio.get_running_loop()
        began = loop.time()
        since, until, found, spent = await self._reads.read(reading)
        self.spent += spent
        took = loop.time() - began
        self._next_read = began + took + min(took * _SHARE, _LONGEST_REST)
        kept = _Kept(number=number, moment=moment, since=since, until=until, texts=found)
        self._kept = kept
        return kept

    def _texts_of(
        self, conn: apsw.Connection, *, moment: _Moment, before: JobTexts | None, tag: str
    ) -> tuple[datetime, datetime | None, JobTexts, float]:
        """In the pool: when the list was read, when the time alone makes another of it, the list, and the
        seconds of processor that it took."""
        now, began = self._services.clock.now(), thread_seconds()
        jobs_now = JobsNow(now, moment.moves, moment.late, self._services.next_run)
        found, until = read_texts(conn, jobs_now, before, tag)
        return now, until, found, thread_seconds() - began
