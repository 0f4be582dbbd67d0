"""The runs that have ended, in the order of the commits that made them final, for those who count."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.model import Trigger
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.runs import newest_end
from jeeves_runner.db.transaction import snapshot


class EndedRun(NamedTuple):
    """A run that is final. What a row damaged by hand does not tell is None."""

    end_seq: int
    """The number of the commit that made it final, or let it stand for one occurrence more."""
    run_id: int
    """Its own number."""
    job_id: str
    """Its job, by the id that it had in this moment."""
    status: str
    """How it ended."""
    trigger: str
    """Why there was a run."""
    occurrences: int
    """How many occurrences the row stands for by now."""
    has_started: bool
    """Whether anything ran. Rows of what did not may come to stand for further occurrences."""
    duration_ms: int | None
    """How long it ran, in milliseconds."""
    lag: float | None
    """How many seconds it started after it was due: after its time on the schedule, the wait of a retry, or
    the request. None: it has not started."""
    tokens: int | None
    """What it used, as far as that was known at its end."""


# The time of a catch-up passed while nothing looked: that is no lag of the runner that makes up for it.
_ENDED: Final = f"""
SELECT end_seq, id, {JOB_OF_RUN}, status, trigger, occurrences, started_at IS NOT NULL, duration_ms,
  86400.0 * (julianday(started_at) - julianday(coalesce(
    not_before, iif(trigger = :schedule, scheduled_for, NULL), created_at))),
  tokens
FROM runs WHERE end_seq > :after
ORDER BY end_seq, id
"""


def ended_after(conn: apsw.Connection, end_seq: int) -> Iterator[EndedRun]:
    """The runs that commits with larger numbers have made final. Each is told once, by its newest."""
    return map(EndedRun._make, conn.execute(_ENDED, {"after": end_seq, "schedule": Trigger.SCHEDULE}))


class Standing(NamedTuple):
    """The newest run of a job, if it did not start: further occurrences may come to share its row."""

    job_id: str
    """The job."""
    run_id: int
    """Its run."""
    occurrences: int
    """How many occurrences the row stands for."""


_STANDING: Final = """
SELECT job_id, runs.id, occurrences FROM jobs JOIN runs ON runs.id = (
  SELECT newest.id FROM runs AS newest WHERE newest.job_id = jobs.id ORDER BY newest.id DESC LIMIT 1)
WHERE started_at IS NULL AND end_seq IS NOT NULL
"""


def standing_now(conn: apsw.Connection) -> tuple[int, list[Standing]]:
    """The number of the newest end, and what rows stand for at that moment that may stand for more."""
    with snapshot(conn):
        return newest_end(conn), list(map(Standing._make, conn.execute(_STANDING)))
