"""Telling a service manager how this process fares, by the protocol of sd_notify(3): one datagram a message.

systemd names a socket in ``NOTIFY_SOCKET``; without it nothing is said. If it also sets a watchdog, it
restarts a service that has said nothing for ``WATCHDOG_USEC``. The event loop itself says that it lives, so
one that hangs says nothing.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_FEEDS: Final = 2
"""How often the watchdog is fed within its time: sd_watchdog_enabled(3) recommends half of it."""

_PATIENCE: Final = 0.2
"""Seconds to wait for a manager whose socket is full."""


class Supervisor:
    """The service manager that has started this process; one that is not there is told nothing.

    ``address`` is that of its socket, ``watchdog`` the seconds after which it misses a sign of life.
    """

    def __init__(self, clock: Clock, address: str | None = None, watchdog: float | None = None) -> None:
        self._clock = clock
        self._watchdog = watchdog
        self._status = ""
        self._trouble = Trouble(log, over="the service manager is told again how this server fares")
        self._socket: socket.socket | None = None
        if address is not None:
            # An address in the abstract namespace, which is no file, begins with @ for a NUL.
            self._address = f"\0{address[1:]}" if address.startswith("@") else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.settimeout(_PATIENCE)

    @classmethod
    def of(cls, environment: MutableMapping[str, str], clock: Clock) -> "Supervisor":
        """The one that these variables name. They are taken out: what this process starts is no service."""
        address = environment.pop("NOTIFY_SOCKET", None)
        length, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", None)
        is_meant = pid in (None, str(os.getpid()))
        watchdog = int(length) / 1_000_000 if is_meant and length.isdecimal() and int(length) else None
        return cls(clock, address or None, watchdog)

    @asynccontextmanager
    async def informed(self) -> AsyncIterator[None]:
        """Within it the manager is told things, and the event loop feeds the watchdog if there is one."""
        feeding = None
        if self._socket is not None and self._watchdog is not None:
            feeding = asyncio.create_task(self._feed(self._watchdog / _FEEDS), name="watchdog")
        try:
            yield
        finally:
            if feeding is not None:
                feeding.cancel()
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def ready(self, status: str) -> None:
        """It serves. ``status`` is one line for people."""
        self._status = status
        self._tell("READY=1", f"STATUS={status}")

    def reloaded(self) -> None:
        """It was told to look again, and does. Before it is ready, nothing is said of it."""
        if self._status:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={round(self._clock.monotonic() * 1_000_000)}")
            self.ready(self._status)

    def stopping(self) -> None:
        """It ends."""
        self._status = ""
        self._tell("STOPPING=1", "STATUS=stopping")

    async def _feed(self, interval: float) -> None:
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(interval)

    def _tell(self, *assignments: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(assignments).encode(), self._address)
        except (OSError, ValueError) as error:
            self._trouble.met(f"the service manager cannot be told how this server fares: {error}")
        else:
            self._trouble.over()
