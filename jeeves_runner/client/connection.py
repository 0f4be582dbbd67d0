"""The client's connection: reads at once, writes at once or gathered into one transaction."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.connection import connect
from jeeves_runner.db.file_errors import translated
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.nudge import Nudges
from jeeves_runner.db.transaction import PATIENCE, Tx, transaction
from jeeves_runner.errors import UsageError

T = TypeVar("T")


class Pending:
    """An enqueue inside ``transaction()``.

    Once the transaction has ended without an error, ``settled`` is true and ``id`` is the new
    item's, or None if it was a duplicate.
    """

    __slots__ = ("id", "settled")

    def __init__(self) -> None:
        self.id: int | None = None
        self.settled = False

    def settle(self, item_id: int | None) -> None:
        self.id = item_id
        self.settled = True

    def __repr__(self) -> str:
        return f"Pending(id={self.id}, settled={self.settled})"


class ClientConnection:
    """One connection, for one thread of one process. Its transactions do not nest."""

    def __init__(
        self, path: Path, clock: Clock, *, patience: float = PATIENCE, effects: Effects | None = None
    ) -> None:
        """``patience``: how many seconds it waits for locks. ``effects``: where writes say what they do."""
        self._effects = effects
        self._conn = connect(path, patience=patience)
        self._clock = clock
        self._patience = patience
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        self._gathered: list[Callable[[Tx], object]] | None = None
        self._gathered_is_announced = False
        self._after_commit: list[Callable[[], None]] = []
        self._nudges = Nudges(clock)
        self._closed = False

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._nudges.close()
            self._conn.close()

    @property
    def gathering(self) -> bool:
        """Whether a ``transaction()`` block is open, so that writes wait for its end."""
        return self._gathered is not None

    def read(self, look: Callable[[apsw.Connection, datetime], T]) -> T:
        """What ``look`` finds now, without the writes that are still gathered."""
        conn = self._usable()
        with translated(conn.filename):
            return look(conn, self._clock.now())

    def write(self, act: Callable[[Tx], T], *, durable: bool = True, announced: bool = False) -> T:
        """Do ``act`` in a transaction of its own. The server takes note of an ``announced`` one at once."""
        with transaction(self._usable(), self._clock, durable=durable, patience=self._patience) as tx:
            if self._effects is None:
                done = act(tx)
            else:
                self._effects.begin()
                done = act(tx)
                self._effects.write(tx)
            if announced:
                self._nudges.find_server(tx)
        if announced:
            self._nudges.send()
        return done

    def gather(
        self,
        act: Callable[[Tx], object],
        after_commit: Callable[[], None] | None = None,
        *,
        announced: bool = False,
    ) -> None:
        """Do ``act`` at the end of the open ``transaction()`` block, with all that was gathered."""
        self._usable()
        if self._gathered is None:
            raise UsageError("there is no open transaction to add to")
        self._gathered.append(act)
        self._gathered_is_announced |= announced
        if after_commit is not None:
            self._after_commit.append(after_commit)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Gather the writes of the block and do them as one; none of them if anything raises."""
        self._usable()
        if self._gathered is not None:
            raise UsageError("a transaction is already open", hint="end its `with` block first")
        self._gathered = []
        self._gathered_is_announced = False
        self._after_commit = []
        try:
            yield
            acts = self._gathered
        finally:
            self._gathered = None
        if acts:
            self.write(lambda tx: [act(tx) for act in acts], announced=self._gathered_is_announced)
        for settle in self._after_commit:
            settle()

    def _usable(self) -> apsw.Connection:
        if self._closed:
            raise UsageError("this Client is closed", hint="use it inside its `with` block")
        if os.getpid() != self._pid:
            # SQLite's locks do not survive a fork; using the connection could damage the file.
            raise UsageError(
                "a Client cannot be used in a forked process", hint="make a Client in each process"
            )
        if threading.get_ident() != self._thread:
            raise UsageError(
                "a Client cannot be used in another thread than the one that made it",
                hint="make a Client in each thread",
            )
        return self._conn
