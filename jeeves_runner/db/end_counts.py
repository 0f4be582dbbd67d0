"""How many runs ended how, within a time."""

from collections.abc import Mapping
from datetime import datetime

import apsw

from jeeves_runner.clock import to_text

_ENDED = """
SELECT status, count(*) FROM runs WHERE finished_at >= ? AND finished_at < ? GROUP BY status
"""


def ended_between(conn: apsw.Connection, begin: datetime, end: datetime) -> Mapping[str, int]:
    """The rows that ended from ``begin`` until before ``end``, by their status; by an index that has both."""
    return dict(conn.execute(_ENDED, (to_text(begin), to_text(end))))
