"""One HTTP connection to a server, kept for all requests of a client."""

import socket
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import POLLIN, poll
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from jeeves_runner.errors import UsageError

CONNECT: Final = 10.0
"""Seconds for one attempt to connect."""

_SOCKET: Final = "unix:"

FAULTS: Final = (OSError, HTTPException)
"""What a request may fail with on its way."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    """Its status."""
    body: bytes
    """All of it."""


class Line:
    """The connection. ``url``: ``http://HOST:PORT``, https, or ``unix:PATH``; UsageError for another one.

    ``wait``: seconds until an answer must have begun; None: as long as it takes.
    """

    def __init__(self, url: str, token: str | None, wait: float | None) -> None:
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            if not (token.isascii() and token.isprintable()):
                raise UsageError("the token is none: it holds what no token holds")
            self._headers["Authorization"] = f"Bearer {token}"
        self._wait = wait
        self._connection, self._prefix = _connection(url)

    def connect(self) -> None:
        """Be connected. A connection that the server has closed meanwhile is made anew. OSError."""
        if self._is_open() and _is_closed(self._connection.sock):
            self._connection.close()
        if not self._is_open():
            self._connection.timeout = CONNECT
            try:
                self._connection.connect()
            except BaseException:
                self._connection.close()  # what TLS has refused keeps a socket that is none any more
                raise
            self._connection.sock.settimeout(self._wait)

    def ask(self, method: str, path: str, body: bytes | None) -> Answer:
        """What is answered; one of FAULTS where nothing is, and then the connection is closed."""
        try:
            self._connection.request(method, self._prefix + path, body, self._headers)
            response = self._connection.getresponse()
            return Answer(response.status, response.read())
        except BaseException:
            self._connection.close()
            raise

    def _is_open(self) -> bool:
        wire: socket.socket | None = self._connection.sock
        return wire is not None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class _UnixConnection(HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            wire.settimeout(self.timeout)
            wire.connect(self._path)
        except BaseException:
            wire.close()
            raise
        self.sock = wire


def _connection(url: str) -> tuple[HTTPConnection, str]:
    """A connection that is not open yet, and what paths begin with."""
    if url.startswith(_SOCKET):
        return _UnixConnection(url.removeprefix(_SOCKET)), ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise UsageError(
            f"{url!r} is not where a server can be", hint="write http://HOST:PORT, https://HOST, or unix:PATH"
        )
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(host, port), parts.path.rstrip("/")


def _is_closed(wire: socket.socket) -> bool:
    """Whether something can be read of it although nothing was asked: it is the end."""
    look = poll()
    look.register(wire, POLLIN)
    return bool(look.poll(0))
