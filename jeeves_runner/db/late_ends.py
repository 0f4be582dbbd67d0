"""Whether the end of a run may have something to say of its start, or of how long it took.

It is asked at every end, and seldom true: so it reads and loads next to nothing. ``db.lateness`` says what.
"""

from datetime import timedelta
from typing import Final

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Expect
from jeeves_runner.core.alerts.lateness import LEAST, longest, says_how_long, start_by
from jeeves_runner.core.run import Run

_MILLISECOND: Final = timedelta(milliseconds=1)
_SHORTEST_INTERVAL: Final = timedelta(seconds=1)

# A spec is canonical JSON, within whose texts no quote stands by itself.
HAS_EXPECT: Final = "instr(spec, '\"expect\":{')"
"""SQL: whether people expect something of a job."""


def may_matter(
    conn: apsw.Connection, run: Run, expect: Expect, decided_until: str | None, *, is_open: bool
) -> bool:
    """Whether there may be something to say of the start of a run that has ended, or of how long it took: as
    far as can be told at next to no cost.

    ``decided_until``: the watermark of its job. ``is_open``: something is wrong with the job.
    """
    if run.started_at is None:
        return False
    if is_open and conn.execute(_SOME_OPEN, (run.job_id,)).get:
        return True
    if expect.finish_by is not None:
        return True
    due, length = run.scheduled_for, length_of(run)
    if due is not None:
        latest = start_by(due, expect)
        if latest is not None and run.started_at > latest:
            return True
        if length >= _SHORTEST_INTERVAL and decided_until is not None and to_text(due) < decided_until:
            return True
    most = LEAST if not says_how_long(expect) else longest(expect, None)
    return most is not None and length > most


_SOME_OPEN: Final = (
    "SELECT 1 FROM incidents WHERE coalesce(job_id, '') = ? AND closed_at IS NULL"
    " AND cause IN ('late', 'overrun', 'outlasts') LIMIT 1"
)


def length_of(run: Run) -> timedelta:
    """How long a run took that has ended, while the machine was awake as far as that is known."""
    if run.duration_ms is not None:
        return run.duration_ms * _MILLISECOND
    if run.started_at is None or run.finished_at is None:
        return timedelta(0)
    return run.finished_at - run.started_at
