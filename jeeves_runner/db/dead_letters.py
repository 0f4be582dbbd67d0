"""The ``queue_failures`` table: how many items of a queue have failed for good, and of how many people know.

A trigger counts each that fails, whichever program writes it. What is told is advanced in the transaction
that puts the message into the outbox: so each is told once, and none is left out.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.core.alerts.policy import addresses_of
from jeeves_runner.core.alerts.texts import clean
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.db import alerting
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.overrides import is_muted
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none

QUIET: Final = timedelta(hours=1)
"""How long nothing more is told of a queue; then the sum of what has failed meanwhile."""

_PORTION: Final = 50
"""Queues that are told of in one transaction."""

_ERROR: Final = 200
"""Characters of the last error."""


class Untold(NamedTuple):
    """A queue in which items have failed that were not told yet."""

    queue_id: str
    """Its id."""
    failures: int
    """How many."""
    told_at: datetime | None
    """When people were last told of this queue; None: never, or it is not known."""


def due(conn: apsw.Connection, now: datetime) -> list[str]:
    """The queues of which something is to be told now."""
    return [each.queue_id for each in _untold(conn) if each.told_at is None or now - each.told_at >= QUIET]


def _untold(conn: apsw.Connection) -> list[Untold]:
    rows: list[tuple[Any, ...]] = conn.execute(
        "SELECT queue_id, failed - told, told_at FROM queue_failures WHERE failed > told ORDER BY queue_id"
    ).fetchall()
    return [
        Untold(queue_id, failures, None if at is None else time_or_none(at, f"queue {queue_id}", "told_at"))
        for queue_id, failures, at in rows
    ]


def tell(tx: Tx, fallback: tuple[str, ...]) -> int:
    """Tell of what is due, once for each queue; how many queues, fewer than there are if they are many.

    ``fallback``: where it is told of queues that no manifest declares. While everything is muted nothing is
    told, and nothing is forgotten.
    """
    if is_muted(tx.conn, None, tx.now):
        return 0
    queue_ids = due(tx.conn, tx.now)[:_PORTION]
    for each in _failed(tx.conn, queue_ids):
        channels = fallback if each.on_failed is None else addresses_of(each.on_failed)
        facts = _facts(each.failures, each.error)
        what = Happened(Cause.DEAD_LETTERS, subject=each.queue_id, facts=facts, channels=channels)
        alerting.report(tx, what)
    tx.conn.execute(
        "UPDATE queue_failures SET told = failed, told_at = ?"
        " WHERE queue_id IN (SELECT value FROM json_each(?))",
        (tx.at, json.dumps(queue_ids)),
    )
    return len(queue_ids)


class _Failed(NamedTuple):
    queue_id: str
    failures: int
    on_failed: str | None
    """The channels that its manifest names, as JSON; None: no manifest declares it."""
    error: str | None
    """The last one."""


def _failed(conn: apsw.Connection, queue_ids: Sequence[str]) -> list[_Failed]:
    rows: list[tuple[Any, ...]] = conn.execute(_QUEUES, (json.dumps(queue_ids),)).fetchall()
    return [_Failed(*row) for row in rows]


# The last error by its index; items that failed may be pending again, or deleted, by now.
_QUEUES: Final = """
SELECT queue_id, failed - told,
  (SELECT CASE WHEN declared THEN coalesce(spec -> '$.on_failed', '[]') END FROM queues WHERE id = queue_id),
  (SELECT substr(error, 1, 2000) FROM queue_items AS item
   WHERE item.queue_id = queue_failures.queue_id AND status = 'failed' ORDER BY completed_at DESC LIMIT 1)
FROM queue_failures WHERE queue_id IN (SELECT value FROM json_each(?)) ORDER BY queue_id
"""


def _facts(failures: int, error: str | None) -> Mapping[str, Any]:
    words = "1 item has failed for good" if failures == 1 else f"{failures} items have failed for good"
    line = " ".join(clean(error or "").split())
    if not line:
        return {"words": words}
    return {
        "words": words,
        "lines": [["Last error", line if len(line) <= _ERROR else line[: _ERROR - 1] + "…"]],
    }
