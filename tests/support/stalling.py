"""A way to a server on which streams may fall silent without an end, as behind a router that forgot them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

_STREAM: Final = b"text/event-stream"


class Stalling:
    """A relay on loopback. Streams that are open when it is told to stall pass nothing on any more."""

    def __init__(self) -> None:
        self._to = ("", 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._stalled = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def lead(self, url: str) -> None:
        """Where the connections to come lead."""
        self._to = (urlsplit(url).hostname or "", urlsplit(url).port or 0)

    def stall(self) -> None:
        """Streams that are open say nothing from now on, and stay open; those to come are as before."""
        self._stalled.set()
        self._stalled = threading.Event()

    def close(self) -> None:
        # A listener that is closed under `accept` takes one connection more, which nothing would close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                far = socket.create_connection(self._to)
                self._open.append(far)
                threading.Thread(target=self._ask, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near), daemon=True).start()

    @staticmethod
    def _ask(near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        stalled: threading.Event | None = None
        with suppress(OSError):
            while data := far.recv(65536):
                if stalled is None and _STREAM in data:
                    stalled = self._stalled
                if stalled is None or not stalled.is_set():
                    near.sendall(data)
            near.shutdown(socket.SHUT_WR)


@contextmanager
def stalling() -> Iterator[Stalling]:
    """A relay for the length of the block."""
    relay = Stalling()
    try:
        yield relay
    finally:
        relay.close()
