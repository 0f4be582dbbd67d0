"""The ring beside a log that has reached half of its size: the last bytes of what the run wrote.

Positions count the bytes the run has written since its beginning. The header says before each write
which bytes it will replace, and after it how far it came. So a reader can tell at any time, also
after the writer was killed, which bytes are valid.
"""

import os
from typing import NamedTuple

from jeeves_runner.execute.output.log_place import LogPlace, replace_in_place

HEADER = 64
_CHUNK = 1 << 16
_MIN_BYTES = 256
_ROOM = HEADER + 64  # for the ring's header, and for the line that says what was cut


def shares(max_bytes: int) -> tuple[int, int]:
    """How many bytes of a log of at most so many are for its beginning, and for the ring beside it."""
    usable = max(max_bytes, _MIN_BYTES) - _ROOM
    return usable // 2, usable - usable // 2


class RingState(NamedTuple):
    """What the ring holds: the bytes from ``first`` up to ``written``. All numbers are bytes."""

    head: int
    """How many stand in the log, before those of the ring."""
    capacity: int
    """How many the ring can hold."""
    written: int
    """How many the run has written in all."""
    reserved: int
    """How many it will have written once the present write is done."""

    @property
    def first(self) -> int:
        return max(self.head, self.reserved - self.capacity)

    def place(self, position: int) -> tuple[int, int]:
        """Where in the file a byte stands, and how many follow it there."""
        offset = (position - self.head) % self.capacity
        return HEADER + offset, self.capacity - offset


class LogRing:
    """Writes the ring of a log that holds ``head`` bytes itself. Raises OSError."""

    def __init__(self, log: LogPlace, *, head: int, capacity: int) -> None:
        self._state = RingState(head, capacity, head, head)
        self._fd = replace_in_place(ring_of(log))
        self._note(self._state)

    def write(self, data: bytes) -> None:
        state = self._state
        end = state.written + len(data)
        self._note(state._replace(reserved=end))
        # Only as much as the ring can hold: anything before that would be overwritten at once.
        data = data[-state.capacity :]
        while data:
            offset, room = state.place(end - len(data))
            data = data[os.pwrite(self._fd, data[:room], offset) :]
        self._state = state._replace(written=end, reserved=end)
        self._note(self._state)

    @property
    def descriptor(self) -> int:
        """Of its file, which can be read as well, until ``close``."""
        return self._fd

    def close(self) -> None:
        os.close(self._fd)

    def _note(self, state: RingState) -> None:
        os.pwrite(self._fd, " ".join(map(str, state)).encode().ljust(HEADER - 1) + b"\n", 0)


def ring_of(log: LogPlace) -> LogPlace:
    """The place of a log's ring."""
    return log._replace(ending=f"{log.ending}.tail")


def marker(cut: int) -> bytes:
    """The line that says how many bytes are missing."""
    return f"\n… {cut} bytes cut …\n".encode()


def read_state(ring: int) -> RingState | None:
    """What an open ring holds; None while its header is not there."""
    numbers = os.pread(ring, HEADER, 0).split()
    if len(numbers) != len(RingState._fields) or not all(number.isdigit() for number in numbers):
        return None
    state = RingState(*map(int, numbers))
    return state if state.capacity > 0 and state.head <= state.written <= state.reserved else None


def read_part(ring: int, state: RingState, position: int) -> bytes:
    """Some of what the ring holds from a position on; at least one byte unless the file is cut short."""
    offset, room = state.place(position)
    return os.pread(ring, min(room, state.written - position, _CHUNK), offset)
