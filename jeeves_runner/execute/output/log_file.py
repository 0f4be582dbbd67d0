"""A run's log on disk: everything up to a size, beyond it the head and the tail.

While the run writes, its log holds the beginning, up to half of the size; all further output goes
into a ring beside it (``log_ring``). Closing joins the two. ``log_reader`` reads a log at any time.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress

from jeeves_runner.execute.output.log_place import (
    LogPlace,
    open_in_place,
    remove_in_place,
    replace_in_place,
    stdout_of,
)
from jeeves_runner.execute.output.log_ring import LogRing, marker, read_part, read_state, ring_of, shares
from jeeves_runner.execute.output.utf8 import without_start, without_unfinished_end

logger = logging.getLogger(__name__)


class LogFile:
    """Writes a log that never takes more than ``max_bytes``; the file is made with the first write.

    ``write`` takes whole characters. A log that cannot be written (disk full, no permission) ends
    there, and says so at its end where it can by then; the run goes on. ``is_copy``: then it is
    deleted, because its end is kept elsewhere, and a beginning alone would be taken for all.
    """

    def __init__(self, place: LogPlace, max_bytes: int, *, is_copy: bool = False) -> None:
        self._place = place
        self._is_copy = is_copy
        self._head_bytes, self._ring_bytes = shares(max_bytes)
        self._size = 0
        self._fd: int | None = None
        self._ring: LogRing | None = None
        self._fault: OSError | None = None
        self._closed = False

    def write(self, data: bytes) -> None:
        if self._fault is not None or self._closed or not data:
            return
        try:
            self._append(data)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            with ExitStack() as ends:
                # A network file system may say only when it closes a file that it had no room.
                if self._fd is not None:
                    ends.callback(os.close, self._fd)
                if self._ring is not None:
                    ends.callback(self._ring.close)
                if self._fd is not None and self._ring is not None:
                    # By descriptor: scripts may have put something else at these paths.
                    _append_ring(self._fd, self._ring.descriptor)
                    remove_in_place(ring_of(self._place))
                if self._fd is not None and self._fault is not None and not self._is_copy:
                    note = f"\n… the log ends here: {_why(self._fault)} …\n".encode()
                    os.pwrite(self._fd, note, os.fstat(self._fd).st_size)
        except OSError as error:
            if self._fault is None:
                self._fail(error)

    def _append(self, data: bytes) -> None:
        if self._ring is None:
            fits = data
            if self._size + len(data) > self._head_bytes:
                fits = without_unfinished_end(data[: self._head_bytes - self._size])
            self._append_to_head(fits)
            data = data[len(fits) :]
        if data:
            if self._ring is None:
                self._ring = LogRing(self._place, head=self._size, capacity=self._ring_bytes)
            self._ring.write(data)

    def _append_to_head(self, data: bytes) -> None:
        if self._fd is None:
            self._fd = replace_in_place(self._place)
        while data:
            written = os.write(self._fd, data)
            self._size += written
            data = data[written:]

    def _fail(self, error: OSError) -> None:
        self._fault = error
        logger.warning("the log %s ends early: %s", self._place, _why(error))
        if self._is_copy:
            with suppress(OSError):
                remove_log(self._place)


def _why(fault: OSError) -> str:
    return fault.strerror or str(fault)


def join_log(place: LogPlace) -> None:
    """Put head and tail into one file, with a line between them that says how much is missing.

    The log must have no writer any more: it was closed, or its runner has died. Does nothing where
    there is no ring, and can be repeated after an interruption. Raises OSError.
    """
    with ExitStack() as ends:
        try:
            ring = open_in_place(ring_of(place))
        except FileNotFoundError:
            return
        ends.callback(os.close, ring)
        log = open_in_place(place, to_write=True)
        ends.callback(os.close, log)
        _append_ring(log, ring)
    remove_in_place(ring_of(place))


def _append_ring(log: int, ring: int) -> None:
    state = read_state(ring)
    if state is None:  # its runner died while making it
        return
    end = min(state.head, os.fstat(log).st_size)
    for text in _tail_text(ring):
        end += os.pwrite(log, text, end)
    os.ftruncate(log, end)


def _tail_text(ring: int) -> Iterator[bytes]:
    state = read_state(ring)
    position = 0 if state is None else state.first
    while state is not None and position < state.written:
        data = read_part(ring, state, position)
        text = data
        if position == state.first != state.head:
            text = without_start(data)
            yield marker(position - state.head + len(data) - len(text))
        yield text
        position += len(data)


def remove_log(place: LogPlace) -> None:
    """Delete a log, whole or in two parts. Raises OSError."""
    remove_in_place(ring_of(place))  # first, because a log left over is found by its head
    remove_in_place(place)


def remove_logs(place: LogPlace) -> None:
    """Delete the log of a run, and before it what stands beside it. Raises OSError."""
    remove_log(stdout_of(place))
    remove_log(place)
