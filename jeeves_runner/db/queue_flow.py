"""How much has left each queue of late: whether it moves."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text

WINDOW: Final = timedelta(hours=1)
"""How far back is looked."""

MOST: Final = 10_000
"""So many items of each kind are counted; there may be more."""


class Flow(NamedTuple):
    """What has left a queue within the window."""

    completed: int
    """Items that were completed; ``MOST`` at most."""
    failed: int
    """Items that became dead letters and still are; ``MOST`` at most."""


def flows(conn: apsw.Connection, now: datetime, queue_id: str | None = None) -> dict[str, Flow]:
    """What has left each queue, or one, by id. It costs what is counted, whatever else there is."""
    terms = {"since": to_text(now - WINDOW), "queue": queue_id, "most": MOST}
    return {name: Flow(completed, failed) for name, completed, failed in conn.execute(_FLOWS, terms)}


class Minute(NamedTuple):
    """What has left a queue in one minute of the window; of what is counted."""

    start: str
    """Its beginning, as the first 16 characters of a time in the database's form."""
    completed: int
    """Items that were completed."""
    failed: int
    """Items that became dead letters and still are."""


def minutes(conn: apsw.Connection, now: datetime, queue_id: str) -> list[Minute]:
    """The minutes of the window in which something has left a queue, in order."""
    terms = {"since": to_text(now - WINDOW), "queue": queue_id, "most": MOST}
    return [Minute._make(row) for row in conn.execute(_MINUTES, terms)]


_ENDED = """(SELECT count(*) FROM (
    SELECT 1 FROM queue_items WHERE queue_id = queues.id AND status = '{status}' AND completed_at > :since
    LIMIT :most))"""
_FLOWS = f"""
SELECT id, {_ENDED.format(status="completed")}, {_ENDED.format(status="failed")}
FROM queues WHERE id >= coalesce(:queue, '') AND (:queue IS NULL OR id <= :queue)
"""

_NEWEST = """SELECT * FROM (
    SELECT substr(completed_at, 1, 16) AS start, status FROM queue_items
    WHERE queue_id = :queue AND status = '{status}' AND completed_at > :since
    ORDER BY completed_at DESC LIMIT :most)"""
_MINUTES = f"""
SELECT start, count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed')
FROM ({_NEWEST.format(status="completed")} UNION ALL {_NEWEST.format(status="failed")})
GROUP BY start ORDER BY start
"""
