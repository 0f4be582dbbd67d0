"""Pauses of queues: while one holds, nothing is claimed from the queue, and it starts no job.

Scripts import this module on every run, with the claims.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.waits import QUEUE_PAUSES, end_by_now

if TYPE_CHECKING:
    from datetime import datetime

    from jeeves_runner.core.durations import End
    from jeeves_runner.core.origin import Actor

_END: Final = end_by_now(QUEUE_PAUSES)
IS_PAUSED: Final = f"(paused_at IS NOT NULL AND coalesce({_END} > :at, 1))"
"""SQL: whether a row of ``queues`` is paused at ``:at``. A pause that is over stays in the row."""


class QueuePause(NamedTuple):
    """A pause of a queue that is in force; times in the database's form."""

    since: str
    """When it began."""
    until: str | None
    """When it ends; None: when a person ends it."""
    reason: str | None
    """Why it was made."""


def pause(tx: Tx, queue_id: str, *, until: "End | None", reason: str | None, by: "Actor") -> None:
    """Pause a queue ``until`` an end or until it is resumed; an earlier pause is replaced. NotFound."""
    _check_known(tx.conn, queue_id)
    tx.conn.execute(
        "UPDATE queues SET paused_at = :at, paused_until = :until, pause_ms = :length,"
        " pause_reason = :reason, paused_by = :by WHERE id = :queue",
        {
            "at": tx.at,
            "until": until and to_text(until.instant),
            "length": until and until.length_ms,
            "reason": reason,
            "by": by.name,
            "queue": queue_id,
        },
    )
    _note(tx, queue_id, "pause", reason, by)


def resume(tx: Tx, queue_id: str, *, by: "Actor") -> bool:
    """End the pause of a queue. Returns whether there was one. NotFound."""
    _check_known(tx.conn, queue_id)
    was_paused = queue_id in queue_pauses(tx.conn, tx.now)
    tx.conn.execute(
        "UPDATE queues SET paused_at = NULL, paused_until = NULL, pause_ms = NULL, pause_reason = NULL,"
        " paused_by = NULL WHERE id = ? AND paused_at IS NOT NULL",
        (queue_id,),
    )
    _note(tx, queue_id, "resume", None, by)
    return was_paused


def queue_pauses(conn: apsw.Connection, now: "datetime") -> dict[str, QueuePause]:
    """All that are in force, by the id of the queue."""
    rows = conn.execute(
        f"SELECT id, paused_at, {_END}, pause_reason FROM queues WHERE {IS_PAUSED}", {"at": to_text(now)}
    )
    return {queue_id: QueuePause(*row) for queue_id, *row in rows}


def _check_known(conn: apsw.Connection, queue_id: str) -> None:
    if conn.execute("SELECT 1 FROM queues WHERE id = ?", (queue_id,)).get is None:
        from jeeves_runner.db.queues import unknown_queue  # it loads more than a script needs

        raise unknown_queue(queue_id)


def _note(tx: Tx, queue_id: str, action: str, detail: str | None, by: "Actor") -> None:
    from jeeves_runner.db import audit  # likewise

    audit.record(tx, actor=by, action=action, target=f"queue {queue_id}", detail=detail)
