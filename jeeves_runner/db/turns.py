"""Who writes next: the writers of a database take turns.

SQLite keeps no queue for its write lock. A program that writes again and again takes the lock again before
those that ask for it from time to time find it free, and they may wait for seconds although it is never held
for long. So they queue for a lock of their own, on a file beside the database: in the system's queue, which
costs nothing. Only the first asks SQLite, and when it has begun, the next one is first.

A place in the queue ends with its process. No right depends on it: a writer that gets none in time (the
first one was stopped, the file cannot be made, there can be no more threads) asks SQLite all the same.
"""

import errno
import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from jeeves_runner.access import give_access
from jeeves_runner.clock import Clock

SUFFIX: Final = ".turns"
"""What the file's name has behind the database's."""

_SLICE = 0.005
"""Seconds in which a writer that had its turn need not queue again: two that write much would mostly hand
over."""

_LONGEST_IN_QUEUE = 1.0
"""Seconds in the queue: many turns of the usual length."""

_SOON = (0.0002, 0.0005)
"""Seconds between the first looks at the queue: others are first for so short a time if the lock is free."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.01
"""Seconds between two attempts of the one that is first: soon at the beginning, then ever more rarely."""

_LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What keeps the file from being opened now, and soon no more."""

_RETRY_WAIT = (0.001, 0.05)
"""Least and most seconds between two attempts without a place; chosen at random, so that processes spread."""


def sleep_before_retry() -> None:
    """Sleep for a moment before the next attempt at a lock."""
    shortest, longest = _RETRY_WAIT
    # The module `random` would cost each script that imports the client some milliseconds.
    time.sleep(shortest + (longest - shortest) * os.urandom(1)[0] / 255)


class Turns:
    """The turns of one connection."""

    def __init__(self, database: str, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._fd: int | None = None
        self._has_no_file = False
        self._place: _Place | None = None
        self._slice_ends = clock.monotonic()
        self.is_beginning = False
        """Whether it asks for the write lock right now: then the connection's busy handler does not wait."""

    def begin(self, conn: apsw.Connection, patience: float) -> bool:
        """Begin a write transaction; False if others had the lock for ``patience`` seconds."""
        if self._clock.monotonic() < self._slice_ends and self._try(conn):
            return True
        deadline = self._clock.monotonic() + patience
        has_place = self._queue(deadline)
        try:
            if not self._ask_until(conn, deadline, often=has_place):
                return False
        finally:
            if has_place:
                self._flock(fcntl.LOCK_UN)
        self._slice_ends = self._clock.monotonic() + _SLICE
        return True

    def close(self) -> None:
        """Close the file. A transaction that begins later asks without a place."""
        self._has_no_file = True
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _try(self, conn: apsw.Connection) -> bool:
        self.is_beginning = True
        try:
            conn.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return False
        finally:
            self.is_beginning = False
        return True

    def _ask_until(self, conn: apsw.Connection, deadline: float, *, often: bool) -> bool:
        pause = _FIRST_PAUSE
        while not self._try(conn):
            if self._clock.monotonic() >= deadline:
                return False
            if often:
                time.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_PAUSE)
            else:
                sleep_before_retry()
        return True

    def _queue(self, deadline: float) -> bool:
        """Whether this connection is the first in the queue now."""
        if self._fd is None:
            self._fd = self._open()
        if self._fd is None:
            return False
        for pause in _SOON:
            if self._flock(fcntl.LOCK_EX | fcntl.LOCK_NB):
                return True
            time.sleep(pause)
        left = min(deadline - self._clock.monotonic(), _LONGEST_IN_QUEUE)
        place = self._take_place() if left > 0 else None
        if place is None or not place.wait(left):
            return False
        self._place = None
        os.close(self._fd)
        self._fd = place.fd
        return True

    def _take_place(self) -> "_Place | None":
        """A place in the queue: the one that was left before, if it is still there; None if it gets none."""
        if self._place is not None and self._place.take_again():
            return self._place
        self._place = None
        fd = self._open()
        if fd is not None:
            try:
                self._place = _Place(fd)
            except RuntimeError:  # at a limit on threads
                os.close(fd)
        return self._place

    def _flock(self, operation: int) -> bool:
        """Whether it could be done at once."""
        if self._fd is None:
            return False
        try:
            fcntl.flock(self._fd, operation)
        except OSError:
            return False
        return True

    def _open(self) -> int | None:
        """Open the file, and make it for the same users as the database if it is missing."""
        if self._has_no_file:
            return None
        path = f"{self._database}{SUFFIX}"
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            with suppress(FileExistsError):
                fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
                with suppress(OSError):  # who may not open it writes without a place
                    give_access(fd, Path(path).parent)
                return fd
            return os.open(path, flags)
        except OSError as error:
            self._has_no_file = error.errno not in _LACKING
            return None


class _Place(threading.Thread):
    """A place in the queue. The system gives a lock without a limit of time, so a thread waits for it.

    One that is left goes on waiting: only the lock ends its thread.
    """

    def __init__(self, fd: int) -> None:
        """``fd`` is closed if the lock comes while the place is left. RuntimeError if there can be no more
        threads."""
        super().__init__(name="turn to write", daemon=True)
        self.fd = fd
        self._gate = threading.Lock()
        self._is_first = threading.Event()
        self._is_left = self._is_over = False
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        with self._gate:
            if self._is_left:
                self._is_over = True
                os.close(self.fd)
            else:
                self._is_first.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is the first within that time; else it is left."""
        self._is_first.wait(seconds)
        with self._gate:
            self._is_left = not self._is_first.is_set()
            return not self._is_left

    def take_again(self) -> bool:
        """Wait for the lock again; False if it has come while the place was left."""
        with self._gate:
            self._is_left = False
            return not self._is_over


def turns_of(conn: apsw.Connection, clock: Clock) -> Turns:
    """The turns of a connection. One that ``connect`` has not made asks without a place."""
    found = getattr(conn, "turns", None)
    if isinstance(found, Turns):
        return found
    turns = Turns(conn.filename, clock)
    turns.close()
    return turns
