"""Logs of runs are written by one thread, so that a disk that is slow or hangs does not stop the event loop.

What it does not take in time is left out, and the log says how much. A run's end waits a bounded time for its
log: who sees that it has ended finds all of it.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

from jeeves_runner.execute.output.log_file import LogFile, remove_log
from jeeves_runner.execute.output.log_growth import has_grown
from jeeves_runner.execute.output.log_place import LogPlace

log = logging.getLogger(__name__)

MAX_WAITING: Final = 4 << 20
"""Bytes of one log that may wait for its disk. More comes only all at once, such as the text of an agent."""

PATIENCE: Final = 5.0
"""Seconds that the end of a run waits for its log."""


class ThreadedLog:
    """A ``LogFile`` whose calls return at once. The thread makes them in order. ``is_copy`` as there."""

    def __init__(self, place: LogPlace, max_bytes: int, *, is_copy: bool = False) -> None:
        self._place = place
        self._is_copy = is_copy
        self._max_bytes = max_bytes
        self._file: LogFile | None = None  # from the first write on
        self._is_empty = True
        self._lock = threading.Lock()
        self._waiting = 0  # bytes handed to the thread and not yet written
        self._cut = 0  # bytes left out since this was last said

    def write(self, data: bytes) -> None:
        """Have whole characters written."""
        if not data:
            return
        self._is_empty = False
        with self._lock:
            if self._waiting and self._waiting + len(data) > MAX_WAITING:
                self._cut += len(data)
                return
            data, self._cut = self._mark() + data, 0
            self._waiting += len(data)
        _THREAD.make(lambda: self._write(data))

    def close(self) -> None:
        """Have it closed. Nothing is written any more."""
        if not self._is_empty:
            _THREAD.make(self._close)

    def discard(self) -> None:
        """Have it deleted. Nothing is written any more."""
        if not self._is_empty:
            _THREAD.make(self._discard)

    async def is_written(self, patience: float = PATIENCE) -> bool:
        """Wait until all that was asked for is done; False if it is not within ``patience`` seconds."""
        if self._is_empty:
            return True
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(done.set)

        _THREAD.make(tell)
        try:
            async with asyncio.timeout(patience):
                await done.wait()
        except TimeoutError:
            log.warning("the log %s is not complete yet: its disk does not answer", self._place)
            return False
        return True

    def _write(self, data: bytes) -> None:
        self._opened().write(data)
        with self._lock:
            self._waiting -= len(data)
        if not self._is_copy:
            has_grown(self._place)

    def _close(self) -> None:
        file = self._opened()
        file.write(self._mark())
        file.close()

    def _discard(self) -> None:
        self._opened().close()
        with suppress(OSError):  # what is written later goes in its place
            remove_log(self._place)

    def _opened(self) -> LogFile:
        if self._file is None:
            self._file = LogFile(self._place, self._max_bytes, is_copy=self._is_copy)
        return self._file

    def _mark(self) -> bytes:
        if not self._cut:
            return b""
        return f"\n… {self._cut} bytes are missing: the disk was too slow …\n".encode()


class _Thread:
    """Makes calls one after another. It starts with the first one, and the end of the program does not wait
    for it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._has_started = False

    def make(self, call: Callable[[], None]) -> None:
        """At once, in the thread of the caller, while the system has no room for another one."""
        if not self._has_started:
            try:
                threading.Thread(target=self._run, name="logs of runs", daemon=True).start()
            except RuntimeError:
                call()
                return
            self._has_started = True
        self._calls.put(call)

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            try:
                call()
            except Exception:  # the logs of all other runs need this thread
                log.exception("a log could not be written")
            del call


_THREAD: Final = _Thread()
