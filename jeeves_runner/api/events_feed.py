"""The events of this server: found after each commit, by any process, kept for some minutes, and passed on.

While no stream is open, and none was within the time for which events are kept, this costs nothing.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.event_text import event_text
from jeeves_runner.api.events_ring import KEPT, Event, Ring
from jeeves_runner.api.events_seen import News, Seen
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.api.services import ApiServices
from jeeves_runner.db.runner import runner_row
from jeeves_runner.db.transaction import data_version
from jeeves_runner.troubles import Trouble
from jeeves_runner.views.events import ChangedEvent, EventKind, PositionEvent
from jeeves_runner.views.sync import SyncSummary, sync_summary, sync_view

log = logging.getLogger(__name__)

_LOOK: Final = 0.05
"""Seconds between two looks at SQLite's counter of commits, each of which takes a microsecond."""

PACE: Final = 0.25
"""Seconds between two looks at what has been committed: all streams get what one has found at once, so that
each gets something four times a second at most."""

_BRIEF_PACE: Final = 1.0
"""Seconds between two pieces for those who are told only that something has changed."""

_BRIEF_REST: Final = 0.04
"""Where they are many, each adds so many seconds to it: with fifty it is two. To tell one costs little,
and is mostly to wake it."""

_NAMED: Final = 50
"""Jobs that are named to those who are told only that something has changed."""

_CHUNK: Final = 1 << 16
"""Bytes that are sent at a time."""


_TOLD_BRIEFLY: Final = frozenset({"other", "lock"})
"""The kinds of which only those hear who are told that something has changed."""


class Wanted(NamedTuple):
    """What a stream is about."""

    kinds: frozenset[EventKind]
    """Only these kinds; none: all."""
    job_id: str | None
    """Only what belongs to this job; None: all."""
    is_brief: bool = False
    """Whether it is told only that something has changed."""

    def has(self, event: Event) -> bool:
        """Whether it is about this event."""
        if event.kind in _TOLD_BRIEFLY:
            return self.is_brief and not self.kinds and self.job_id is None
        if self.kinds and event.kind not in self.kinds:
            return False
        return self.job_id is None or self.job_id == event.job_id


