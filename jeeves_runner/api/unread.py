"""Answers that their clients do not take: what they hold of the memory, and for how long.

A connection is here from the moment when the system takes no more of its bytes until it has taken them all.
As long as its client takes some, however few, the connection stays. One whose client takes none for the time
that the limits say is closed. So is, while all together hold more than the limits say, the one whose client
has taken none for the longest time.
"""

import asyncio
import fcntl
import logging
import socket
import struct
import sys
import termios
from contextlib import suppress
from typing import Final, Protocol

from jeeves_runner.troubles import Trouble

_LOOKS: Final = 8
"""How often a connection is looked at in the time that it has."""

_WELL: Final = 600.0
"""Seconds without a closed connection, after which the log may tell of the next one."""

_TOLD: Final = "clients do not take their answers; their connections are closed"


class Sending(Protocol):
    """A connection with bytes that its client has not taken."""

    def held(self) -> int:
        """How many bytes it keeps in memory for that."""

    def untaken(self) -> int:
        """How many bytes its client has yet to take of those that were written; the system holds some."""

    def cut(self) -> None:
        """Close it and drop what it holds."""


class _Stall:
    """What is known of a connection that waits for its client."""

    __slots__ = ("held", "since", "untaken")

    def __init__(self, connection: Sending, now: float) -> None:
        self.held = connection.held()
        self.untaken = connection.untaken()
        self.since = now


class Unread:
    """The connections of one server that wait for their clients. Used in the event loop ``loop``."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: logging.Logger, *, seconds: float, most: int
    ) -> None:
        """``seconds``: how long a client may take nothing. ``most``: bytes that all may hold together."""
        self._log = log
        self._seconds = seconds
        self._most = most
        self._loop = loop
        self._stalls: dict[Sending, _Stall] = {}
        self._held = 0
        self._next_look: asyncio.TimerHandle | None = None
        self._well: asyncio.TimerHandle | None = None
        self._trouble = Trouble(log, over="clients take their answers again")

    def begin(self, connection: Sending) -> None:
        """The system takes no more of this connection's bytes."""
        self.end(connection)
        stall = self._stalls[connection] = _Stall(connection, self._loop.time())
        self._held += stall.held
        while self._held > self._most:
            self._cut(min(self._stalls, key=lambda one: self._stalls[one].since))
        if self._next_look is None:
            self._look_later()

    def end(self, connection: Sending) -> None:
        """It has taken them all, or the connection is closed."""
        stall = self._stalls.pop(connection, None)
        if stall is not None:
            self._held -= stall.held

    def close(self) -> None:
        """Look no more."""
        for timer in (self._next_look, self._well):
            if timer is not None:
                timer.cancel()

    def _look_later(self) -> None:
        self._next_look = self._loop.call_later(self._seconds / _LOOKS, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        for connection, stall in tuple(self._stalls.items()):
            untaken = connection.untaken()
            if untaken < stall.untaken:
                stall.untaken, stall.since = untaken, now
            elif now - stall.since >= self._seconds:
                self._cut(connection)
        self._next_look = None
        if self._stalls:
            self._look_later()

    def _cut(self, connection: Sending) -> None:
        self.end(connection)
        connection.cut()
        self._trouble.met(_TOLD)
        if self._well is not None:
            self._well.cancel()
        self._well = self._loop.call_later(_WELL, self._trouble.over)


def untaken_of_system(connection: socket.socket) -> int:
    """How many bytes the system holds that the other side has not taken; 0 where it does not say."""
    if sys.platform != "linux":
        return 0
    with suppress(OSError):
        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("i", answer)[0])
    return 0
