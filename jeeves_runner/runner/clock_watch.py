"""Watches the clock: notices when it is set, at the start and from then on, and puts right what it has left.

An event is told in the log. What must last of it is written in the transaction that puts things right.
"""

import asyncio
import logging
from asyncio import sleep
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol, TypeVar

import apsw

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.wrong_clock import (
    LEAP,
    REST,
    START_PATIENCE,
    Reading,
    Rest,
    StartClock,
    Step,
    judge_start,
    rest_after,
    rest_at_start,
    step,
    time_of_age,
)
from jeeves_runner.db import alerting, clock_events
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.clock_events import PutRight, SeenTime
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority

T = TypeVar("T")

log = logging.getLogger(__name__)

NOTED: Final = 60.0
"""Seconds after which the time is noted again in the database, where the next start finds it."""

_LOOK: Final = 1.0
"""Seconds between two looks of a start that waits for the clock."""


class Writes(Protocol):
    """Commits operations; see ``Writer``."""

    def submit(
        self, op: Callable[[Tx], T], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> "asyncio.Future[T]": ...


class Begun(NamedTuple):
    """A new runner, and how its clock stood against the database."""

    epoch: int
    """Its number."""
    seen: SeenTime = SeenTime()
    """What the runner before knew of the time."""

    @property
    def last_alive(self) -> datetime | None:
        """When a runner was last there, as far as is known; None: never."""
        return max(filter(None, (self.seen.seen_at, self.seen.stopped_at)), default=None)

    def clock_at(self, now: datetime) -> StartClock:
        """How the clock stands at this time."""
        return judge_start(self.seen.seen_at, now)


def begin_with_clock(tx: Tx, begin: Callable[[Tx], int]) -> Begun:
    """Make this process the runner by ``begin``, which answers its epoch; and note it if its start is to wait
    for the clock."""
    seen = clock_events.seen_time(tx.conn)
    begun = Begun(begin(tx), seen)
    if begun.clock_at(tx.now).is_far_behind:
        clock_events.note_wait(tx, begun.epoch, _why_it_waits(begun, tx.now))
    return begun


async def wait_for_the_clock(begun: Begun, clock: Clock) -> bool:
    """Wait while the clock is far behind what was seen last, two minutes at most; answers True."""
    began = clock.monotonic()
    if begun.clock_at(clock.now()).is_far_behind:
        log.warning("the start waits up to %s: %s", _text(START_PATIENCE), _why_it_waits(begun, clock.now()))
    while begun.clock_at(clock.now()).is_far_behind:
        if clock.monotonic() - began >= START_PATIENCE.total_seconds():
            log.warning("the clock was not put right within %s; going on from now", _text(START_PATIENCE))
            break
        await sleep(_LOOK)
    return True


def _why_it_waits(begun: Begun, now: datetime) -> str:
    behind = begun.clock_at(now).behind
    return f"the clock says {to_text(now)}, {_text(behind)} before what a server last saw: it may be wrong"


class ClockWatch:
    """The clock of one runner. ``on_put_right`` is called after each commit that put something right."""

    def __init__(
        self,
        *,
        writer: Writes,
        clock: Clock,
        epoch: int,
        on_put_right: Callable[[], None],
        tell: tuple[str, ...] = (),
    ) -> None:
        """``tell``: the addresses where it is told."""
        self._tell = tell
        self._writer = writer
        self._clock = clock
        self._epoch = epoch
        self._on_put_right = on_put_right
        self._rest: Rest | None = None
        self._before = self._read()
        self._noted = self._before.awake

    def time_of_age(self) -> datetime:
        """By what it is decided now what has outlived its retention."""
        rest = self._rest
        if rest is not None:
            rest = rest.after(timedelta(seconds=self._clock.monotonic() - self._before.awake))
        return time_of_age(rest, self._clock.now())

    async def begin(self, begun: Begun, conn: apsw.Connection) -> None:
        """Judge the clock of a start, once it was waited for: put right what is to be, and note the time."""
        now = self._clock.now()
        start = begun.clock_at(now)
        self._rest = rest_at_start(begun.seen.rest, begun.seen.seen_at, start)
        if start.is_leap:
            log.warning(
                "no server has seen a time within %s before now: either none ran, or the clock is wrong."
                " For %s of uptime, what is old is told by the time before",
                _text(LEAP),
                _text(REST),
            )
        if start.behind or clock_events.is_ahead(conn, now):
            behind = f"by {_text(start.behind)} " if start.behind else ""
            await self._put_right(f"the clock was set back {behind}before this start", now)
        await self._note()

    async def look(self) -> bool:
        """Whether the wall clock was set back since the last look, so that timers stand in a future which it
        will come to a second time. What it has left is put right then. Raises DatabaseError; a further look
        makes up for that one."""
        after = self._read()
        passed = step(self._before, after)
        rest = rest_after(self._rest, passed, self._before.wall)
        _tell(passed)
        if passed.is_back:
            since = after.wall - timedelta(seconds=after.boot - self._before.boot)
            await self._put_right(f"the clock was set back by {_text(-passed.by)}", since)
        self._before, self._rest = after, rest
        if passed.by or after.awake - self._noted >= NOTED:
            self._note().add_done_callback(_let_be)  # the look does not wait for it
        return passed.is_back

    async def put_right(self) -> None:
        """Put right what a clock that was wrong has left, although it has not been set."""
        await self._put_right("the clock was set back earlier", self._clock.now())

    async def _put_right(self, event: str, since: datetime) -> None:
        def put_right(tx: Tx) -> PutRight:
            found = clock_events.put_right(tx, event, since=min(since, tx.now))
            facts = {"words": f"was wrong: {event}", "lines": [["Put right", str(found)]]}
            alerting.report(tx, Happened(Cause.CLOCK, facts=facts, channels=self._tell))
            return found

        found: PutRight = await self._writer.submit(put_right)
        log.warning("%s: %s", event, found)
        self._on_put_right()

    def _note(self) -> "asyncio.Future[None]":
        rest, epoch = self._rest, self._epoch
        self._noted = self._clock.monotonic()

        def note(tx: Tx) -> None:
            clock_events.note_time(tx, epoch, rest)
            clock_events.note_wait(tx, epoch, None)

        return self._writer.submit(note, durable=False, priority=Priority.MAINTENANCE)

    def _read(self) -> Reading:
        clock = self._clock
        return Reading(clock.now(), clock.boottime(), clock.monotonic())


def _let_be(noted: "asyncio.Future[None]") -> None:
    """A note that the database did not take is made up for by the next one."""
    if not noted.cancelled() and noted.exception() is not None:
        log.debug("the time could not be noted: %s", noted.exception())


def _tell(passed: Step) -> None:
    if passed.slept:
        log.info("the machine slept for %s", _text(passed.slept))
    if passed.by and not passed.is_back:
        log.warning("the clock was set ahead by %s", _text(passed.by))
    if passed.is_leap:
        log.warning("for %s of uptime, what is old is told by the time before", _text(REST))


def _text(length: timedelta) -> str:
    """In whole seconds, as people read it."""
    return in_units(round(length.total_seconds()) * 1000, tenths=False)
