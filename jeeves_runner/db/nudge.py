"""Telling the server of a database that something was written for it.

A nudge goes out after the commit and waits for nothing: neither for room in the server's queue nor for
an answer. Without a server nothing happens. A lost nudge costs a second, for the server also looks by
itself.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import inf
from typing import TYPE_CHECKING, Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.runner_socket import connect_to_runner
from jeeves_runner.db.transaction import PATIENCE, Tx, transaction

if TYPE_CHECKING:
    from socket import socket

_REQUEST: Final = b"POST /nudge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
_LONGEST_ANSWER: Final = 4096

_AFTER_A_FAILURE: Final = 1.0
"""Seconds until a server that could not be reached is tried again."""


@contextmanager
def announced_transaction(conn: apsw.Connection, clock: Clock, *, patience: float = PATIENCE) -> Iterator[Tx]:
    """A write transaction that the server, if one runs, takes note of at once.

    Waits up to ``patience`` seconds for the write lock, then raises DatabaseBusy.
    """
    with transaction(conn, clock, patience=patience) as tx:
        yield tx
        nudges = Nudges(clock)
        nudges.find_server(tx)
    with closing(nudges):
        nudges.send()


class Nudges:
    """The nudges of one program, over a connection that it keeps.

    The server answers a nudge right before it looks at the database. So a nudge that it has not
    answered yet also tells of what is committed meanwhile, and many commits in a row cost few nudges.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._server: tuple[str | None, int] | None = None
        self._connection: socket | None = None
        self._not_before = -inf

    def find_server(self, tx: Tx) -> None:
        """Learn where the server listens, if one does.

        Called inside the transaction that is to be told of, where reading waits for no lock.
        """
        if self._connection is None:
            self._server = tx.conn.execute("SELECT socket, pid FROM runner").fetchone()

    def send(self) -> None:
        """Make the server look at its database. Called after the commit."""
        if self._connection is not None and self._is_on_its_way(self._connection):
            return
        try:
            if self._connection is None:
                path, pid = self._server or (None, 0)
                if path is None or self._clock.monotonic() < self._not_before:
                    return
                self._connection = connect_to_runner(path, pid, 0)
            _send(self._connection)
        except OSError:  # the server has died, or too many wait for it
            self._not_before = self._clock.monotonic() + _AFTER_A_FAILURE
            self.close()

    def close(self) -> None:
        """Hang up. What was sent arrives all the same."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_on_its_way(self, connection: "socket") -> bool:
        """Whether the last nudge is not answered yet; a server that has hung up is forgotten."""
        try:
            if not connection.recv(_LONGEST_ANSWER):
                self.close()
        except BlockingIOError:
            return True
        except OSError:
            self.close()
        return False


def _send(connection: "socket") -> None:
    import socket

    # Without the flag, a server that has hung up would end those scripts that let SIGPIPE end them.
    connection.send(_REQUEST, getattr(socket, "MSG_NOSIGNAL", 0))
