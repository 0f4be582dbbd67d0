"""The server: whether one runs and answers, or whether one could."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import cast

from jeeves_runner import __version__
from jeeves_runner.cli.server import ask, server_of
from jeeves_runner.config import Config
from jeeves_runner.core.diagnosis import Diagnosis
from jeeves_runner.db.connection import connect
from jeeves_runner.db.runner import RunnerRow
from jeeves_runner.errors import DatabaseError
from jeeves_runner.views.runner import StatusDocument


def running_server(config: Config) -> RunnerRow | None:
    """The server of this project; None if none runs, or if the database cannot tell."""
    try:
        with closing(connect(config.db_path)) as conn:
            return server_of(conn)
    except DatabaseError:
        return None  # the look at the database tells why


def examine_server(config: Config, server: RunnerRow | None) -> Iterator[Diagnosis]:
    """Whether it answers and is of this version; without one, whether its address is free."""
    if server is None:
        yield _examine_address(config.host, config.port)
        return
    document = cast(StatusDocument | None, ask(server, "/status"))
    if document is None:
        message = f"a server runs (pid {server.pid}), and does not answer"
        yield Diagnosis("server", "error", message, "its log tells why; restart it if it stays so")
    elif document["version"] != __version__:
        versions = f"of version {document['version']}, this program of {__version__}"
        message = f"the server (pid {server.pid}) is {versions}"
        yield Diagnosis("server", "warning", message, "restart the server")
    else:
        yield Diagnosis("server", "ok", f"it answers (pid {server.pid}, {server.api_url})")


def _examine_address(host: str, port: int) -> Diagnosis:
    free = f"none runs, and {host}:{port} is free for one" if port else "none runs; one takes any free port"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"none runs, and another program listens on {host}:{port}"
            return Diagnosis("server", "error", message, "stop that program, or let `port` name another one")
        message = f"none runs, and none can listen on {host}:{port}: {error.strerror}"
        return Diagnosis("server", "error", message, "let `host` and `port` name an address of this machine")
    return Diagnosis("server", "ok", free)
