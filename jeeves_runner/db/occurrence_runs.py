"""What has become of occurrences: the rows of ``runs`` that tell it."""

from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.carried_runs import Stretch, is_carrying, stretches


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
    first = row_of(conn, job_id, scheduled_for, scheduled_for)
    return None if first is None else run_with_id(conn, first)


def run_with_id(conn: apsw.Connection, first: int) -> OccurrenceRun | None:
    """The last attempt of the chain that begins with this run; None if it is deleted."""
    row = conn.execute(_LAST_ATTEMPT, {"first": first}).fetchone()
    return None if row is None else OccurrenceRun(*row)


def row_of(conn: apsw.Connection, job_id: str, begin: datetime, last: datetime) -> int | None:
    """The row of the last occurrence in [begin, last], its own or one that it shares: the first attempt."""
    places = stretches(conn, job_id) if is_carrying(conn) else [Stretch(job_id, 0, None)]
    found: tuple[str, str, int] | None = None
    for place in places:
        row = conn.execute(_ROW, {**place._asdict(), "at": to_text(last)}).fetchone()
        if row is not None and (found is None or row > found):
            found = row
    return found[2] if found is not None and found[1] >= to_text(begin) else None


# Occurrences share a row only where none between them has another one: the row that begins last is the one.
_ROW: Final = """
SELECT scheduled_for, coalesce(last_for, scheduled_for), id FROM runs
WHERE job_id = :job_id AND is_occurrence AND scheduled_for <= :at
  AND id > :after AND (:last IS NULL OR id <= :last)
ORDER BY scheduled_for DESC LIMIT 1
"""
_LAST_ATTEMPT: Final = """
SELECT id, status, reason FROM runs
WHERE id = coalesce((SELECT max(id) FROM runs WHERE chain_id = :first), :first)
"""
