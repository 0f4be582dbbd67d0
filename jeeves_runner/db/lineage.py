"""Which run writes: what it enqueues, claims and stores names it, so that each can be led back to its commit.

While a run runs, its items tell what it has done to queues: how many it has enqueued, and how many it has
claimed and completed, by their status. Where an item ceases to tell something, that goes to ``effects`` in
the same transaction, and so does what items never told. At the run's end a trigger adds the rest, so that
``effects`` has all. Scripts import this module on every run.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import apsw

from jeeves_runner.db.run_states import RUNNING
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
        self.run_id = run_id
        self._writer: Writer | None = None
        self._counts: dict[tuple[Act, str], int] = {}
        self._telling: set[int] = set()
        self._are_telling: bool | None = None

    def writer(self, conn: apsw.Connection) -> Writer:
        """The run; what its row says is read once."""
        if self._writer is None:
            row: tuple[Any, ...] | None
            row = conn.execute("SELECT revision_id, depth FROM runs WHERE id = ?", (self.run_id,)).fetchone()
            self._writer = Writer(self.run_id, *(row or (None, 0)))
        return self._writer

    def begin(self) -> None:
        """Forget what a transaction before this one did, which may not have been committed."""
        self._counts.clear()
        self._are_telling = None

    def add(self, act: Act, target: str, count: int = 1) -> None:
        """Count so many. ``target``: the queue, or the namespace."""
        if count:
            self._counts[act, target] = self._counts.get((act, target), 0) + count

    def claimed(self, queue_id: str, item_ids: Sequence[int], *, are_telling: bool) -> None:
        """Note these claims; count them unless the items tell. For as long as a claim lasts, so does its run:
        to look it up again takes longer than all else about a completion."""
        if are_telling:
            self._telling.update(item_ids)
        else:
            self._telling.difference_update(item_ids)
            self.add("claimed", queue_id, len(item_ids))

    def completed(self, conn: apsw.Connection, item_id: int) -> None:
        """Count an item that this run has claimed and completed, unless it tells."""
        if item_id in self._telling:
            self._telling.remove(item_id)
            return
        if self._are_telling is None:
            self._are_telling = bool(conn.execute(f"SELECT {IS_TOLD}", {"run": self.run_id}).get)
        if not self._are_telling:
            self.add("completed", conn.execute(_QUEUE_OF, (item_id,)).get)

    def write(self, tx: Tx) -> None:
        """Write what the transaction has done, as its last part; nothing of a run that is no longer kept."""
        for (act, target), count in self._counts.items():
            # Most have a row by now, and an upsert takes half as long again.
            tx.conn.execute(_ADD, (count, self.run_id, act, target))
            if not tx.conn.changes():
                tx.conn.execute(_BEGIN, (act, target, count, self.run_id))


IS_TOLD: Final = "(SELECT status = 'running' AND told_by_items FROM runs WHERE id = :run)"
"""SQL: whether the items of a run tell what it does. For a statement that is executed anyway: one of its own
would take half as long as a count."""

_QUEUE_OF: Final = "SELECT queue_id FROM queue_items WHERE id = ?"
_ADD: Final = "UPDATE effects SET count = count + ? WHERE run_id = ? AND act = ? AND target = ?"
_BEGIN: Final = "INSERT INTO effects (run_id, act, target, count) SELECT id, ?, ?, ? FROM runs WHERE id = ?"

_INTO: Final = "INSERT INTO effects (run_id, act, target, count)"
_ADDING: Final = "ON CONFLICT DO UPDATE SET count = count + excluded.count"
# The sign keeps SQLite from reading all items of these runs instead of those that are asked for.
_TOLD_BY: Final = f"IN (SELECT id FROM runs WHERE {RUNNING} AND told_by_items)"


def counting_claims(which: str) -> str:
    """SQL that counts the claims of these claimed items (``which``: a condition), which are about to end by
    something else than completion."""
    return f"""
{_INTO}
SELECT run_id, 'claimed', queue_id, count(*) FROM queue_items
WHERE {which} AND status = 'claimed' AND +run_id {_TOLD_BY} GROUP BY run_id, queue_id
{_ADDING}
"""


def counting_all(which: str) -> str:
    """SQL that counts all that these items tell, which are about to be deleted."""
    return f"""
{_INTO}
SELECT producer_run, 'enqueued', queue_id, count(*) FROM queue_items
WHERE {which} AND +producer_run {_TOLD_BY} GROUP BY producer_run, queue_id
UNION ALL
SELECT run_id, act, queue_id, items
FROM (SELECT run_id, queue_id, count(*) AS items FROM queue_items
      WHERE {which} AND status = 'completed' AND +run_id {_TOLD_BY} GROUP BY run_id, queue_id),
     (SELECT 'claimed' AS act UNION ALL SELECT 'completed')
WHERE true
{_ADDING}
"""


def disown(tx: Tx, queue_id: str, run_id: int) -> None:
    """Let an item that this run has claimed and another program completed not count as completed by it."""
    tx.conn.execute(_DISOWN, {"queue": queue_id, "run": run_id})


_DISOWN: Final = f"""
{_INTO} SELECT :run, 'completed', :queue, -1 WHERE {IS_TOLD} {_ADDING}
"""
