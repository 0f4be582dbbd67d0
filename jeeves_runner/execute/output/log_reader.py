"""Reading a run's log, whether it grows, has been cut, or is whole again."""

import os
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import BinaryIO, NamedTuple, Self

from jeeves_runner.execute.output.log_place import LogPlace, open_in_place
from jeeves_runner.execute.output.log_ring import marker, read_part, read_state, ring_of
from jeeves_runner.execute.output.utf8 import without_start

_CHUNK = 1 << 16
_MARKER = re.compile("\n… ([0-9]+) bytes cut …\n".encode())
_LONGEST_CHARACTER = 4


class LogMark(NamedTuple):
    """A place in what a run has written."""

    position: int = 0
    """Bytes that it had written by then."""
    head: int | None = None
    """Bytes before the ring of its log; None while no ring has been seen."""

    def __str__(self) -> str:
        return str(self.position) if self.head is None else f"{self.position}~{self.head}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The mark of such a text; None for any other one."""
        numbers = text.split("~")
        if len(numbers) > 2 or not all(n.isascii() and n.isdigit() and len(n) < 16 for n in numbers):
            return None
        return cls(*map(int, numbers))


class LogPart(NamedTuple):
    """Some of a log."""

    text: bytes
    """What was written; a line of our own where something is missing."""
    end: int
    """How many bytes the run had written behind it."""
    cut: int = 0
    """How many bytes are missing here."""


class LogReader:
    """Reads one log from a mark on; each ``read`` goes on where the last one ended.

    Where bytes were overwritten before they could be read, one line says how many.
    """

    def __init__(
        self, place: LogPlace, mark: LogMark | None = None, *, head_at_most: int | None = None
    ) -> None:
        """``mark`` None: its beginning. ``head_at_most``: bytes that the beginning of a log may have, if it
        was cut. It lets the place be found at which a log is cut that is whole again."""
        self.place = place
        """Where the log is."""
        self._position, self._head = mark or LogMark()
        self._head_at_most = head_at_most

    @property
    def mark(self) -> LogMark:
        """How far it has read."""
        return LogMark(self._position, self._head)

    def read(self) -> Generator[bytes, None, None]:
        """What has been written since the last call. Raises OSError, FileNotFoundError for no log."""
        with closing(self.parts()) as parts:
            for part in parts:
                yield part.text

    def parts(self) -> Generator[LogPart, None, None]:
        """The same, and where it stands."""
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

    def _from_whole(self, log: BinaryIO) -> Iterator[LogPart]:
        """A log without a ring. If it had one, there is a line where something is missing: what stands behind
        that stands elsewhere in the file than in what the run has written."""
        if self._head is None:
            self._head = self._head_of_joined(log)
        if self._head is None:
            yield from self._from_log(log, None)
            return
        yield from self._from_log(log, self._head)
        cut = _marker_at(log, self._head)
        if cut is None:
            yield from self._from_log(log, None)
            return
        tail = self._head + int(cut[1])
        if self._position < tail:
            missing, self._position = tail - self._position, tail
            yield LogPart(marker(missing), tail, missing)
        yield from self._from_log(log, None, shift=len(cut[0]) - int(cut[1]))

    def _head_of_joined(self, log: BinaryIO) -> int | None:
        most = self._head_at_most
        if most is None or os.fstat(log.fileno()).st_size <= most or self._position > most:
            return None
        for head in range(most, max(most - _LONGEST_CHARACTER, -1), -1):
            if _marker_at(log, head) is not None:
                return head
        return None

    def _from_log(self, log: BinaryIO, end: int | None, *, shift: int = 0) -> Iterator[LogPart]:
        """``shift``: how much further on something stands in the file."""
        if end is not None and self._position >= end:
            return
        log.seek(self._position + shift)
        while data := log.read(_CHUNK if end is None else min(_CHUNK, end - self._position)):
            self._position += len(data)
            yield LogPart(data, self._position)

    def _from_both(self, log: BinaryIO, ring: int) -> Iterator[LogPart]:
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
                cut += len(data) - len(text)
                self._position += cut
                yield LogPart(marker(cut), self._position, cut)
            self._position = position + len(data)
            yield LogPart(text, self._position)


def _marker_at(log: BinaryIO, head: int) -> "re.Match[bytes] | None":
    log.seek(head)
    return _MARKER.match(log.read(_CHUNK))
