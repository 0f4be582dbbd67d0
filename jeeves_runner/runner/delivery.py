"""Delivers what the outbox holds: one message after another on each channel, all channels side by side.

A try is recorded before it is made. So after a kill at any moment the next runner knows which messages may
have arrived, and has their channel look for them. A channel that fails is left alone for a time, and nothing
else waits for it.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar, get_args

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.alerts.address import Kind
from jeeves_runner.core.alerts.backoff import rest
from jeeves_runner.core.alerts.compose import Links, bare, compose, digest
from jeeves_runner.core.alerts.message import Message
from jeeves_runner.core.alerts.whole_text import WholeText
from jeeves_runner.core.alerts.words import Said
from jeeves_runner.core.wording import brief
from jeeves_runner.db import alerting, outbox
from jeeves_runner.db.alert_facts import telling_of
from jeeves_runner.db.outbox import Pending
from jeeves_runner.db.renames import earlier_ids
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import JeevesError
from jeeves_runner.notify.contract import Channel, NotSent, Rejected, Sent
from jeeves_runner.runner.lane import Lane
from jeeves_runner.runner.sent_output import whole_stdout
from jeeves_runner.runner.tasks import may_pass
from jeeves_runner.troubles import Trouble

T = TypeVar("T")

log = logging.getLogger(__name__)

GIVEN_UP_AFTER: Final = timedelta(days=1)
"""What could not be said for so long is given up, and shown."""

_IN_VAIN: Final = 8
"""Tries, of the message or in a row on its channel, that have failed since the start before it is given up: a
machine that was off, or slept, may have its network some time later."""

_PACE: Final = 1.0
"""Seconds between two messages on a channel of Slack, which takes one per second, or on one that refuses."""
_LOOK: Final = 60.0
"""Seconds between two looks at the outbox when nothing wakes it."""
_TOGETHER: Final = 20
"""Messages that are under way at the same time to the one mail server, or to Slack; and, of each kind, to
channels that did not take the last one."""
_PLACES: Final[Mapping[str, int]] = {"webhook": 100}
"""Messages that are under way at the same time to webhooks. Each may lead to a server of its own, and those
that hang must leave places to the others."""
_KINDS: Final = (*get_args(Kind), "")
"""Those of channels; the last is that of what is no address, and is refused."""
_BREATH: Final = 0.25
"""Seconds between two looks at least: each commit of the runner wakes it."""


class Delivery:
    """The one who carries messages. ``conn`` is read in threads, and by nothing else.

    ``channel`` makes a channel of an address, or raises Rejected. It is called in threads. ``time_of_age``
    tells by what time the age of messages counts: not by a clock that may just have been set wrong.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        clock: Clock,
        channel: Callable[[str], Channel],
        links: Links,
        data_dir: str,
        time_of_age: Callable[[], datetime],
    ) -> None:
        self._reads = ThreadReads(conn)
        self._writer = writer
        self._clock = clock
        self._channel = channel
        self._links = links
        self._data_dir = data_dir
        self._time_of_age = time_of_age
        self._database = ""
        self._woken = asyncio.Event()
        self._places = {kind: asyncio.Semaphore(_PLACES.get(kind, _TOGETHER)) for kind in _KINDS}
        self._places_of_failing = {kind: asyncio.Semaphore(_TOGETHER) for kind in _KINDS}
        self._lanes: dict[str, Lane] = {}

    async def own(self, place: str) -> None:
        """Take the outbox over, before anything is written to it: ``place`` says where this database is."""
        owned = await self._write(lambda tx: outbox.own(tx, place))
        self._database = owned.database_id
        if owned.left_alone:
            log.warning(
                "messages left to the database that this one is a copy of: %d; it sends them itself",
                owned.left_alone,
            )

    def wake(self) -> None:
        """Something may have been written that is to be said."""
        self._woken.set()

    async def close(self, patience: float) -> bool:
        """End what is being read, and close the connection; False if that took over ``patience`` seconds."""
        return await self._reads.close(patience)

    async def run(self) -> None:
        """Deliver until cancelled. What was under way then counts as a message that may have arrived."""
        self._lanes.clear()
        try:
            await self._deliver()
        except ExceptionGroup as group:  # one channel after another would fail in this way: of the database
            raise group.exceptions[0] from group

    async def _deliver(self) -> None:
        trouble = Trouble(log, over="the outbox can be read again")
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                try:
                    pause = await self._look(tasks)
                except Exception as error:
                    if not may_pass(error):
                        raise
                    # What is under way goes on: its sends need no look.
                    trouble.met(f"the outbox cannot be read now, and is tried again: {error}", logging.ERROR)
                    pause = TRY_AGAIN
                else:
                    trouble.over()
                await asyncio.sleep(_BREATH)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()

    async def _look(self, tasks: asyncio.TaskGroup) -> float:
        """Have each channel work off what is to be sent on it now; seconds until there may be more to do, if
        nothing wakes it."""
        # What comes due while it looks must not count as seen: one time is that of the whole look.
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for address in await self._reads.read(outbox.pending_channels):
            lane = self._lanes.setdefault(address, Lane(address))
            if lane.is_free(monotonic) and (rows := await self._next(address, now)):
                lane.is_busy = True
                tasks.create_task(self._carry(lane, rows), name=f"messages to {address}")
        return await self._pause(now, monotonic)

    async def _pause(self, now: datetime, monotonic: float) -> float:
        """Seconds from these times on until there may be something to do, if nothing wakes it."""
        at = await self._reads.read(lambda conn: outbox.next_time(conn, now))
        waits = [_LOOK] if at is None else [_LOOK, (at - now).total_seconds()]
        rests = [lane.rests_until - monotonic for lane in self._lanes.values()]
        return max(0.0, min([*waits, *(wait for wait in rests if wait > 0)]) - _BREATH)

    async def _carry(self, lane: Lane, rows: list[Pending]) -> None:
        """Work a channel off. That its rows cannot be read or written now keeps no other one; what may have
        arrived is looked for at the next try."""
        try:
            await self._work_off(lane, rows)
        except Exception as error:
            if not may_pass(error):
                raise
            lane.stumbled(error, self._clock.monotonic())
        finally:
            lane.say_what_was_given_up()
            lane.is_busy = False
            self._woken.set()

    async def _work_off(self, lane: Lane, rows: list[Pending]) -> None:
        """Send what is to be sent on a channel now, ``rows`` first, until it fails or nothing is left."""
        while rows:
            if self._is_to_be_given_up(lane, rows):
                await self._give_up(lane, rows)
                rows = await self._next(lane.address, self._clock.now())
                continue
            async with self._place(lane):  # for one message: a long line on one channel keeps no other one
                if not await self._send(lane, rows):
                    return
            if lane.is_paced or lane.is_refused:
                # From its answer on: counted from its beginning, one that was long on its way would
                # arrive just before the next.
                await asyncio.sleep(_PACE)
            rows = await self._next(lane.address, self._clock.now())

    @asynccontextmanager
    async def _place(self, lane: Lane) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            if lane.failures:
                await held.enter_async_context(self._places_of_failing[lane.kind])
            await held.enter_async_context(self._places[lane.kind])
            yield

    def _is_to_be_given_up(self, lane: Lane, rows: Sequence[Pending]) -> bool:
        is_in_vain = max(lane.failures, lane.in_vain[rows[0].id]) >= _IN_VAIN
        return is_in_vain and rows[-1].created_at < self._time_of_age() - GIVEN_UP_AFTER

    async def _next(self, address: str, now: datetime) -> list[Pending]:
        return await self._reads.read(lambda conn: outbox.next_message(conn, address, now))

    async def _send(self, lane: Lane, rows: Sequence[Pending]) -> bool:
        """Try one message; whether the channel can be used further."""
        ids = [row.id for row in rows]
        await self._write(partial(outbox.begin_try, ids=ids))
        try:
            sent = await self._try(lane.address, rows)
        except Rejected as error:
            await self._write(
                partial(alerting.record_refused, ids=ids, error=f"{error.message}; {error.hint}")
            )
            lane.refused(error)
            lane.in_vain.pop(rows[0].id, None)
            return True
        except NotSent as error:
            await self._put_off(lane, rows, error)
            return False
        await self._write(partial(outbox.record_sent, ids=ids, ref=sent.ref, lacks=sent.lacks))
        if lane.is_in_trouble:
            await self._write(partial(alerting.tell_refused, channel=lane.address))
        lane.worked()
        lane.in_vain.pop(rows[0].id, None)
        if sent.lacks is not None:
            log.warning("%s: %s", brief(lane.address), sent.lacks)
        return True

    async def _try(self, address: str, rows: Sequence[Pending]) -> Sent:
        message, thread = await self._written(rows)
        try:
            # In a thread: the first channel of a kind loads its library.
            channel = await asyncio.to_thread(self._channel, address)
            return await channel.send(message, thread=thread, tried_at=rows[0].sending_at)
        except (NotSent, Rejected):
            raise
        except Exception as error:
            # Whatever is wrong with a channel, jobs go on; and it is told like all that goes wrong with it.
            log.exception("this is a bug: %s cannot be told", brief(address))
            raise NotSent(f"this is a bug: {type(error).__name__}", may_have_arrived=True) from error

    async def _stdout_of(self, job_id: str | None, run_id: int | None) -> WholeText | None:
        if job_id is None or run_id is None:
            return None
        earlier = await self._reads.read(lambda conn: earlier_ids(conn, job_id))
        return await whole_stdout(self._data_dir, job_id, run_id, earlier)

    async def _written(self, rows: Sequence[Pending]) -> tuple[Message, str | None]:
        try:
            stdout = None
            if rows[0].said is Said.OUTPUT:
                stdout = await self._stdout_of(rows[0].job_id, rows[0].run_id)
            return await self._reads.read(partial(self._message, rows, stdout, self._clock.now()))
        except Exception as error:
            if isinstance(error, JeevesError) or may_pass(error):
                raise
            # Something in these rows is wrong. People are told all the same, also of the rest.
            alert_id = self._id_of(rows)
            log.exception("this is a bug: message %s cannot be written as it should be", alert_id)
            said = [(row.said, row.cause, row.job_id) for row in rows]
            return bare(alert_id, said, links=self._links), None

    def _id_of(self, rows: Sequence[Pending]) -> str:
        return f"{self._database}/{rows[0].id}"

    async def _put_off(self, lane: Lane, rows: Sequence[Pending], error: NotSent) -> None:
        lane.failed(error, self._clock.monotonic())
        lane.in_vain[rows[0].id] += 1
        # A message that the channel alone does not like must not hold up the others for ever: after the
        # channel's rest one of them has its turn first.
        own = rest(rows[0].tries + 1, error.retry_after, random.random)
        delay = own if error.retry_after is not None else max(own, lane.rests * 1.1)
        await self._write(
            partial(
                outbox.put_off,
                ids=[row.id for row in rows],
                delay=delay,
                error=error.message,
                may_have_arrived=error.may_have_arrived or rows[0].sending_at is not None,
            )
        )

    def _message(
        self, rows: Sequence[Pending], stdout: WholeText | None, now: datetime, conn: apsw.Connection
    ) -> tuple[Message, str | None]:
        """What these rows say, and below which message."""
        alert_id = self._id_of(rows)
        threads = {
            None if row.incident_id is None else outbox.thread_of(conn, row.incident_id, row.channel)
            for row in rows
        }
        thread = threads.pop() if len(threads) == 1 else None
        tellings = [telling_of(conn, row, now, in_full=len(rows) == 1) for row in rows]
        if len(rows) == 1:
            message = compose(
                tellings[0], alert_id, links=self._links, database=self._database, stdout=stdout
            )
        else:
            message = digest(tellings, alert_id, links=self._links)
        return message, thread

    async def _give_up(self, lane: Lane, rows: Sequence[Pending]) -> None:
        """A message that has waited for too long, as a whole and when its turn has come: none that is being
        sent, and no part of one."""
        ids = [row.id for row in rows]
        words = "given up: for a day it was not taken"
        await self._write(partial(alerting.record_refused, ids=ids, error=words, tried=False))
        lane.in_vain.pop(rows[0].id, None)
        lane.given_up(len(ids))

    async def _write(self, work: Callable[[Tx], T]) -> T:
        return await self._writer.write(work, priority=Priority.OTHER)
