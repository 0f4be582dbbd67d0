"""Which run writes: what it enqueues, claims and stores names it, so that each can be led back to its commit.

What runs have done is counted in ``effects``, in the transactions themselves. Scripts import this module on
every run.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import apsw

from jeeves_runner.db.transaction import Tx

Act = Literal["claimed", "enqueued", "completed", "failed", "wrote"]


class Writer(NamedTuple):
    """A run that writes. Its fields are the values of the columns beside what it writes."""

    run: int
    """Its id."""
    revision: int | None
    """The apply whose spec it runs; None where there is no such run, or no longer."""
    depth: int
    """Over how many runs it follows from a time, a start or a person."""


class Effects:
    """What one run does, gathered while a transaction lasts and counted at its end, not row by row."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._writer: Writer | None = None
        self._counts: dict[tuple[Act, str], int] = {}
        self._queues: dict[int, str] = {}

    def writer(self, conn: apsw.Connection) -> Writer:
        """The run; what its row says is read once."""
        if self._writer is None:
            row: tuple[Any, ...] | None
            row = conn.execute("SELECT revision_id, depth FROM runs WHERE id = ?", (self._run_id,)).fetchone()
            self._writer = Writer(self._run_id, *(row or (None, 0)))
        return self._writer

    def begin(self) -> None:
        """Forget what a transaction before this one did, which may not have been committed."""
        self._counts.clear()

    def add(self, act: Act, target: str, count: int = 1) -> None:
        """Count so many. ``target``: the queue, or the namespace."""
        if count:
            self._counts[act, target] = self._counts.get((act, target), 0) + count

    def claimed(self, queue_id: str, item_ids: Sequence[int]) -> None:
        """Count these, and keep of which queue they are until they are answered: to look it up takes longer
        than to count."""
        self._queues.update(dict.fromkeys(item_ids, queue_id))
        self.add("claimed", queue_id, len(item_ids))

    def answer(self, conn: apsw.Connection, act: Act, item_id: int) -> None:
        """Count this item as completed or failed, of whichever queue it is."""
        queue_id = self._queues.pop(item_id, None) or conn.execute(_QUEUE_OF, (item_id,)).get
        self.add(act, queue_id)

    def write(self, tx: Tx) -> None:
        """Write what the transaction has done, as its last part."""
        for (act, target), count in self._counts.items():
            # Most have a row by now, and an upsert takes half as long again.
            tx.conn.execute(_ADD, (count, self._run_id, act, target))
            if not tx.conn.changes():
                tx.conn.execute(_BEGIN, (self._run_id, act, target, count))


_QUEUE_OF = "SELECT queue_id FROM queue_items WHERE id = ?"
_ADD = "UPDATE effects SET count = count + ? WHERE run_id = ? AND act = ? AND target = ?"
_BEGIN = "INSERT INTO effects (run_id, act, target, count) VALUES (?, ?, ?, ?)"
