"""The tokens that runs have used: asked for before each start of a job that has a budget of them."""

from datetime import datetime
from typing import Final

import apsw

from jeeves_runner.clock import to_text

_MOST: Final = 10**15
"""What one row counts for at most: a script may report any number, and the sum must stay one."""


def tokens_used(conn: apsw.Connection, job_id: str, begin: datetime, end: datetime) -> int:
    """By the runs of a job that started from ``begin`` on and before ``end``; those that still run with what
    their rows have by now."""
    found: int | None = conn.execute(
        "SELECT sum(min(tokens, ?)) FROM runs"
        " WHERE job_id = ? AND started_at >= ? AND started_at < ? AND tokens IS NOT NULL",
        (_MOST, job_id, to_text(begin), to_text(end)),
    ).get
    return found or 0
