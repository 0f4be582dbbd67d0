"""Reading a run's log, whether it grows, has been cut, or is whole again."""

import os
import re
from collections.abc import Generator, Iterator
from typing import BinaryIO

from jeeves_runner.execute.output.log_place import LogPlace, open_in_place
from jeeves_runner.execute.output.log_ring import marker, read_part, read_state, ring_of
from jeeves_runner.execute.output.utf8 import without_start

_CHUNK = 1 << 16
_MARKER = re.compile("\n… ([0-9]+) bytes cut …\n".encode())


class LogReader:
    """Reads one log from its beginning on; each ``read`` goes on where the last one ended.

    Where bytes were overwritten before they could be read, one line says how many.
    """

    def __init__(self, place: LogPlace) -> None:
        self.place = place
        """Where the log is."""
        self._position = 0
        self._head: int | None = None
        """Bytes of the log before its ring; None while no ring has been seen."""

    def read(self) -> Generator[bytes, None, None]:
        """What has been written since the last call. Raises OSError, FileNotFoundError for no log."""
        with os.fdopen(open_in_place(self.place), "rb") as log:
            try:
                ring = open_in_place(ring_of(self.place))
            except FileNotFoundError:
                yield from self._from_whole(log)
                return
            try:
                yield from self._from_both(log, ring)
            finally:
                os.close(ring)

    def _from_whole(self, log: BinaryIO) -> Iterator[bytes]:
        if self._head is not None:
            yield from self._find_again(log, self._head)
            self._head = None
        yield from self._from_log(log, None)

    def _from_log(self, log: BinaryIO, end: int | None) -> Iterator[bytes]:
        log.seek(self._position)
        while data := log.read(_CHUNK if end is None else min(_CHUNK, end - self._position)):
            self._position += len(data)
            yield data

    def _find_again(self, log: BinaryIO, head: int) -> Iterator[bytes]:
        """Head and ring have been joined: turn the position in the output into one in the file."""
        if self._position < head:
            yield from self._from_log(log, head)
        log.seek(head)
        cut = _MARKER.match(log.read(_CHUNK))
        if cut is None:
            return
        tail = head + int(cut[1])
        if self._position < tail:
            yield marker(tail - self._position)
        self._position = head + len(cut[0]) + max(0, self._position - tail)

    def _from_both(self, log: BinaryIO, ring: int) -> Iterator[bytes]:
        state = read_state(ring)
        if state is None:
            yield from self._from_log(log, None)
            return
        self._head, end = state.head, state.written
        if self._position < state.head:
            yield from self._from_log(log, state.head)
        while self._position < end and state is not None:
            position = max(self._position, state.first)
            data = read_part(ring, state, position) if position < state.written else b""
            state = read_state(ring)
            # Bytes that were overwritten during the read are later output: they do not belong here.
            lost = 0 if state is None else min(max(0, state.first - position), len(data))
            position, data = position + lost, data[lost:]
            if not data:
                if lost:
                    continue
                return
            cut, text = position - self._position, data
            if cut:
                text = without_start(data)
                yield marker(cut + len(data) - len(text))
            self._position = position + len(data)
            yield text
