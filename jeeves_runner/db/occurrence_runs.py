"""What has become of occurrences: the rows of ``runs`` that tell it."""

from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text


class OccurrenceRun(NamedTuple):
    """The run of an occurrence, or the row that says why it did not run. Of a chain the last attempt."""

    run_id: int
    """Its number."""
    status: str
    """Its status, as in the table."""
    reason: str | None
    """Why it waits, was skipped or was missed; as in the table."""


def run_of(conn: apsw.Connection, job_id: str, scheduled_for: datetime) -> OccurrenceRun | None:
    """The row for this time, its own or one that it shares; None: there is none, or none any more."""
    row = conn.execute(_RUN_OF, {"job": job_id, "at": to_text(scheduled_for)}).fetchone()
    return None if row is None else OccurrenceRun(*row)


# Occurrences share a row only where none between them has another one: the row that begins last is the one.
THE_ROW: Final = (
    "job_id = :job AND is_occurrence AND scheduled_for <= :at ORDER BY scheduled_for DESC LIMIT 1"
)
"""SQL: of ``runs`` the only row that may stand for an occurrence. It does if its last one is no earlier."""

_RUN_OF = f"""
WITH first (id, last_for) AS (
  SELECT id, coalesce(last_for, scheduled_for) FROM runs WHERE {THE_ROW})
SELECT runs.id, runs.status, runs.reason FROM first
JOIN runs ON runs.id = coalesce((SELECT max(id) FROM runs WHERE chain_id = first.id), first.id)
WHERE first.last_for >= :at
"""
