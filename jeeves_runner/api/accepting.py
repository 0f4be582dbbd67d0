"""Connections are taken from a listening socket, also after a time in which the system had none to give.

asyncio's own server says once for each place of its backlog that no descriptor is free, with a traceback, and
listens again a second later, although it may have been closed meanwhile.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from jeeves_runner.api.connection import log
from jeeves_runner.troubles import Trouble

_AT_ONCE: Final = 8
"""How many connections are taken before the event loop does something else: a run that starts waits for many
turns of the loop, and to begin one connection takes half a millisecond."""

_REST: Final = 1.0
"""Seconds until it is tried again."""

_WELL: Final = 10.0
"""Seconds in which all were taken, after which the shortage is over. Some may be taken during it."""


class Accepting:
    """Takes connections until it is closed; each is handed to a protocol that ``connect`` makes.

    The listener is closed with it. Used in the event loop.
    """

    def __init__(self, listener: socket.socket, connect: Callable[[], asyncio.Protocol]) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[object]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._well: asyncio.TimerHandle | None = None
        self._shortage = Trouble(log, over="connections are taken again")
        self._listen()

    def close(self) -> None:
        """Take no more; those that are open go on."""
        for timer in (self._rest, self._well):
            if timer is not None:
                timer.cancel()
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
        self._listener.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._take)

    def _take(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # what is not taken waits in the listener, which stays readable
                self._take_a_rest(error)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._connect, connection))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    def _take_a_rest(self, error: OSError) -> None:
        text = f"no connection is taken for now: {error.strerror}; it is tried again"
        self._shortage.met(text, logging.ERROR)
        if self._well is not None:
            self._well.cancel()
        self._well = self._loop.call_later(_WELL, self._shortage.over)
        self._loop.remove_reader(self._listener)
        self._rest = self._loop.call_later(_REST, self._listen)
