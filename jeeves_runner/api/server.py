"""The application on its socket: from the first connection to the last answer."""

import asyncio
import socket

from aiohttp import web

from jeeves_runner.api.app import build_app
from jeeves_runner.api.connection import Connection, Limits, log
from jeeves_runner.api.services import ApiServices


class HttpServer:
    """Answers on a listening socket until it is closed.

    ``grace`` is how many seconds requests that are being answered get at the end.
    """

    def __init__(self, services: ApiServices, *, limits: Limits | None = None, grace: float = 1.0) -> None:
        self._limits = limits or Limits()
        # A run that somebody started over HTTP goes on when they hang up: handlers are not cancelled.
        self._runner = web.AppRunner(
            build_app(services, self._limits), access_log=None, logger=log, shutdown_timeout=grace
        )
        self._open_ones: set[Connection] = set()
        self._listening: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Answer from here on. The socket is closed with the server."""
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the HTTP application has not been set up")
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Connection(server, self._limits, self._open_ones, loop), sock=listener
        )

    async def close(self) -> None:
        """Take no more connections, let what is being answered end within the grace, close all."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()
