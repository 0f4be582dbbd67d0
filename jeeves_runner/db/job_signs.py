"""By what a job is known to be as it was, for readers that keep what they have read: its sign, which its own
row gives, and what other tables say of it.

To read both costs a tenth of ``listed_jobs``. Of runs only those are read that are new, run, or have ended
since.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.db.job_list import SHOWN
from jeeves_runner.db.run_states import RUNNING, WAITING

SIGNED: Final = ("schedule_since", "decided_until", "revision_id", "line", "created_at", "updated_at")
"""The columns of a job that change without a new revision and without a mark, and the revision."""

# A declared column changes with the revision, or else a trigger marks the row: then it is compared whole.
_SIGNS: Final = f"""
SELECT id, enabled AND schedule IS NOT NULL, {", ".join(SIGNED)},
  CASE WHEN drifted THEN json_array({", ".join(SHOWN)}, spec) END
FROM jobs WHERE deleted_at IS NULL ORDER BY id
"""
_NUMBERS: Final = """
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0),
  coalesce((SELECT end_seq FROM runs WHERE end_seq IS NOT NULL ORDER BY end_seq DESC LIMIT 1), 0),
  (SELECT value FROM sequences WHERE name = 'run_rewrites')
"""
# Beside the largest id SQLite has the other columns of that row.
_RUNNING: Final = f"SELECT job_id, max(id), started_at FROM runs WHERE {RUNNING} GROUP BY job_id"
_WAITING: Final = f"SELECT DISTINCT job_id FROM runs WHERE {WAITING}"
_HELD: Final = "SELECT id, message, since FROM held WHERE kind = 'job'"
# Of a plain UNION SQLite would read all runs, by the index that has them in the order of their jobs.
_SINCE: Final = (
    "SELECT job_id FROM runs WHERE id > :newest UNION ALL SELECT job_id FROM runs WHERE end_seq > :ended"
)

MOST_RUNS: Final = 10_000
"""Of no more new runs, or ends, it is read whose they are: to read all jobs anew takes no longer then."""

JobSign = tuple[str, int, str, str | None, *tuple[object, ...]]
"""Of a live job its id, whether it runs by itself, the first two of ``SIGNED``, and what else tells one state
of its row from another."""


def job_signs(conn: apsw.Connection) -> list[JobSign]:
    """The signs of the live jobs by id."""
    signs: list[Any] = conn.execute(_SIGNS).fetchall()
    return signs


def is_decided_beyond(sign: JobSign, text: str) -> bool:
    """Whether the beginning of its schedule, or its watermark, is later than a time."""
    return any(time is not None and time > text for time in sign[2:4])


class Beside(NamedTuple):
    """What stands of jobs in ``runs`` and ``held``, as far as one state of it is told from another."""

    newest: int
    """The largest id that a run has had."""
    ended: int
    """The newest number of an end."""
    rewrites: int
    """How often what had ended became another, or was deleted while it was shown."""
    running: Mapping[str, tuple[int, str]]
    """By jobs, the newest of their runs that run, and when it started."""
    waiting: frozenset[str]
    """The jobs of which runs wait."""
    held: Mapping[str, tuple[str, str]]
    """By jobs, why they are held, and since when."""

    @classmethod
    def read(cls, conn: apsw.Connection) -> "Beside":
        """That of now."""
        numbers: tuple[int, int, int] = conn.execute(_NUMBERS).get
        running = {job: (run, started) for job, run, started in conn.execute(_RUNNING)}
        waiting = frozenset(job for (job,) in conn.execute(_WAITING))
        held = {job: (message, since) for job, message, since in conn.execute(_HELD)}
        return cls(*numbers, running, waiting, held)

    def moved(self, conn: apsw.Connection, before: "Beside") -> frozenset[str] | None:
        """The jobs of which something may be another than ``before``; None: any. Of all others what is listed
        is equal if their signs are."""
        if self == before:
            return frozenset()
        if self.rewrites != before.rewrites:
            return None
        if max(self.newest - before.newest, self.ended - before.ended) > MOST_RUNS:
            return None
        run = self.running.items() ^ before.running.items()
        held = self.held.items() ^ before.held.items()
        since = conn.execute(_SINCE, {"newest": before.newest, "ended": before.ended})
        return (self.waiting ^ before.waiting).union(
            (job for job, _ in run), (job for job, _ in held), (job for (job,) in since)
        )
