"""Tells when the event loop stands still, and where: nothing in the loop could.

What keeps it is most often a read of the database, or a start, whose disk hangs. Signals, the deadline of a
stop and the service manager's watchdog do not depend on the loop; this is for the person who looks for the
cause.
"""

import asyncio
import logging
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Final

from jeeves_runner.clock import Clock

log = logging.getLogger(__name__)

INTERVAL: Final = 2.0
"""Seconds between two questions to the loop."""

PATIENCE: Final = 10.0
"""Seconds without an answer after which the loop stands still."""

_PACKAGE: Final = Path(__file__).parent.parent


class LoopHealth:
    """What the watch has found so far. One thread writes it, others may read it."""

    def __init__(self) -> None:
        self.stalls = 0
        """How often the loop has stood still for so long that it was told."""
        self.answer = 0.0
        """How many seconds it took to answer the last question, or has not answered it."""


class LoopWatch(threading.Thread):
    """Watches the loop of the thread that makes it, from ``start`` until ``end``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        super().__init__(name="loop watch", daemon=True)
        self._loop = loop
        self._clock = clock
        self._of = threading.get_ident()
        self._ended = threading.Event()
        self.health = LoopHealth()

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def run(self) -> None:
        while not self._ended.wait(INTERVAL):
            answered, asked = threading.Event(), self._clock.monotonic()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # it has been closed
                return
            is_late = not answered.wait(PATIENCE) and not self._ended.is_set()
            self.health.answer = self._clock.monotonic() - asked
            if is_late:
                self.health.stalls += 1
                log.error("the event loop has stood still for %.0f s in %s", PATIENCE, self._where())
                answered.wait()
                self.health.answer = self._clock.monotonic() - asked
                log.warning("the event loop goes on")

    def _where(self) -> str:
        """The innermost line of this program that the loop's thread is at."""
        frame = sys._current_frames().get(self._of)  # noqa: SLF001 - documented all the same
        while frame is not None and _PACKAGE not in _file_of(frame).parents:
            frame = frame.f_back
        if frame is None:
            return "code of a library"
        file = _file_of(frame).relative_to(_PACKAGE)
        return f"{file}:{frame.f_lineno}, {frame.f_code.co_name}"


def _file_of(frame: FrameType) -> Path:
    return Path(frame.f_code.co_filename)
