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

log = logging.getLogger(__name__)

INTERVAL: Final = 2.0
"""Seconds between two questions to the loop."""

PATIENCE: Final = 10.0
"""Seconds without an answer after which the loop stands still."""

_PACKAGE: Final = Path(__file__).parent.parent


class LoopWatch(threading.Thread):
    """Watches the loop of the thread that makes it, from ``start`` until ``end``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="loop watch", daemon=True)
        self._loop = loop
        self._of = threading.get_ident()
        self._ended = threading.Event()

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def run(self) -> None:
        while not self._ended.wait(INTERVAL):
            answered = threading.Event()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # it has been closed
                return
            if not answered.wait(PATIENCE) and not self._ended.is_set():
                log.error("the event loop has stood still for %.0f s in %s", PATIENCE, self._where())
                answered.wait()
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
