"""One session from its handle to its end, and beyond where that came too late."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from jeeves_runner.clock import Clock
from jeeves_runner.core.outcome import Cancelled, Ending, Finished, Lost
from jeeves_runner.execute.contract import Handle, RunSink
from jeeves_runner.execute.session.answers import QUEUED, Row, last_answer
from jeeves_runner.execute.session.cancelling import cancel
from jeeves_runner.execute.session.gateway import Gateway, GatewayFault, NotNow, Refused
from jeeves_runner.execute.session.handle import SessionHandle
from jeeves_runner.execute.session.label import JOBS
from jeeves_runner.execute.session.outcome import Evidence, conclusion, over_max_tokens, span_of
from jeeves_runner.execute.session.pauses import Pace, Pauses
from jeeves_runner.execute.session.poller import Poller, common_search
from jeeves_runner.execute.session.reading import Family, Meter, evidence_of, family_of, has_begun, row_of
from jeeves_runner.execute.session.spawn import find_by_tail
from jeeves_runner.execute.shared_result import SharedResult

log = logging.getLogger(__name__)

_SILENT_LOOKS: Final = 3
"""Looks after which a session counts as ended that has no answer."""
_ABSENT_LOOKS: Final = 2
"""Looks for a label that have to miss its session until that counts as not there."""
_LOST: Final = Lost(message="the gateway does not know this session any more")

NEVER_BEGAN: Final = Lost(message="the runner stopped before its session began", began=False)
NO_WAY: Final = "this gateway has no way to cancel a session, so it may go on"
UNCONFIRMED: Final = "the gateway has not said that it ended, so it may go on"


class Followed:
    """Follows it until its end is known. ``wait`` gives that end, or what has to do as one.

    ``on_done`` is called when it is followed no longer and ``wait`` has answered before that.
    """

    def __init__(
        self,
        handle: SessionHandle,
        gateway: Gateway,
        poller: Poller,
        pace: Pace,
        clock: Clock,
        began_at: datetime,
        on_done: "Callable[[Followed], None]",
    ) -> None:
        self.handle = handle
        self._pace = pace
        self._gateway = gateway
        self._poller = poller
        self._clock = clock
        self._began_at = began_at
        self._age, self._followed_since = 0.0, clock.monotonic()
        self._on_done = on_done
        self._sink: RunSink | None = None
        self._said: str | None = None
        self._ending: SharedResult[Ending] = SharedResult()  # what the run gets
        self._end: SharedResult[Ending | None] = SharedResult()  # the session's own; None: none was seen
        self._tasks: set[asyncio.Task[None]] = set()
        self._concluding: asyncio.Task[None] | None = None
        self._metering: asyncio.Task[None] | None = None
        self._doubting: asyncio.Task[None] | None = None
        self._metered_at = 0.0
        self._meter = Meter(handle.key or "")
        self._absent_since: float | None = None
        self._silent_since: float | None = None  # without a status
        self._silent_looks = 0
        self._had_children = False
        self._tokens: int | None = None
        self._is_over = self._has_failed = False
        self._is_asked_to_end = False
        self._may_be_cancelled = asyncio.Event()

    # what the executor asks

    @property
    def opaque(self) -> Handle:
        return self.handle.opaque()

    @property
    def has_ended(self) -> bool:
        """Whether its end, or what has to do as one, is known."""
        return self._ending.is_set

    @property
    def is_done(self) -> bool:
        """Whether it is followed no longer."""
        return self._end.is_set

    def begin(self, age: float = 0.0) -> None:
        """Follow it from now on. ``age``: seconds since its beginning."""
        self._age = age
        if self.handle.key is None:
            self._do(self._find(age))
        else:
            self._poller.add(self, age)

    async def wait(self, sink: RunSink) -> Ending:
        """How the run ends."""
        self._sink = sink
        if self._said is not None:
            sink.progress(self._said, self._tokens)
        return await self._ending.wait()

    async def late(self) -> Ending | None:
        """The session's own end; None if it has not come in time."""
        return await self._end.wait()

    def cancel(self, grace: float) -> None:
        """Have the gateway end it. Does not wait for that."""
        if not self._is_asked_to_end:
            self._is_asked_to_end = True
            self._do(self._cancel(grace))

    def let_go(self) -> None:
        """Follow it no longer; the session goes on."""
        self._poller.remove(self)
        for task in self._tasks:
            task.cancel()

    # what the poller asks and tells

    @property
    def key(self) -> str:
        return self.handle.key or ""

    @property
    def parent(self) -> str:
        return self.handle.parent

    @property
    def search(self) -> str:
        return common_search(self.handle.label, self.handle.parent.removeprefix(JOBS), self.handle.run_id)

    def saw(self, row: Row | None) -> None:
        """Take note of its row."""
        if row is None:
            self._miss()
            return
        self._absent_since = None
        if row.is_set_up or row.has_ended or row.status == QUEUED:
            self._may_be_cancelled.set()
        self._doubt(row)
        if row.has_ended:
            if self._concluding is None or self._concluding.done():
                self._concluding = self._do(self._conclude(row))
            return
        self._say("waits in the gateway's lane, which is full" if row.status == QUEUED else None)
        if self.handle.is_counted or self.handle.max_tokens is not None:
            self._measure(row)

    def missed(self, fault: GatewayFault) -> None:
        """Say that nothing is known of it now."""
        self._say(f"nothing is known of it for now: {fault}")

    def _miss(self) -> None:
        now = asyncio.get_running_loop().time()
        self._absent_since = self._absent_since or now
        if now - self._absent_since >= self._pace.absent:
            self._finish(_LOST)

    # its beginning, where no runner has heard of that

    def _doubt(self, row: Row) -> None:
        """A row that was found by its label, and has no status, may be all that there is of a session."""
        now = asyncio.get_running_loop().time()
        if self.handle.run is not None or row.status is not None:
            self._silent_since = None
            return
        self._silent_since = self._silent_since or now
        is_busy = self._doubting is not None and not self._doubting.done()
        if now - self._silent_since >= self._pace.absent and not is_busy:
            self._doubting = self._do(self._see_whether_it_began(row))

    async def _see_whether_it_began(self, row: Row) -> None:
        with suppress(GatewayFault):  # with a later look
            if not await has_begun(self._gateway, row, self.handle.parent):
                self._finish(NEVER_BEGAN)

    # its end

    async def _conclude(self, row: Row) -> None:
        """See whether it has ended with all that belongs to it, and how."""
        try:
            found = await evidence_of(self._gateway, row, self.handle.parent)
        except Refused as refusal:
            log.warning("run %d: the messages of its session are refused: %s", self.handle.run_id, refusal)
            if not self._is_patient():
                self._finish(await self._ending_of(Evidence.of_row(row)))
            return
        except GatewayFault as fault:  # with the next look
            self._say(f"has ended; how is not known for now: {fault}")
            return
        if found is None:
            return
        evidence, family = found
        if self._is_complete(evidence, family):
            self._finish(await self._ending_of(evidence))
        elif evidence.tokens is not None:
            self._has_used(evidence.tokens)

    def _is_complete(self, evidence: Evidence, family: Family) -> bool:
        """Whether nothing more is to come, as far as can be told."""
        if not family.all_ended:
            self._had_children = True
            self._say("waits for the sessions that it has begun")
            return False
        if self._had_children:  # it may go on with what they have found
            self._had_children = False
            return False
        is_silent = evidence.row.status == "done" and last_answer(evidence.messages) is None
        return not (is_silent and self._is_patient())

    def _is_patient(self) -> bool:
        """Whether what is not there yet may come with the next look."""
        self._silent_looks += 1
        return self._silent_looks < _SILENT_LOOKS

    async def _ending_of(self, evidence: Evidence) -> Ending:
        took = self._age + self._clock.monotonic() - self._followed_since
        span = span_of(evidence, self._began_at, self._clock.now(), max(0, round(took * 1000)))
        judge = partial(conclusion, evidence, expected=self.handle.expected, span=span)
        # An expression may take seconds of a long text.
        ending = judge() if self.handle.expected is None else await asyncio.to_thread(judge)
        return self._over(replace(ending, message=None)) if self._is_over else ending

    def _over(self, ending: Finished) -> Finished:
        return over_max_tokens(ending, self._tokens or 0, self.handle.max_tokens or 0)

    def _finish(self, ending: Ending) -> None:
        """Its own end is known."""
        is_late = self._ending.is_set
        self._ending.set(ending)
        self._close(ending, is_late=is_late)

    def _close(self, end: Ending | None, *, is_late: bool) -> None:
        self._poller.remove(self)
        self._end.set(end)
        if is_late:  # nothing may ask for it any more
            self._on_done(self)

    # what it uses

    def _measure(self, row: Row) -> None:
        now = asyncio.get_running_loop().time()
        is_busy = self._metering is not None and not self._metering.done()
        if not (is_busy or self._is_over) and now - self._metered_at >= self._pace.meter:
            self._metered_at = now
            self._metering = self._do(self._count(row))

    async def _count(self, row: Row) -> None:
        """See what it has used up to now."""
        try:
            own = await self._meter.read(self._gateway)
            own = own if own is not None else row.tokens or 0
            if row.children:
                own += (await family_of(self._gateway, row)).tokens
        except GatewayFault:  # with a later look
            return
        self._has_used(own)

    def _has_used(self, tokens: int) -> None:
        """Take note of what it and its children have used, and end them if that is too much."""
        if tokens != self._tokens:
            self._tokens = tokens
            self._tell()
        limit = self.handle.max_tokens
        if limit is not None and tokens > limit and not self._is_over:
            self._is_over = True
            log.warning("run %d is cancelled: over max_tokens", self.handle.run_id)
            self.cancel(0)

    # its cancelling

    async def _cancel(self, grace: float) -> None:
        """Ask until it is asked; then wait for its end, but not for ever."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + grace + self._pace.confirm
        given_up = self._do(self._give_up_at(ends_at))
        await self._be_set_up()
        pauses = Pauses(self._pace.pause)
        while not self.is_done:
            if self.handle.key is None:  # it is being looked for
                await pauses.wait()
                continue
            try:
                is_asked = await cancel(self._gateway, self.handle)
                if not is_asked and self.handle.run is None and await self._may_not_have_begun():
                    await pauses.wait()
                    continue
            except GatewayFault as fault:
                await pauses.wait(fault if isinstance(fault, NotNow) else None)
                continue
            if not is_asked:
                given_up.cancel()
                self._give_up(NO_WAY)
            self._poller.hurry(self)
            return

    async def _be_set_up(self) -> None:
        """Wait for that, but not for long: a gateway may break that is to end what it is still setting up,
        and then fails each later session until it is restarted."""
        self._poller.hurry(self)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.set_up):
                await self._may_be_cancelled.wait()

    async def _may_not_have_begun(self) -> bool:
        """Whether there is nothing yet to be cancelled, and perhaps never will be."""
        row = await row_of(self._gateway, self.key, self.parent)
        return row is not None and not await has_begun(self._gateway, row, self.parent)

    async def _give_up_at(self, when: float) -> None:
        await asyncio.sleep(when - asyncio.get_running_loop().time())
        self._give_up(UNCONFIRMED)

    def _give_up(self, message: str) -> None:
        """End the run without the session's own end, and look out for that for a while."""
        if self._ending.is_set:
            return
        if self._is_over:
            unconfirmed = Finished(status="error", message=message, tokens=self._tokens, confirmed=False)
            self._ending.set(self._over(unconfirmed))
        else:
            self._ending.set(Cancelled(message=message, tokens=self._tokens, confirmed=False))
        self.look_out()

    def look_out(self) -> None:
        """Follow it on for a while, and no longer."""
        self._do(self._look_out())

    async def _look_out(self) -> None:
        await asyncio.sleep(self._pace.late)
        if not self._end.is_set:
            self._close(None, is_late=True)

    # its key

    async def _find(self, age: float) -> None:
        """Look for it by its label: an earlier runner did not live to note its key."""
        pauses = Pauses(self._pace.pause)
        misses = 0
        while misses < _ABSENT_LOOKS:
            try:
                row = await find_by_tail(self._gateway, self.handle.label, self.handle.parent)
            except GatewayFault as fault:
                self.missed(fault)
                await pauses.wait(fault if isinstance(fault, NotNow) else None)
                continue
            if row is not None:
                self.handle = self.handle._replace(key=row.key, label=row.label)
                self._meter = Meter(row.key)
                self._poller.add(self, age)
                return
            misses += 1
            await asyncio.sleep(self._pace.settle)
        self._finish(NEVER_BEGAN)

    # what is said of it

    def _say(self, message: str | None) -> None:
        if message != self._said:
            self._said = message
            self._tell()

    def _tell(self) -> None:
        if self._sink is not None and not self._ending.is_set:
            self._sink.progress(self._said, self._tokens)

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._has_failed:
            self._has_failed = True  # each look may meet the same bug
            log.error("run %d: its session cannot be followed", self.handle.run_id, exc_info=error)
            self._give_in()

    def _give_in(self) -> None:
        """A bug keeps it from being followed. Its run ends, and the session is not left to go on alone."""
        if not self.is_done:
            message = "its session could not be followed; see the log"
            self._ending.set(Finished(status="error", message=message, tokens=self._tokens, confirmed=False))
            self.cancel(0)
            self.look_out()
