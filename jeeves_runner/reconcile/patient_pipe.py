"""Two pipes to a process that may fall silent: reading and writing them waits for a limited time."""

import os
import select
from collections.abc import Callable
from typing import Final

_CHUNK: Final = 64 * 1024
_STEP: Final = 0.5
"""Seconds between two looks at whether the pipes are still wanted."""


class PatientPipe:
    """What a process reads and writes, for one thread. Its methods are those of a stream.

    They raise TimeoutError once the other end has neither taken nor sent a byte for ``patience`` seconds, and
    EOFError as soon as ``is_over``.
    """

    def __init__(self, *, reads: int, writes: int, patience: float, is_over: Callable[[], bool]) -> None:
        """``reads``, ``writes``: the descriptors that the process reads from and writes to, at this end. They
        stay the caller's."""
        self._reads, self._writes = reads, writes
        self._steps = max(1, round(patience / _STEP))
        self._step_ms = round(min(patience, _STEP) * 1000)
        self._is_over = is_over
        self._unsent = bytearray()
        self._unread = bytearray()
        for descriptor in (reads, writes):
            os.set_blocking(descriptor, False)

    def write(self, data: bytes) -> None:
        """Send it soon, at the latest with ``flush``."""
        self._unsent += data
        if len(self._unsent) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Send all that was written."""
        while self._unsent:
            self._wait(self._reads, select.POLLOUT)
            del self._unsent[: os.write(self._reads, self._unsent[:_CHUNK])]

    def read(self, count: int) -> bytes:
        """So many bytes; fewer only at the end of what the process sends."""
        while len(self._unread) < count:
            self._wait(self._writes, select.POLLIN)
            data = os.read(self._writes, _CHUNK)
            if not data:
                break
            self._unread += data
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        for _ in range(self._steps):
            if self._is_over():
                raise EOFError("it was closed")
            if poll.poll(self._step_ms):
                return
        raise TimeoutError