class Feed:
    """Looks for all streams together."""

    def __init__(self, services: ApiServices, reads: ReadPool) -> None:
        self._services = services
        self._reads = reads
        self._ring = Ring()
        self._epoch = 0
        self._start = secrets.token_hex(4)
        self._followers: dict[Follower, Callable[[], None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._one_begins = asyncio.Lock()
        self._trouble = Trouble(log, over="events are found again")
        self._one_looks = asyncio.Lock()
        self._last_left = 0.0
        self._tells_all_until = 0.0
        self._told_little = 0
        self._brief_at = 0.0
        self._owes_brief = False
        self._briefs: dict[tuple[int, Wanted], bytes] = {}
        self._briefs_to = 0
        self._sync: tuple[object, object] = (None, None)
        self._lock_moves = 0
        self._summary: SyncSummary | None = None

    async def follow(self, last_id: str | None, wanted: Wanted) -> "Follower":
        """What follows an event that a client has; None: it has none."""
        async with self._one_begins:
            if self._looking is None:
                await self._begin()
        if not wanted.is_brief:
            async with self._one_looks:  # a look that has begun may be one for those who are told little
                self._keep_telling_all()
        self._ring.forget(self._services.clock.monotonic())
        position: PositionEvent = {"epoch": self._epoch}
        begins = self._text("ready" if last_id is None else "reset", position, self._ring.newest)
        number = None if last_id is None else self._number_of(last_id)
        is_told = wanted.is_brief or (number is not None and number >= self._told_little)
        if number is not None and is_told and self._ring.holds_all_after(number):
            return Follower(self, wanted, number, b"")
        return Follower(self, wanted, self._ring.newest, begins)

    def add(self, follower: "Follower", wake: Callable[[], None]) -> None:
        """Wake this one when there is something new."""
        self._followers[follower] = wake

    def remove(self, follower: "Follower") -> None:
        """Wake it no more."""
        self._followers.pop(follower, None)
        self._last_left = self._services.clock.monotonic()
        if not follower.is_brief:
            self._keep_telling_all()

    def after(self, number: int, wanted: Wanted) -> list[Event] | None:
        """What there is for a stream that has everything up to a number; None: it has been too slow."""
        if not self._ring.holds_all_after(number):
            return None
        return [event for event in self._ring.after(number) if wanted.has(event)]

    def brief(self, number: int, wanted: Wanted) -> tuple[int, bytes] | None:
        """All that there is for a stream that is told little, in one event, and the number that it then has.
        Those who are at the same place get the same. None: it has been too slow."""
        newest = self._ring.newest
        if self._briefs_to != newest:
            self._briefs.clear()
            self._briefs_to = newest
        if (number, wanted) not in self._briefs:
            if (events := self.after(number, wanted)) is None:
                return None
            text = self._text("changed", _summary(events), newest) if events else b""
            self._briefs[number, wanted] = text
        return newest, self._briefs[number, wanted]

    @property
    def newest(self) -> int:
        """The number of the newest event."""
        return self._ring.newest

    def id_of(self, number: int) -> str:
        """By what clients know an event. The number of a runner alone would not tell one start from another:
        it comes again where the database was lost, or restored from a backup."""
        return f"{self._named_start}-{number}"

    async def close(self, _app: web.Application) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    def _number_of(self, last_id: str) -> int | None:
        """None for an event of another start, and for what is none."""
        start, _, number = last_id.partition("-")
        is_one = start == self._named_start and number.isascii() and number.isdigit() and len(number) < 16
        return int(number) if is_one else None

    @property
    def _named_start(self) -> str:
        return f"{self._epoch}.{self._start}"

    def _text(self, kind: str, document: Mapping[str, object], number: int) -> bytes:
        return event_text(kind, document, self.id_of(number))

    async def _begin(self) -> None:
        conn, clock = self._services.conn, self._services.clock
        if (runner := runner_row(conn)) is not None:
            self._epoch = runner.epoch
        version = data_version(conn)
        self._lock_moves = self._services.writer.lock_moves
        seen = await self._reads.read(lambda reading: Seen(reading, clock))
        self._changed_sync()
        self._last_left = clock.monotonic()
        self._looking = asyncio.create_task(self._look_on(seen, version), name="events")

    async def _look_on(self, seen: Seen, version: int) -> None:
        """Look as long as it is of use. What fails is tried again."""
        clock = self._services.clock
        last = clock.monotonic()
        while self._followers or clock.monotonic() - self._last_left < KEPT:
            await asyncio.sleep(_LOOK)
            try:
                now_version = data_version(self._services.conn)
                lock_moves = self._services.writer.lock_moves
                has_lock_moved = lock_moves != self._lock_moves
                has_changed = now_version != version or seen.is_behind or self._may_have_changed_sync()
                if (has_changed or has_lock_moved) and clock.monotonic() - last >= self._pace():
                    last = clock.monotonic()
                    async with self._one_looks:
                        found = [*await self._look(seen), *self._changed_sync()]
                        if not found and now_version != version:
                            found.append(_OTHER)
                        if has_lock_moved:
                            found.append(_LOCK)
                        self._lock_moves = lock_moves
                        self._pass_on(found)
                    version = now_version
                self._wake_those_told_little()
                self._trouble.over()
            except Exception as fault:  # noqa: BLE001 - a disk that fails, a database that is locked
                self._trouble.met(f"events cannot be found: {fault}")
        self._ring.leave_a_gap()
        self._looking = None

    def _tells_all(self) -> bool:
        """Whether what has happened is told to any stream, and not only that something has."""
        now = self._services.clock.monotonic()
        return now < self._tells_all_until or not all(follower.is_brief for follower in self._followers)

    def _pace(self) -> float:
        """Seconds between two looks: no more looks than there are tellings, where all are told little."""
        return PACE if self._tells_all() else max(PACE, _BRIEF_REST * len(self._followers))

    async def _look(self, seen: Seen) -> list["_Found"]:
        if self._tells_all():
            return await self._reads.read(lambda conn: _found(seen, conn))
        found = await self._reads.read(lambda conn: seen.news(conn, in_full=False))
        if found:
            self._told_little = self._ring.newest + len(found)
        return [_Found(news, b"") for news in found]

    def _keep_telling_all(self) -> None:
        """One who is told all is there, or may come back and go on where it was."""
        self._tells_all_until = self._services.clock.monotonic() + KEPT

    def _wake_those_told_little(self) -> None:
        """All at once, so that they get the same, and seldom: most of what they cost is to be woken."""
        now = self._services.clock.monotonic()
        if self._owes_brief and now - self._brief_at >= max(_BRIEF_PACE, _BRIEF_REST * len(self._followers)):
            self._owes_brief, self._brief_at = False, now
            for follower, wake in tuple(self._followers.items()):
                if follower.is_brief:
                    wake()

    def _pass_on(self, found: Sequence["_Found"]) -> None:
        now, first = self._services.clock.monotonic(), self._ring.newest + 1
        events = [
            Event(
                number, each.news.kind, each.news.about, each.news.job_id, now,
                b"id: %b\n%b" % (self.id_of(number).encode(), each.text),
            )
            for number, each in enumerate(found, first)
        ]  # fmt: skip
        self._ring.add(events)
        if events:
            self._owes_brief = True
            for follower, wake in tuple(self._followers.items()):
                if not follower.is_brief:
                    wake()

    def _may_have_changed_sync(self) -> bool:
        services = self._services
        return self._sync != (services.sync.status, services.config_file.change)

    def _changed_sync(self) -> list["_Found"]:
        """What is to be told of the manifests. A look that has found nothing new is not."""
        services = self._services
        if not self._may_have_changed_sync():
            return []
        self._sync = services.sync.status, services.config_file.change
        before, now = self._summary, sync_summary(sync_view(services.sync.status, services.config_file))
        self._summary = now
        if before is None or {**before, "checked_at": None} == {**now, "checked_at": None}:
            return []
        return [_Found.of(News("sync", "sync", None, now))]


class Follower:
    """What one stream has yet to send: a ``Source``."""

    def __init__(self, feed: Feed, wanted: Wanted, number: int, first: bytes) -> None:
        """``number``: that of the newest event which the client has. ``first`` is sent before all others."""
        self._feed = feed
        self._wanted = wanted
        self._number = number
        self._first = first
        self._left: list[Event] = []

    def begin(self, wake: Callable[[], None]) -> None:
        self._feed.add(self, wake)

    def close(self) -> None:
        self._feed.remove(self)

    @property
    def is_brief(self) -> bool:
        """Whether it is told only that something has changed."""
        return self._wanted.is_brief

    @property
    def pace(self) -> float:
        return PACE

    @property
    def has_more(self) -> bool:
        return bool(self._left)

    @property
    def is_over(self) -> bool:
        return False

    async def read(self) -> bytes | None:
        first, self._first = self._first, b""
        if self.is_brief:
            told = self._feed.brief(self._number, self._wanted)
            if told is None:
                return None
            self._number = told[0]
            return first + told[1]
        if not self._left:
            newest = self._feed.newest
            found = self._feed.after(self._number, self._wanted)
            if found is None:
                return None
            self._left = found[::-1]
            if not found:
                self._number = newest
        texts, size = [first], 0
        while self._left and size < _CHUNK:
            event = self._left.pop()
            self._number = event.number
            size += len(event.text)
            texts.append(event.text)
        return b"".join(texts)

    def keep_alive(self) -> bytes:
        """What keeps the connection open. It also moves the place at which the client goes on, where what
        came meanwhile was not for this stream."""
        return b":\nid: %b\n\n" % self._feed.id_of(self._number).encode()


class _Found(NamedTuple):
    """What is to be told."""

    news: News
    text: bytes

    @classmethod
    def of(cls, news: News) -> "_Found":
        """With its text but for the number, which is made where that takes no time from the event loop."""
        return cls(news, event_text(news.kind, news.document))


def _found(seen: Seen, conn: apsw.Connection) -> list[_Found]:
    return [_Found.of(news) for news in seen.news(conn, in_full=True)]


def _summary(events: Sequence[Event]) -> ChangedEvent:
    jobs = sorted({event.job_id for event in events if event.job_id is not None})
    return {
        "kinds": sorted({event.kind for event in events}),
        "jobs": jobs if len(jobs) <= _NAMED else None,
    }


_OTHER: Final = _Found(News("other", "other", None, {}), b"")
"""That something was committed of which no event tells."""

_LOCK: Final = _Found(News("lock", "lock", None, {}), b"")
"""That another process has locked the database, or has ended that."""
