"""Starts the jobs that say ``on_change`` when their files have changed and rest again.

It looks at what is and compares it with what the database says was seen last: what changes while no runner
runs is found by the next one. A change and the run that it starts are one transaction.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.changes import Watching
from jeeves_runner.core.edge_spec import why_unwatched
from jeeves_runner.db import change_watches, revisions
from jeeves_runner.db.change_watches import Changed, Watched
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.transaction import snapshot
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import JeevesError
from jeeves_runner.runner.looks import EVERY, Look, Looks
from jeeves_runner.runner.rounds import in_rounds
from jeeves_runner.troubles import Troubles

log = logging.getLogger(__name__)

_LOOK: Final = 0.5
"""Seconds between two looks at what the threads have found."""

_AGAIN: Final = 10.0
"""Seconds until a run is entered again that could not be."""


class _Job:
    """A job with what is known of its files. ``begins``: when it is first known."""

    def __init__(self, said: Watched, places: Mapping[str, str], begins: float) -> None:
        self.id = said.job_id
        self.debounce = said.debounce
        self.places = places
        self.watched = _hash(places)
        self.state = Watching(said.prints if said.watched == self.watched else None)
        self.noted = said.changed_at
        """When it was first seen that they have changed, as people can read it."""
        self.begins = begins
        self.judged: tuple[float, ...] = ()
        self.not_before = 0.0
        self.unchanged_at: datetime | None = None
        """The last moment at which its files are known not to have changed yet."""


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
        self._looks = Looks(clock)
        self._starts = Troubles(log, lambda job_id: f"{job_id} starts again when its files change")
        self._unwatched = Troubles(log, lambda name: f"changes of {name} again")

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
            self._looks.close()

    async def look(self) -> None:
        """Ask the files that are due, and act on what was found since the last look."""
        revision = revisions.head(self._conn)
        if revision != self._revision:
            await self._follow()
            self._revision = revision
        self._looks.attend()
        for job in self._jobs.values():
            if self._clock.monotonic() < job.not_before:
                continue
            try:
                await self._judge(job)
            except JeevesError as error:
                self._starts.met(job.id, f"{job.id} was to start for a change: {error}", logging.ERROR)
                job.not_before = self._clock.monotonic() + _AGAIN

    async def _follow(self) -> None:
        """Other jobs, or other files: what is known of those that stay is kept."""
        said, left_over = await self._reads.read(_declared)
        if left_over:
            await self._writer.write(lambda tx: change_watches.forget(tx, left_over))
        before, self._jobs = self._jobs, {}
        awake = self._clock.monotonic()
        for each in said:
            known = before.pop(each.job_id, None)
            places = self._places(each)
            if known is not None and known.watched == _hash(places) and each.watched == known.watched:
                known.debounce = each.debounce
                self._jobs[each.job_id] = known
                continue
            if places:
                self._jobs[each.job_id] = _Job(each, places, awake)
        self._looks.follow({path for job in self._jobs.values() for path in job.places.values()})
        for job in self._jobs.values():
            for path in job.places.values():
                self._looks.want(path, job.begins)

    def _places(self, said: Watched) -> dict[str, str]:
        """Where the files are, by what the job names; without those that no path leads to."""
        places: dict[str, str] = {}
        for of, path in said.places.items():
            why = why_unwatched(path)
            name = f"{of} start {said.job_id}"
            if path is not None and why is None:
                places[of] = str(self._root / path)
                self._unwatched.over(name)
            else:
                self._unwatched.met(name, f"changes of {of} do not start {said.job_id}: {why}")
        return places

    async def _judge(self, job: _Job) -> None:
        """Act on what the looks at its files have found that began when it was known."""
        looks = [self._looks.last(path) for path in job.places.values()]
        seen = [look for look in looks if look is not None and look.began >= job.begins]
        if len(seen) < len(looks):
            return
        oldest = min(look.began for look in seen)
        if (judged := tuple(look.began for look in seen)) != job.judged:
            await self._know(job, seen)
            job.judged = judged
            if job.state.seen is None:
                job.unchanged_at = self._moment(oldest)
        if job.state.has_settled(oldest, job.debounce.total_seconds()):
            await self._start(job, oldest)

    async def _know(self, job: _Job, seen: Sequence[Look]) -> None:
        """What these looks at its places have found is known of a job, and noted."""
        prints = {of: look.found.digest for of, look in zip(job.places, seen, strict=True)}
        if job.state.taken is None:
            await self._writer.write(lambda tx: change_watches.take(tx, job.id, job.watched, prints))
            job.state, job.noted = Watching(prints), None
            return
        ended = max(look.ended for look in seen)
        job.state = job.state.looked(prints, self._clock.now(), ended)
        if job.state.first_at != job.noted:
            since = job.state.first_at
            await self._writer.write(lambda tx: change_watches.note_change(tx, job.id, since), durable=False)
            job.noted = since

    def _moment(self, awake: float) -> datetime:
        """The wall clock's time of a moment of the past by the other clock."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - awake)

    async def _start(self, job: _Job, looked_at: float) -> None:
        """Have the job run, if it may: else the change is there at the next look too.

        ``looked_at``: what has become of its files since then is not known.
        """
        state = job.state
        if state.taken is None or state.seen is None or state.first_at is None or state.last_at is None:
            return
        if not change_watches.may_start(self._conn, job.id, self._clock.now()):
            return
        first, *_ = state.changed
        unchanged_at = job.unchanged_at or state.first_at - timedelta(seconds=EVERY)
        change = Changed(
            job_id=job.id,
            watched=job.watched,
            before=state.taken,
            after=state.seen,
            of=first,
            place=job.places[first],
            since=unchanged_at - job.debounce,
            until=state.last_at,
        )
        started = await self._writer.write(lambda tx: change_watches.start(tx, change))
        self._starts.over(job.id)
        if started is not None:
            job.state, job.noted = Watching(state.seen), None
            job.unchanged_at = self._moment(looked_at)
            await self._entered()


def _declared(conn: apsw.Connection) -> tuple[list[Watched], list[str]]:
    with snapshot(conn):
        return change_watches.watched(conn), change_watches.left_over(conn)


def _hash(places: Mapping[str, str]) -> str:
    return blake2b(json.dumps(list(places.items())).encode(), digest_size=16).hexdigest()
