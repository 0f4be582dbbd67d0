"""State and queues in the database itself, over a connection of the client's own."""

import os
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

from jeeves_runner.clock import Clock
from jeeves_runner.core.operations import Gathered, Read, Write
from jeeves_runner.db.connection import connect
from jeeves_runner.db.file_errors import translated
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.nudge import Nudges
from jeeves_runner.db.operations import is_announced, is_durable, look, perform, perform_all
from jeeves_runner.db.transaction import PATIENCE, Tx, transaction


class Database:
    """One connection. What a run writes over it names the run."""

    def __init__(self, path: Path, clock: Clock, env: Mapping[str, str]) -> None:
        """``env`` says which run this program is, if it is one."""
        run_id = _run_id(path, env)
        self._effects = None if run_id is None else Effects(run_id)
        # A run may take as long as its job's timeout says, also to wait.
        self._patience = PATIENCE if run_id is None else inf
        self._conn = connect(path, patience=self._patience)
        self._clock = clock
        self._nudges = Nudges(clock)

    def close(self) -> None:
        """Close the connection."""
        self._nudges.close()
        self._conn.close()

    def read(self, op: Read) -> Any:
        """What is found now."""
        with translated(self._conn.filename):
            return look(self._conn, self._clock.now(), op)

    def write(self, op: Write) -> Any:
        """Do it in a transaction of its own."""
        is_news = is_announced(op)
        with transaction(self._conn, self._clock, durable=is_durable(op), patience=self._patience) as tx:
            self._begin()
            done = perform(tx, op, self._effects)
            self._end(tx, is_news)
        if is_news:
            self._nudges.send()
        return done

    def write_all(self, ops: Sequence[Gathered]) -> list[Any]:
        """Do them in one transaction."""
        is_news = any(map(is_announced, ops))
        with transaction(self._conn, self._clock, patience=self._patience) as tx:
            self._begin()
            done = perform_all(tx, ops, self._effects)
            self._end(tx, is_news)
        if is_news:
            self._nudges.send()
        return done

    def _begin(self) -> None:
        if self._effects is not None:
            self._effects.begin()

    def _end(self, tx: Tx, is_news: bool) -> None:
        """The last part of a transaction."""
        if self._effects is not None:
            self._effects.write(tx)
        if is_news:
            self._nudges.find_server(tx)


def _run_id(path: Path, env: Mapping[str, str]) -> int | None:
    """The id of the run this program is; None if the client works on another database than its runner."""
    own = env.get("JR_DB_PATH")
    run_id = env.get("JR_RUN_ID", "")
    if own and os.path.realpath(own) == os.path.realpath(path) and run_id.isascii() and run_id.isdigit():
        return int(run_id)
    return None
