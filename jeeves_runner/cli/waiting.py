"""Waiting for the end of a run: on the word of the server that works on it, or by looking again and again."""

import time
from collections.abc import Iterator
from contextlib import closing
from socket import socket
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.server import send_request, server_has_stopped, server_of
from jeeves_runner.clock import Clock
from jeeves_runner.db.runner import LOCK_INTERVAL, LOCK_PATIENCE, RunnerLock, RunnerRow
from jeeves_runner.errors import DatabaseBusy, RunnerActive

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import WholeRunRow

INTERVAL: Final = 0.05
"""Seconds between two looks at the database where no server can be asked; each costs some microseconds."""

RESTART: Final = 10.0
"""Seconds that a server may be gone before a wait for it ends. Service managers restart it sooner."""

_LOOK_ANYWAY: Final = 5.0
"""Seconds after which the run is looked at although its server has said nothing."""

_PATIENCE: Final = 1.0
"""Seconds for a server to take a question."""


def look_again() -> None:
    """Let a moment pass before another look at the database."""
    time.sleep(INTERVAL)


def moments(seconds: float) -> Iterator[None]:
    """Now, and each time so many seconds have passed, without an end."""
    while True:
        yield
        time.sleep(seconds)


class EndOfRun:
    """A server's word that a run has ended. Whatever comes of the question is a reason to look."""

    def __init__(self) -> None:
        self._question: socket | None = None
        self._run_id: int | None = None
        self._was_answered = False

    def wait(self, server: RunnerRow | None, run_id: int, seconds: float) -> bool:
        """Wait until it is worth looking at the run in the database.

        False if that is not so after ``seconds``: the server says nothing, so the run goes on.
        Without a server to ask it is worth it after each INTERVAL.
        """
        if run_id != self._run_id:
            self.close()
            self._run_id, self._was_answered = run_id, False
        if self._was_answered:  # and the run went on: a server that stops answers at once
            time.sleep(INTERVAL)
        if self._question is None:
            self._question = _ask(server, run_id)
        if self._question is None:
            time.sleep(INTERVAL)
            return True
        return self._hear(self._question, seconds)

    def close(self) -> None:
        """Ask no more."""
        if self._question is not None:
            self._question.close()
            self._question = None

    def _hear(self, question: socket, seconds: float) -> bool:
        question.settimeout(seconds)
        try:
            question.recv(1)  # an answer, or the end of the server
        except TimeoutError:
            return False
        except OSError:
            pass
        self._was_answered = True
        self.close()
        return True


class Absence:
    """How long the server has been gone: long enough to give up, or only for a restart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def is_over(self, *, present: bool) -> bool:
        """Whether to give up on a server that is not ``present`` at this look either."""
        if present:
            self._since = None
            return False
        now = self._clock.monotonic()
        if self._since is None:
            self._since = now
        return now - self._since >= RESTART


def end_of_chain(conn: "apsw.Connection", clock: Clock, run_id: int) -> "WholeRunRow":
    """The last attempt of the chain that begins with this run, once it has ended. NoServer if its server is
    gone for good."""
    from jeeves_runner.views.runs import last_attempt, run_view

    absence = Absence(clock)
    with closing(EndOfRun()) as end:
        while True:
            # Before the run: a server that stops settles its runs first.
            server = server_of(conn)
            run = run_view(conn, last_attempt(conn, run_id))["run"]
            if run["finished_at"] is not None:
                return run
            starts_no_more = server is None or (server.stopping_at and run["status"] == "scheduled")
            if absence.is_over(present=not starts_no_more):
                raise server_has_stopped(run)
            end.wait(server, run["id"], _LOOK_ANYWAY)


def take_lock(lock: RunnerLock, clock: Clock) -> None:
    """Take it in place of a runner, also if another command has it for a moment.

    Raises RunnerActive if a runner has it, and DatabaseBusy for a command that does not end.
    """
    until = clock.monotonic() + LOCK_PATIENCE
    while True:
        try:
            return lock.acquire()
        except (RunnerActive, DatabaseBusy):
            if not lock.is_soon_free() or clock.monotonic() >= until:
                raise
        time.sleep(LOCK_INTERVAL)


def _ask(server: RunnerRow | None, run_id: int) -> socket | None:
    """The connection on which the server will tell of the run's end; None if it cannot be asked."""
    if server is None:
        return None
    try:
        return send_request(server, f"/runs/{run_id}?wait=1m", _PATIENCE)
    except OSError:
        return None
