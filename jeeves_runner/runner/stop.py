"""The stop of a runner: one deadline, made when it begins, which all its waits share."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

from jeeves_runner.clock import Clock
from jeeves_runner.db.file_errors import translate
from jeeves_runner.errors import JeevesError

T = TypeVar("T")

log = logging.getLogger(__name__)

SLACK: Final = 15.0
"""Seconds that a stop may take besides what the runs are given: records, threads that read, HTTP."""

_CLEARING = 5.0
"""Seconds that work gets for its end which is given up for the stop."""


class Asked(asyncio.Event):
    """Set once the runner is to stop. Waits that may last long end then: see ``ends_wait``."""

    def __init__(self) -> None:
        super().__init__()
        self._waits: set[asyncio.Timeout] = set()

    def set(self) -> None:
        """Set it, in the event loop."""
        super().set()
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(now)

    def ends_wait(self, seconds: float | None) -> "_Wait":
        """A block that is left, without an error, once it is set or after ``seconds``; None for no limit.

        It costs neither a task nor a turn of the loop.
        """
        return _Wait(asyncio.timeout(0.0 if self.is_set() else seconds), self._waits)


class _Wait:
    """A timeout that raises nothing, and is known to those who may end it before its time."""

    __slots__ = ("_known", "_limit")

    def __init__(self, limit: asyncio.Timeout, known: set[asyncio.Timeout]) -> None:
        self._limit = limit
        self._known = known

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._known.add(self._limit)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._known.discard(self._limit)
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:  # its own: another one passes it
            return True
        return False


class Stop:
    """Whether the runner is to stop, for what, and how much time is left for it.

    ``begun`` is called with the deadline, an instant of the monotonic clock, when there is one. A step that
    fails with the ``database`` says what is wrong with that.
    """

    def __init__(
        self, clock: Clock, database: Path, *, begun: Callable[[float], None] = lambda _ends_at: None
    ) -> None:
        self._clock = clock
        self._database = database
        self._begun = begun
        self._began_at = self._ends_at = math.inf
        self._doing: list[str] = []
        self.asked = Asked()
        self.fault: BaseException | None = None
        self.unfinished: list[str] = []

    def begin(self, patience: float, fault: BaseException | None = None) -> bool:
        """Stop, within ``patience`` seconds; False if that was asked before: then the deadline stays.

        The first ``fault`` is what the runner has stopped for.
        """
        self.fault = self.fault or fault
        if self.asked.is_set():
            return False
        self._began_at = self._clock.monotonic()
        self._ends_at = self._began_at + patience
        self.asked.set()
        self._begun(self._ends_at)
        return True

    def left(self, reserve: float = 0.0) -> float:
        """Seconds until the deadline, less a ``reserve`` for what comes after; 0 at least. Infinite before
        the stop has begun."""
        return max(0.0, self._ends_at - reserve - self._clock.monotonic())

    def left_of(self, grace: float) -> float:
        """Seconds that are left of a time that began with the stop."""
        return max(0.0, min(grace, self._began_at + grace - self._clock.monotonic()))

    @property
    def what_is_left(self) -> str:
        """What has not come to its end, in words."""
        return ", ".join(self.unfinished + self._doing) or "threads of its own"

    async def within(
        self,
        what: str,
        work: Coroutine[Any, Any, bool | None],
        *,
        most: float = math.inf,
        reserve: float = 0.0,
    ) -> None:
        """Do one step of the stop. A step that fails is logged: the next ones have their turn.

        If it has not ended after ``most`` seconds, or when no more than ``reserve`` is left until the
        deadline, or if it answers False, it is noted in ``unfinished`` and left. The log calls it ``what``.
        """
        self._doing.append(what)
        task = asyncio.ensure_future(work)
        seconds = min(most, self.left(reserve))
        done, _ = await asyncio.wait({task}, timeout=seconds if math.isfinite(seconds) else None)
        self._doing.remove(what)
        task.cancel()
        if done and not task.cancelled() and (error := task.exception()) is not None:
            known = translate(error, str(self._database)) or error
            if isinstance(known, JeevesError):
                log.error("stopping: %s failed: %s", what, known)
            else:
                log.error("stopping: %s failed", what, exc_info=error)
        elif not done or task.cancelled() or task.result() is False:
            self.unfinished.append(what)
            log.error("stopping: %s did not end in time and is left", what)

    async def unless_asked(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What ``work`` answers; None if the stop was asked for first: then the work is cancelled."""
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self.asked.wait())
        try:
            await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            asked.cancel()
            task.cancel()
        await self.within("the start", _cleared_up(task), most=_CLEARING)
        return None


async def _cleared_up(task: asyncio.Task[Any]) -> None:
    """Cancelled in the middle of something, it may have to clear up."""
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("what was given up for the stop has failed: %s", error)
