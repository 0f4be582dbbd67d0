"""The tokens that runs have used: asked for before each start of a job that has a budget of them."""

from datetime import datetime
from typing import Final

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.carried_runs import of_job

_MOST: Final = 10**15
"""What one row counts for at most: a script may report any number, and the sum must stay one."""


def tokens_used(conn: apsw.Connection, job_id: str, begin: datetime, end: datetime) -> int:
    """By the runs of a job that started from ``begin`` on and before ``end``; those that still run with what
    their rows have by now."""
    total = 0
    for which in of_job(conn, job_id):
        found: int | None = conn.execute(
            "SELECT sum(min(tokens, ?)) FROM runs"
            f" WHERE {which} AND started_at >= ? AND started_at < ? AND tokens IS NOT NULL",
            (_MOST, to_text(begin), to_text(end)),
        ).get
        total += found or 0
    return total
