"""What becomes known of work after its run has ended: noted beside the end, which stays as it is."""

import json
from collections.abc import Iterator
from datetime import datetime

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.run import Outcome
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.runs import LeftRun, left_runs
from jeeves_runner.db.transaction import Tx


def unconfirmed_runs(conn: apsw.Connection, since: datetime) -> Iterator[LeftRun]:
    """The runs that ended since then, whose work did not confirm it, and of which nothing has come late."""
    return left_runs(
        conn, "NOT confirmed AND late IS NULL AND finished_at > ? ORDER BY finished_at", to_text(since)
    )


def note_late(tx: Tx, run_id: int, outcome: Outcome, *, epoch: int) -> bool:
    """Note how the work ended after all; whether the row had a place for it. Raises Fenced.

    Tokens only grow: what was known at the end may be a count from before it.
    """
    check_epoch(tx, epoch)
    late = {"status": outcome.status, "at": tx.at, "tokens": outcome.tokens, "message": outcome.message}
    tx.conn.execute(
        "UPDATE runs SET late = :late, tokens = nullif(max(coalesce(tokens, -1), coalesce(:tokens, -1)), -1),"
        " model = coalesce(model, :model) WHERE id = :id AND NOT confirmed AND late IS NULL",
        {"late": json.dumps(late), "tokens": outcome.tokens, "model": outcome.model, "id": run_id},
    )
    return tx.conn.changes() > 0
