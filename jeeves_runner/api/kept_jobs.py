"""The list of jobs as JSON, kept until something of it changes.

All that decides is asked at each request, so that nothing old is shown: whether any process has committed,
whether the timetable has moved, which jobs catch up, and the time. Where one of these is another, the rows
are read again, and a job is encoded anew only if its own are others.
"""

import asyncio
import secrets
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.commits import Commits
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.api.responses import encode
from jeeves_runner.api.services import ApiServices
from jeeves_runner.api.spool import IN_MEMORY
from jeeves_runner.clock import thread_seconds
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.overrides import next_change
from jeeves_runner.views.job_search import JobMarks, marks_of
from jeeves_runner.views.jobs import JobState, JobStates
from jeeves_runner.views.occurrences import Moments

_KEPT: Final = 60.0
"""Seconds without a request after which nothing is kept: of 10,000 jobs it is some 15 MB."""

_SHARE: Final = 10
"""While anything runs, lists are read in one of so many parts of the time, and less."""

_GAP: Final = 1.0
"""Seconds after which a run that has ended counts no more as one that runs: the next one may be near."""

_LONGEST_REST: Final = 0.1
"""Seconds that a request waits for that at most. What it gets then is of then."""

_FEW: Final = 4
"""Where more than one in so many jobs are others, all are read in one go."""

_AT_ONCE: Final = 64
"""Jobs that are put together at a time."""

_BEGIN: Final = b'{"jobs":['
_END: Final = b"]}"


class _Text(NamedTuple):
    """One job as JSON."""

    row: int
    """The hash of its sign, keyed anew in each process: two share one in 2**64 cases."""
    state: int
    """Likewise of the rest that it is made of."""
    text: bytes
    """The document."""
    marks: JobMarks
    """What it is found by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobTexts:
    """The list at one moment."""

    tag: str
    """Its version: another one if anything of it is another."""
    ids: Sequence[str]
    """The ids of the jobs, in order."""
    texts: Sequence[_Text]
    """The jobs, likewise."""
    whole: bytes | None
    """The document of all; None where that is too much for the memory."""
    moves: int | None
    """The changes of the timetable before it was read, where that alone said what was to come."""

    @property
    def marks(self) -> Sequence[JobMarks]:
        """What each job is found by, in order."""
        return [text.marks for text in self.texts]

    def document(self, after: str | None = None, limit: int | None = None) -> Iterator[bytes]:
        """``{jobs}`` part by part: those ``after`` an id, up to ``limit``; ``next_cursor`` if more follow."""
        first = 0 if after is None else bisect_right(self.ids, after)
        end = len(self.ids) if limit is None else min(first + limit, len(self.ids))
        yield _BEGIN
        for start in range(first, end, _AT_ONCE):
            portion = [text.text for text in self.texts[start : min(start + _AT_ONCE, end)]]
            yield (b"," if start > first else b"") + b",".join(portion)
        yield _END if end == len(self.ids) else b'],"next_cursor":' + encode(self.ids[end - 1]) + b"}"


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
        self._lists = 0
        self._asked_at = 0.0
        self._next_read = 0.0
        self._ran_at = -_GAP
        self._drop: asyncio.TimerHandle | None = None
        self.spent = 0.0
        """The seconds of processor that reading has taken so far."""

    async def texts(self, came: int) -> JobTexts:
        """The list, no older than the request, which has ``came`` after so many looks at the commits."""
        self._asked_at = asyncio.get_running_loop().time()
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

    async def close(self, _app: web.Application) -> None:
        """Keep nothing any more."""
        if self._drop is not None:
            self._drop.cancel()
        self._kept = None

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
        reading = partial(self._texts_of, moment=moment, before=texts)
        loop = asyncio.get_running_loop()
        began = loop.time()
        since, until, found, spent = await self._reads.read(reading)
        self.spent += spent
        took = loop.time() - began
        self._next_read = began + took + min(took * _SHARE, _LONGEST_REST)
        kept = _Kept(number=number, moment=moment, since=since, until=until, texts=found)
        self._kept = kept
        if self._drop is None:
            self._drop_later()
        return kept

    def _texts_of(
        self, conn: apsw.Connection, *, moment: _Moment, before: JobTexts | None
    ) -> tuple[datetime, datetime | None, JobTexts, float]:
        """In the pool: when the list was read, when the time alone makes another of it, the list, and the
        seconds of processor that it took."""
        now, began = self._services.clock.now(), thread_seconds()
        known: Mapping[str, _Text] = (
            {} if before is None else dict(zip(before.ids, before.texts, strict=True))
        )
        ids: list[str] = []
        by_id: dict[str, _Text] = {}
        news: dict[str, tuple[int, JobState]] = {}
        with snapshot(conn):
            until = next_change(conn, now)
            states = JobStates(conn, now, self._services.next_run, moment.late)
            moves = moment.moves if states.are_plain else None
            rows_alone = before is not None and moves is not None and moves == before.moves
            for sign in states.signs():
                job_id, row = sign[0], hash(sign)
                ids.append(job_id)
                text = known.get(job_id)
                if text is not None and text.row == row and rows_alone:
                    by_id[job_id] = text
                    continue
                state = states.of(sign)
                if text is not None and text.row == row and text.state == hash(state):
                    by_id[job_id] = text
                else:
                    news[job_id] = (row, state)
                if state.pause is not None or state.skips:
                    until = _earlier(until, state.holds_until(sign, now))
            some = list(news) if len(news) * _FEW < len(ids) else None
            for listed in states.listed(some) if news else ():
                if found := news.get(job_id := listed.columns["id"]):
                    row, state = found
                    document = state.document(listed)
                    by_id[job_id] = _Text(row, hash(state), encode(document), marks_of(document))
        if before is not None and not news and len(ids) == len(before.ids):
            return now, until, replace(before, moves=moves), thread_seconds() - began
        texts = [by_id[job_id] for job_id in ids]
        self._lists += 1
        size = sum(len(text.text) + 1 for text in texts)
        whole = _whole(texts) if size <= IN_MEMORY else None
        tag = f"{self._process}-{self._lists}"
        kept = JobTexts(tag=tag, ids=ids, texts=texts, whole=whole, moves=moves)
        return now, until, kept, thread_seconds() - began

    def _drop_later(self) -> None:
        self._drop = asyncio.get_running_loop().call_later(_KEPT, self._drop_unused)

    def _drop_unused(self) -> None:
        self._drop = None
        if asyncio.get_running_loop().time() - self._asked_at >= _KEPT:
            self._kept = None
        else:
            self._drop_later()


def _whole(texts: Sequence[_Text]) -> bytes:
    """The document, put together in one step: each further one would copy a megabyte."""
    parts = [text.text for text in texts] or [b""]
    parts[0] = _BEGIN + parts[0]
    parts[-1] += _END
    return b",".join(parts)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two times, of which None never comes."""
    return one or other if one is None or other is None else min(one, other)
