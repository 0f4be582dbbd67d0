"""A log that is not waited for: its lines are written by a thread of their own.

What takes the log may stand still: a pipe whose reader has stopped, a disk that hangs. Then lines wait, up to
a size, and those beyond it are lost; how many is said in the log as soon as it goes on.
"""

import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from jeeves_runner.core.wording import one_line

MAX_WAITING: Final = 1 << 20
"""Bytes of lines that may wait to be written."""

LAST_LINES: Final = 2.0
"""Seconds that the end of the program waits for the last lines."""


class _Line(NamedTuple):
    data: bytes
    lines: int
    """How many lines are lost if this one is: it may say of others that they are."""


class ThreadHandler(logging.Handler):
    """Writes to a descriptor. ``flush`` waits a bounded time for what was said before."""

    def __init__(self, descriptor: int, reopen: Callable[[], int] | None = None) -> None:
        """``reopen`` opens the log anew, or raises OSError; with it the descriptor is this handler's own."""
        super().__init__()
        self._descriptor = descriptor
        self._reopen = reopen
        self._changed = threading.Condition()
        self._waiting: deque[_Line] = deque()
        self._size = 0  # bytes in ``_waiting``
        self._lost = 0  # lines since this was last said
        self._taken = 0  # lines that were written, or failed to be
        self._given_up_after: int | None = None  # so many, at the end of a flush in vain
        self._is_to_reopen = self._is_writing = self._has_failed = self._is_closed = False
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line written. It never waits."""
        try:
            line = self._line(record)
        except Exception as fault:  # noqa: BLE001 - told in the log: logging itself would wait for stderr
            text, words = "a line of %s:%d cannot be made: %r", (record.pathname, record.lineno, fault)
            line = self._line(logging.LogRecord(__name__, logging.ERROR, __file__, 0, text, words, None))
        self._put(line)

    def say(self, text: str) -> None:
        """Have a line written without a time, after what was said before. It never waits."""
        self._put(_as_line(one_line(text)))

    def writes_to(self, descriptor: int) -> bool:
        """Whether this descriptor leads to the same file, pipe or terminal."""
        return os.path.sameopenfile(self._descriptor, descriptor)

    def reopen(self) -> None:
        """Have what is said from now on written to what the path of the log leads to now."""
        with self._changed:
            self._is_to_reopen = self._reopen is not None
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, but no longer than ``LAST_LINES``.

        Where that was waited for in vain, and no line has been taken since, nothing is waited for.
        """
        with self._changed:
            patience = 0.0 if self._given_up_after == self._taken else LAST_LINES
            if not self._changed.wait_for(lambda: not (self._is_writing or self._has_work()), patience):
                self._given_up_after = self._taken

    def close(self) -> None:
        """Take no more lines. What waits is still written if the process lives on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        super().close()

    def _line(self, record: logging.LogRecord) -> _Line:
        return _as_line(self.format(record))

    def _loss(self) -> _Line:
        text = "lines of this log that are lost, because nothing took them in time: %d"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (self._lost,), None)
        return _Line(self._line(record).data, self._lost)

    def _put(self, line: _Line) -> None:
        with self._changed:
            lines = [self._loss(), line] if self._lost else [line]
            size = sum(len(each.data) for each in lines)
            if self._is_closed or self._size + size > MAX_WAITING:
                self._lost += 1
                return
            self._lost = 0
            self._waiting.extend(lines)
            self._size += size
            self._changed.notify_all()

    def _has_work(self) -> bool:
        """After a write that failed, what is lost is said with the next line, and not tried on end."""
        return bool(self._waiting) or self._is_to_reopen or (self._lost > 0 and not self._has_failed)

    def _run(self) -> None:
        while (line := self._next()) is not None:
            try:
                _write(self._descriptor, line.data)
                self._has_failed = False
            except OSError:  # its reader has gone, or the disk is full
                with self._changed:
                    self._has_failed = True
                    self._lost += line.lines
        if self._reopen is not None:
            os.close(self._descriptor)

    def _next(self) -> _Line | None:
        """The next line to write; None at the end."""
        while True:
            with self._changed:
                self._taken += self._is_writing
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_closed or self._has_work())
                if not self._has_work():
                    return None
                self._is_writing = True
                if not self._is_to_reopen:
                    return self._take()
                self._is_to_reopen = False
            self._open_anew()

    def _take(self) -> _Line:
        if not self._waiting:
            line, self._lost = self._loss(), 0
            return line
        line = self._waiting.popleft()
        self._size -= len(line.data)
        return line

    def _open_anew(self) -> None:
        assert self._reopen is not None
        try:
            old, self._descriptor = self._descriptor, self._reopen()
        except OSError as error:
            text, words = "the log file %s cannot be opened anew: %s", (error.filename, error.strerror)
            record = logging.LogRecord(__name__, logging.ERROR, __file__, 0, text, words, None)
            self._put(self._line(record))
        else:
            os.close(old)


def _as_line(text: str) -> _Line:
    return _Line(f"{text}\n".encode("utf-8", "backslashreplace"), 1)


def _write(descriptor: int, data: bytes) -> None:
    """All of it; it waits also where the descriptor itself is set not to. Raises OSError."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()
