"""What has become of occurrences: the rows of ``runs`` that tell it."""

from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.carried_runs import newest_of


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
    query = _RUN_OF.format(the_row=the_row(conn, job_id))
    row = conn.execute(query, {"at": to_text(scheduled_for), "limit": 1}).fetchone()
    return None if row is None else OccurrenceRun(*row)


def the_row(conn: apsw.Connection, job_id: str) -> str:
    """SQL: of ``runs`` the only row that may stand for an occurrence, if ``:limit`` is 1. It does if its last
    one is no earlier.

    Occurrences share a row only where none between them has another one: the row that begins last is the one.
    """
    before = "is_occurrence AND scheduled_for <= :at"
    return f"id = ({newest_of(conn, job_id, before, by='scheduled_for')})"


_RUN_OF: Final = """
WITH first (id, last_for) AS (
  SELECT id, coalesce(last_for, scheduled_for) FROM runs WHERE {the_row})
SELECT runs.id, runs.status, runs.reason FROM first
JOIN runs ON runs.id = coalesce((SELECT max(id) FROM runs WHERE chain_id = first.id), first.id)
WHERE first.last_for >= :at
"""
