"""The application on its sockets: from the first connection to the last answer."""

import asyncio
import errno
import socket
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import Final

from aiohttp import web

from jeeves_runner.api.accepting import Accepting
from jeeves_runner.api.app import build_app
from jeeves_runner.api.connection import Connection, Limits, Places, limits_of_this_process, log
from jeeves_runner.api.pages import Pages
from jeeves_runner.api.services import ApiServices
from jeeves_runner.api.unread import Unread
from jeeves_runner.errors import PortTaken

_SYSTEM_HOLDS: Final = 1 << 17
"""Bytes that the system is to take of a connection before its client takes them."""

_SYSTEM_TAKES: Final = 1 << 15
"""Bytes that the system is to take of a client before the server does, which gets them all at once."""

_BACKLOG: Final = 4096
"""Connections that may wait in the system to be taken. What finds no place there tries again a second later,
and more than the event loop takes in a turn may come at once. Linux allows somaxconn at most."""

_HINTS: Final = {
    errno.EADDRINUSE: "another runner may be using it; set another port in jeeves-runner.yaml",
    errno.EADDRNOTAVAIL: "this machine has no such address; set another host in jeeves-runner.yaml",
    errno.EACCES: "this user may not listen there; set a port from 1024 on in jeeves-runner.yaml",
}
"""What to do, by what the system says."""

_OTHER_HINT: Final = "set another host or port in jeeves-runner.yaml"


def listen(host: str, port: int) -> socket.socket:
    """A socket that HTTP will answer on; PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":  # all addresses of the machine, also where the system takes those of IPv4 apart
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint=_HINTS.get(error.errno or 0, _OTHER_HINT),
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """The address that programs of this machine reach a listening socket by."""
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HttpServer:
    """Answers on listening sockets until it is closed.

    ``pages`` are for browsers. ``grace`` is how many seconds requests that are being answered get at the end.
    """

    def __init__(
        self, services: ApiServices, pages: Pages, *, limits: Limits | None = None, grace: float = 1.0
    ) -> None:
        self._limits = limits or limits_of_this_process()
        # A run started over HTTP goes on when its client hangs up: handlers are not cancelled.
        self._runner = web.AppRunner(
            build_app(services, self._limits, pages), access_log=None, logger=log, shutdown_timeout=grace
        )
        self._listening: list[Accepting] = []
        self._unread: Unread | None = None

    async def start(self, *listeners: socket.socket) -> None:
        """Answer from here on. The sockets, TCP or Unix, are closed with the server.

        Each may have as many connections as the limits say: while one is full, the other still takes
        some.
        """
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the HTTP application has not been set up")
        loop = asyncio.get_running_loop()
        limits = self._limits
        unread = self._unread = Unread(loop, log, seconds=limits.untaken, most=limits.memory)
        for listener in listeners:
            with suppress(OSError):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SYSTEM_HOLDS)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SYSTEM_TAKES)
            connect = partial(Connection, server, limits, unread, Places(limits.connections), loop)
            self._listening.append(Accepting(listener, connect))

    async def close(self) -> None:
        """Take no more connections, let what is being answered end within the grace, close all."""
        for listening in self._listening:
            listening.close()
        await self._runner.cleanup()
        if self._unread is not None:
            self._unread.close()
