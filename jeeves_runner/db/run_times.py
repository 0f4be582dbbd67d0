"""Which runs were entered at which time: their ids rise with it, so no index on times is needed."""

from datetime import datetime

import apsw

from jeeves_runner.clock import to_text


def first_entered_from(conn: apsw.Connection, instant: datetime) -> int:
    """The least id of a run that was entered at ``instant`` or later; one more than all ids if none was.

    It is found by halving. Where the clock was set back, it is one of those at which that begins.
    """
    text = to_text(instant)
    low, high = 0, 1 + conn.execute("SELECT coalesce(max(id), 0) FROM runs").get
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(
            "SELECT id, created_at FROM runs WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[1] >= text:
            high = middle
        else:
            low = row[0] + 1
    return low
