"""Whether a server runs on the project's database, and what it says."""

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from jeeves_runner.clock import from_text
from jeeves_runner.db.runner import (
    LockHolder,
    RunnerRow,
    lock_holder,
    lock_path,
    process_exists,
    runner_row,
)
from jeeves_runner.db.runner_socket import connect_to_runner
from jeeves_runner.errors import NoServer
from jeeves_runner.regular_files import NotRegular, open_to_read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from socket import socket

    import apsw

    from jeeves_runner.config import Config
    from jeeves_runner.db.run_list import RunRow
    from jeeves_runner.views.runner import CatchingUpDocument

_PATIENCE: Final = 2.0
"""Seconds for a server on this machine to answer a question."""

_CANCEL_PATIENCE: Final = 4.0
"""Seconds for a server to say that it ends a run. It waits for the database in them, but not for long."""

_PART: Final = 1 << 16

_LARGEST_CONFIG: Final = 1 << 20
"""Bytes of an answer that may be the settings of a server."""


def server_of(conn: "apsw.Connection") -> RunnerRow | None:
    """The server that runs on this database now, None if none does."""
    row = runner_row(conn)
    if row is None or row.stopped_at is not None or not _is_locked_by(row, Path(conn.filename)):
        return None
    return row


def require_server(conn: "apsw.Connection") -> RunnerRow:
    """The server that runs on this database; NoServer unless it goes on to."""
    row = server_of(conn)
    if row is None:
        raise NoServer(f"no server runs on {conn.filename}", hint="start it with `jeeves-runner serve`")
    if row.stopping_at is not None:
        raise NoServer(
            f"the server (pid {row.pid}) is stopping: nothing new starts",
            hint="start it again once it has stopped, with `jeeves-runner serve`",
        )
    return row


def server_has_stopped(run: "RunRow") -> NoServer:
    """The error for a wait whose end no server will bring."""
    if run["status"] == "scheduled":
        return NoServer(
            f"the server has stopped; run {run['id']} is still scheduled", hint="the next server starts it"
        )
    # What was left of it, such as its processes, is not known to be there any more.
    return NoServer(
        f"the server has stopped, and no end of run {run['id']} is recorded",
        hint="the next server settles it",
    )


def ask(server: RunnerRow, path: str) -> object:
    """The document of a route, of the type it declares; None if the server does not answer in time."""
    with suppress(OSError, ValueError), send_request(server, path, _PATIENCE) as connection:
        if (body := _body(connection)) is not None:
            document: object = json.loads(body)
            return document
    return None


def catching_up(server: RunnerRow | None) -> "Mapping[str, datetime]":
    """When the server has late jobs catch up, by id. None of them where no server runs or answers."""
    document = ask(server, "/catching-up") if server is not None else None
    if document is None:
        return {}
    late = cast("CatchingUpDocument", document)["jobs"]
    return {each["job_id"]: from_text(each["catches_up_at"]) for each in late}


def _body(connection: "socket", most: int | None = None) -> bytes | None:
    """Of an answer that ends with the connection; None unless it is a 200, and has ``most`` bytes at most."""
    answer = bytearray()
    while part := connection.recv(_PART):
        answer += part
        if most is not None and len(answer) > most:
            return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return bytes(body) if head.split(maxsplit=2)[1:2] == [b"200"] else None


def ask_to_cancel(server: RunnerRow, run_id: int) -> bool:
    """Have the server end a run without a row that asks for it; whether it has said that it does."""
    path = f"/runs/{run_id}/cancel"
    with suppress(OSError), send_request(server, path, _CANCEL_PATIENCE, method="POST") as connection:
        return connection.recv(_PART).split(maxsplit=2)[1:2] == [b"202"]
    return False


def database_of_address(config: "Config") -> Path | None:
    """The database of a server that answers where ``config`` says, and has read its file; None if none does.

    Such a server began with another data folder, or another path of the database, and goes on with it.
    """
    from socket import create_connection

    if config.path is None:
        return None
    host = f"[{config.host}]" if ":" in config.host else config.host
    question = f"GET /config HTTP/1.0\r\nHost: {host}:{config.port}\r\n\r\n".encode()
    # Another program may be there, and answer anything.
    with suppress(OSError, ValueError), create_connection((config.host, config.port), _PATIENCE) as there:
        there.sendall(question)
        settings = json.loads(_body(there, _LARGEST_CONFIG) or b"null")
        if isinstance(settings, dict) and settings.get("path") == str(config.path):
            return Path(str(settings.get("db_path")))
    return None


def send_request(server: RunnerRow, path: str, timeout: float, *, method: str = "GET") -> "socket":
    """Ask the server for a document over its Unix socket; OSError if it has none or does not take it.

    The answer, as of HTTP/1.0, ends with the connection. ``timeout`` is in seconds, for each step.

    A plain socket: the libraries for HTTP would take longer to import than most commands run.
    """
    if server.socket is None:
        raise FileNotFoundError("the server has no Unix socket")
    connection = connect_to_runner(server.socket, server.pid, timeout)
    try:
        connection.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    except OSError:
        connection.close()
        raise
    return connection


def _is_locked_by(runner: RunnerRow, db_path: Path) -> bool:
    """Whether the process of this row lives and holds the runner's lock, which a command may hold after it.

    The lock is tried only when the recorded process exists: a look must not get into the way of a
    server that starts at the same moment.
    """
    holder = lock_holder(db_path)
    if holder not in (None, LockHolder(runner.pid)) or not process_exists(runner.pid):
        return False
    try:
        fd = open_to_read(lock_path(db_path))
    except (FileNotFoundError, NotRegular):  # this database is a copy, or its lock was deleted or replaced
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
