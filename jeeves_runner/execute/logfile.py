"""A run's log on disk: everything up to a size, beyond it the head and the tail."""

import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

_MIN_BYTES = 256  # room for the marker
_CONTINUATION = bytes(range(0x80, 0xC0))


class LogFile:
    """Writes a log that never grows over ``max_bytes``; the file is made with the first write.

    A reader may follow it as it grows. When the size is reached, the second half of the file
    becomes a ring; closing puts it in order, behind a line that says how much is missing between.
    A log that cannot be written (disk full, no permission) ends there: the run is not its log.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max = max(max_bytes, _MIN_BYTES)
        self._head = self._max // 2
        self._total = 0
        self._fd: int | None = None
        self._failed = self._closed = False

    def write(self, data: bytes) -> None:
        if self._failed or self._closed or not data:
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
            if self._fd is not None and self._total > self._max:
                self._put_in_order(self._fd)
        except OSError as error:
            self._fail(error)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _append(self, data: bytes) -> None:
        if self._fd is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        ring = self._max - self._head
        while data:
            if self._total >= self._max and (skipped := len(data) - ring) > 0:
                # All but the last ringful would be overwritten at once.
                self._total += skipped
                data = data[skipped:]
            position, room = self._place()
            written = os.pwrite(self._fd, data[:room], position)
            self._total += written
            data = data[written:]

    def _place(self) -> tuple[int, int]:
        """Where the next byte goes, and how many fit there in a row."""
        if self._total < self._max:
            return self._total, self._max - self._total
        ring = self._max - self._head
        offset = (self._total - self._head) % ring
        return self._head + offset, ring - offset

    def _put_in_order(self, fd: int) -> None:
        ring = self._max - self._head
        turn = (self._total - self._head) % ring
        head_end = self._head - _unfinished(os.pread(fd, 4, max(self._head - 4, 0))[: self._head])
        stored = os.pread(fd, ring, self._head)
        tail = stored[turn:] + stored[:turn]
        # The marker's own length decides how much fits beside it; its number is at its widest here.
        room = self._max - head_end - len(_marker(self._total))
        tail = tail[-room:].lstrip(_CONTINUATION)
        text = _marker(self._total - head_end - len(tail)) + tail
        os.pwrite(fd, text, head_end)
        os.ftruncate(fd, head_end + len(text))

    def _fail(self, error: OSError) -> None:
        self._failed = True
        logger.warning("the log %s ends early: %s", self._path, error.strerror or error)


def _marker(cut: int) -> bytes:
    return f"\n… {cut} bytes cut …\n".encode()


def _unfinished(end: bytes) -> int:
    """How many bytes at the end of a piece of UTF-8 belong to a character that continues beyond."""
    start = len(end.rstrip(_CONTINUATION)) - 1
    if start < 0:
        return 0
    lead = end[start]
    length = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
    present = len(end) - start
    return present if present < length else 0
