"""A connection to the runner of a database, over the Unix socket whose path it has recorded there.

Scripts may write the database, and another path into it: the socket of another program, or of another
project's runner. So who answers must be the process that is recorded beside the path.
"""

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from socket import socket

_CREDENTIALS: Final = "3i"
"""The process, the user and the group of the other end, as unix(7) has them."""


def connect_to_runner(path: str, pid: int, timeout: float) -> "socket":
    """A connection to the runner of this process number; OSError if it does not take one.

    ``timeout``: seconds for each step of it; with 0 nothing waits.
    """
    # It costs milliseconds, and only programs with a server to ask need it.
    from socket import AF_UNIX, SOCK_STREAM, socket

    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        if _process_behind(connection) not in (None, pid):
            raise ConnectionRefusedError(f"another process than the runner listens at {path}")
    except BaseException:
        connection.close()
        raise
    return connection


def _process_behind(connection: "socket") -> int | None:
    """The process that listens at the other end; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    import struct
    from socket import SO_PEERCRED, SOL_SOCKET

    pid: int
    pid, _, _ = struct.unpack(
        _CREDENTIALS, connection.getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize(_CREDENTIALS))
    )
    return pid
