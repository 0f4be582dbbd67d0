"""Starts the jobs that say ``on_change`` when their files have changed and rest again.

It looks at what is and compares it with what the database says was seen last: what changes while no runner
runs is found by the next one. A change and the run that it starts are one transaction.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.changes import Prints, Watching
from jeeves_runner.core.edge_spec import why_unwatched
from jeeves_runner.db import change_watches, revisions
from jeeves_runner.db.change_watches import Changed, Watched
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.transaction import snapshot
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import JeevesError
from jeeves_runner.runner.fingerprints import MOST, fingerprint
from jeeves_runner.runner.rounds import in_rounds
from jeeves_runner.side_thread import SILENT, SideThread
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_LOOK: Final = 0.5
"""Seconds between two looks at what the threads have found."""

EVERY: Final = 1.0
"""Seconds between two looks at the files of a job ..."""
_SHARE: Final = 20
"""... and so many times as long as one of them takes, if that is more."""

_PATIENCE: Final = 120.0
"""Seconds after which files do not answer: there may be very many of them."""
_AGAIN: Final = 10.0
"""Seconds until files are asked again that could not be."""


class _Found(NamedTuple):
    prints: Prints
    seconds: float
    """How long the look took."""
    too_many: tuple[str, ...]
    """Of what there are more entries than are looked at."""


class _Job:
    """A job with what is known of its files."""

    def __init__(self, said: Watched, places: Mapping[str, str], thread: SideThread) -> None:
        self.id = said.job_id
        self.debounce = said.debounce
        self.places = places
        self.watched = _hash(places)
        self.state = Watching(said.prints if said.watched == self.watched else None)
        self.noted = said.changed_at
        """When it was first seen that they have changed, as people can read it."""
        self.thread = thread
        self.pause = EVERY
        self.due = 0.0
        self.look: asyncio.Task[_Found] | None = None
        self.trouble = Trouble(log, over=f"the files that start {said.job_id} are looked at again")
        self.is_too_large = False


class ChangeWatch:
    """``conn`` is read in the event loop, ``reads`` is its own. ``root``: where patterns of paths begin.
    ``entered``: called when a run was entered that a change starts."""

    def __init__(
        self,
        conn: apsw.Connection,
        reads: ThreadReads,
        writer: Writer,
        clock: Clock,
        *,
        root: Path,
        entered: Callable[[], Awaitable[None]],
    ) -> None:
        self._conn = conn
        self._reads = reads
        self._writer = writer
        self._clock = clock
        self._root = root
        self._entered = entered
        self._revision = -1
        self._jobs: dict[str, _Job] = {}

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told once, and the next one makes up for it."""
        try:
            await in_rounds(
                self.look,
                _LOOK,
                log,
                failed="it is not known which files start jobs",
                over="the files that start jobs are looked at again",
            )
        finally:
            for job in self._jobs.values():
                _leave(job)

    async def look(self) -> None:
        """Ask the files that are due, and act on what was found since the last look."""
        revision = revisions.head(self._conn)
        if revision != self._revision:
            await self._follow()
            self._revision = revision
        for job in self._jobs.values():
            try:
                await self._attend(job)
            except JeevesError as error:
                job.trouble.met(f"{job.id} was to start for a change: {error}", logging.ERROR)
                job.due = self._clock.monotonic() + _AGAIN

    async def _follow(self) -> None:
        """Other jobs, or other files: what is known of those that stay is kept."""
        said, left_over = await self._reads.read(_declared)
        if left_over:
            await self._writer.write(lambda tx: change_watches.forget(tx, left_over))
        before, self._jobs = self._jobs, {}
        for each in said:
            known = before.pop(each.job_id, None)
            places = self._places(each)
            if known is not None and known.watched == _hash(places) and each.watched == known.watched:
                known.debounce = each.debounce
                self._jobs[each.job_id] = known
                continue
            if known is not None:
                _leave(known)
            if places:
                thread = SideThread(f"files of {each.job_id}")
                self._jobs[each.job_id] = _Job(each, places, thread)
        for gone in before.values():
            _leave(gone)

    def _places(self, said: Watched) -> dict[str, str]:
        """Where the files are, by what the job names; without those that no path leads to."""
        places: dict[str, str] = {}
        for of, path in said.places.items():
            why = why_unwatched(path)
            if path is not None and why is None:
                places[of] = str(self._root / path)
            else:
                log.warning("changes of %s do not start %s: %s", of, said.job_id, why)
        return places

    async def _attend(self, job: _Job) -> None:
        awake = self._clock.monotonic()
        if job.look is None:
            if awake >= job.due:
                asking = job.thread.call(lambda: _ask(job.places, self._clock), _PATIENCE)
                job.look = asyncio.ensure_future(asking)
            return
        if not job.look.done():
            return
        looked, job.look = job.look, None
        try:
            found = looked.result()
        except OSError as error:
            why = SILENT if isinstance(error, TimeoutError) else str(error)
            job.trouble.met(f"the files that start {job.id} cannot be looked at: {why}")
            job.due = awake + _AGAIN
            return
        job.trouble.over()
        job.pause = max(EVERY, _SHARE * found.seconds)
        job.due = awake + job.pause
        self._tell_of_size(job, found)
        if job.state.taken is None:
            await self._writer.write(lambda tx: change_watches.take(tx, job.id, job.watched, found.prints))
            job.state, job.noted = Watching(found.prints), None
            return
        job.state = job.state.looked(found.prints, self._clock.now(), awake)
        if job.state.first_at != job.noted:
            since = job.state.first_at
            await self._writer.write(lambda tx: change_watches.note_change(tx, job.id, since), durable=False)
            job.noted = since
        if job.state.has_settled(awake, job.debounce.total_seconds()):
            await self._start(job)

    async def _start(self, job: _Job) -> None:
        """Have the job run, if it may: else the change is there at the next look too."""
        state = job.state
        if state.taken is None or state.seen is None or state.first_at is None or state.last_at is None:
            return
        if not change_watches.may_start(self._conn, job.id, self._clock.now()):
            return
        first, *_ = state.changed
        change = Changed(
            job_id=job.id,
            watched=job.watched,
            before=state.taken,
            after=state.seen,
            of=first,
            place=job.places[first],
            since=state.first_at - job.debounce - timedelta(seconds=job.pause),
            until=state.last_at,
        )
        if await self._writer.write(lambda tx: change_watches.start(tx, change)) is not None:
            job.state, job.noted = Watching(state.seen), None
            await self._entered()

    def _tell_of_size(self, job: _Job, found: _Found) -> None:
        if found.too_many and not job.is_too_large:
            named = ", ".join(found.too_many)
            log.warning("of %s, which starts %s, only %d entries are watched", named, job.id, MOST)
        job.is_too_large = bool(found.too_many)


def _declared(conn: apsw.Connection) -> tuple[list[Watched], list[str]]:
    with snapshot(conn):
        return change_watches.watched(conn), change_watches.left_over(conn)


def _ask(places: Mapping[str, str], clock: Clock) -> _Found:
    """In a thread: look at the files."""
    began = clock.monotonic()
    found = {of: fingerprint(place) for of, place in places.items()}
    too_many = tuple(of for of, each in found.items() if not each.is_whole)
    prints = {of: each.digest for of, each in found.items()}
    return _Found(prints, clock.monotonic() - began, too_many)


def _hash(places: Mapping[str, str]) -> str:
    return blake2b(json.dumps(list(places.items())).encode(), digest_size=16).hexdigest()


def _leave(job: _Job) -> None:
    if job.look is not None:
        job.look.cancel()
