"""The world of clients: state and queues of one database, over each way that a script can take.

A server with the hand clock of the ``Store`` answers from a thread of its own, on TCP and on a Unix socket.
It has no runs, manifests or follower: take it for what the operations of clients do.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, NamedTuple, cast

from support.ledger import Store

from jeeves_runner.api.server import HttpServer
from jeeves_runner.api.services import ApiServices
from jeeves_runner.client import Client
from jeeves_runner.config import load_config
from jeeves_runner.dashboard.routes import DASHBOARD
from jeeves_runner.db.connection import connect
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.claim_waits import ClaimWaits
from jeeves_runner.runner.stop import Asked

WAYS = ("sqlite", "http", "unix")


class Way(NamedTuple):
    """One way to the operations of a store."""

    name: str
    store: Store
    url: str
    """Where the server answers on that way; empty where there is none."""

    def client(self, token: str | None = None) -> Client:
        """A client that goes this way. ``token``: of a run, where a server is asked."""
        if not self.url:
            return Client(self.store.path, clock=self.store.clock)
        return Client(url=self.url, token=token, clock=self.store.clock)


@contextmanager
def way_to(store: Store, name: str) -> Iterator[Way]:
    """The way of that name, for the length of the block."""
    if name == "sqlite":
        yield Way(name, store, "")
        return
    with _Server(store) as server:
        yield Way(name, store, server.urls[name])


class _Unmeasured:
    """Takes what would be measured."""

    def note_request(self, answered: object) -> None:
        """It is not counted."""


class _Server:
    """The server in its thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="state server")
        self._end: Callable[[], object] = self._up.set
        self.urls: dict[str, str] = {}

    def __enter__(self) -> "_Server":
        self._thread.start()
        assert self._up.wait(30)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end()
        self._thread.join(30)

    async def _serve(self) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(ended.set)
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(Writer(self._store.path, self._store.clock))
            conn = connect(self._store.path)
            stack.callback(conn.close)
            server = HttpServer(self._services(conn, writer), DASHBOARD)
            path = self._store.path.with_suffix(".sock")
            tcp, unix = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
            unix.bind(str(path))
            unix.listen()
            self.urls = {"http": f"http://127.0.0.1:{tcp.getsockname()[1]}", "unix": f"unix:{path}"}
            await server.start(tcp, unix)
            self._up.set()
            await ended.wait()
            await server.close()
            path.unlink()

    def _services(self, conn: Any, writer: Writer) -> ApiServices:
        commits: list[Callable[[], None]] = []
        clock = self._store.clock

        async def nudge() -> None:
            self_look()

        def self_look() -> None:
            for look in commits:
                look()

        missing = cast(Any, None)
        return ApiServices(
            conn=conn,
            clock=clock,
            config=load_config(self._store.path.parent, None),
            config_file=missing,
            runs=missing,
            sync=missing,
            writer=writer,
            next_run=missing,
            catching_up=missing,
            nudge=nudge,
            moves=missing,
            metrics=cast(Any, _Unmeasured()),
            look_soon=self_look,
            claims=ClaimWaits(conn, clock, commits.append),
            began=0.0,
            stopping=Asked(),
        )
