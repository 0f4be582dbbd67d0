"""Whether something can be claimed from a queue, and if not, when to look again. It only reads."""

from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.db.queue_pauses import IS_PAUSED
from jeeves_runner.db.queue_triggers import items_for, time_in_queue
from jeeves_runner.db.waits import QUEUE_PAUSES, end_by_now


class Readiness(NamedTuple):
    """What a queue has for those who wait for its items."""

    ready: int
    """How many items can be claimed, up to the number that was asked for."""
    again_at: datetime | None
    """When it may be more without a commit; None: no time brings it about."""


def readiness(conn: apsw.Connection, now: datetime, queue_id: str, most: int) -> Readiness:
    """How a queue stands. A few searches by index, however many items there are."""
    at = to_text(now)
    pause: tuple[Any, ...] | None
    pause = conn.execute(_PAUSE, {"queue": queue_id, "at": at}).fetchone()
    if pause is not None:
        return Readiness(0, time_in_queue(pause[0]))
    found = items_for(conn, now, OnQueue(queue_id, batch=most, max_wait_ms=0))
    if found.lease_at is not None and found.lease_at <= at:
        return Readiness(most, None)  # the claim finds out how many leases have ended
    times = [text for text in (found.next_at, found.lease_at) if text is not None]
    return Readiness(min(found.ready, most), time_in_queue(min(times, default=None)))


_PAUSE: Final = f"SELECT {end_by_now(QUEUE_PAUSES)} FROM queues WHERE id = :queue AND {IS_PAUSED}"
