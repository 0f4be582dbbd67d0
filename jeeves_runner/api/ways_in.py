"""The ways in over HTTP: the port that is listened on, and the Unix socket beside the database."""

import asyncio
import socket
from typing import Final

from jeeves_runner.api.local_socket import LocalSocket, open_local_socket
from jeeves_runner.api.pages import Pages
from jeeves_runner.api.server import HttpServer
from jeeves_runner.api.services import ApiServices
from jeeves_runner.runner.stop import Stop

_GRACE: Final = 1.0
"""Seconds that open requests get once the runner stops."""


class WaysIn:
    """Both of them, from the first answer to the stop."""

    def __init__(self, pages: Pages) -> None:
        """``pages``: what is shown to browsers."""
        self._pages = pages
        self._server: HttpServer | None = None
        self._local: LocalSocket | None = None

    async def answer(self, listener: socket.socket, services: ApiServices) -> str | None:
        """Answer on ``listener`` and on the Unix socket, whose path this returns; None if it can have
        none."""
        config = services.config
        local = self._local = open_local_socket(config.data_dir, config.db_path)
        server = self._server = HttpServer(services, self._pages, grace=_GRACE)
        await server.start(listener, *([] if local is None else [local.listener]))
        return None if local is None else str(local.path)

    async def close(self, stop: Stop) -> None:
        """Answer no more, as two steps of a stop. What has not been opened needs none."""
        if self._server is not None:
            await stop.within("HTTP", self._server.close(), most=2 * _GRACE)
        if self._local is not None:
            await stop.within("the Unix socket", asyncio.to_thread(self._local.close), most=_GRACE)
