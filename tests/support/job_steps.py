"""What may come to pass with the runs of a job, by whatever program: statements for a database with the jobs
``a`` and ``b``.
"""

from typing import Final

ONE, OTHER = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
_ENTER: Final = (
    "INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq) VALUES"
)
_RUNNING: Final = f"{_ENTER} ('a', 'running', 'manual', '{ONE}', '{ONE}', NULL, NULL)"
_NEXT: Final = "(SELECT coalesce(max(end_seq), 0) + 1 FROM runs)"
_END: Final = f"UPDATE runs SET status = 'ok', finished_at = '{OTHER}', end_seq = {_NEXT} WHERE id ="

BEFORE: Final = {
    "nothing": (),
    "a run that waits": (f"{_ENTER} ('a', 'scheduled', 'manual', '{ONE}', NULL, NULL, NULL)",),
    "a run that runs": (_RUNNING,),
    "two runs that run": (_RUNNING, _RUNNING),
    "a run that has ended": (f"{_ENTER} ('a', 'error', 'manual', '{ONE}', '{ONE}', '{ONE}', 1)",),
    "two that have ended": (
        f"{_ENTER} ('a', 'error', 'manual', '{ONE}', '{ONE}', '{ONE}', 1)",
        f"{_ENTER} ('a', 'ok', 'manual', '{ONE}', '{ONE}', '{ONE}', 2)",
    ),
    "one that has ended, one that runs": (
        f"{_ENTER} ('a', 'error', 'manual', '{ONE}', '{ONE}', '{ONE}', 1)",
        _RUNNING,
    ),
    "held": (f"INSERT INTO held (kind, id, file, message, since) VALUES ('job', 'a', 'x', 'one', '{ONE}')",),
}
"""What has come to pass, by name."""

STEPS: Final = (
    f"{_ENTER} ('a', 'scheduled', 'manual', '{ONE}', NULL, NULL, NULL)",
    _RUNNING,
    f"{_ENTER} ('a', 'ok', 'manual', '{ONE}', '{ONE}', '{OTHER}', {_NEXT})",
    # As a copy of another database has it: its ends are not the newest.
    f"{_ENTER} ('a', 'ok', 'manual', '{ONE}', '{ONE}', '{OTHER}', 0)",
    f"UPDATE runs SET status = 'running', started_at = '{OTHER}' WHERE status = 'scheduled'",
    f"UPDATE runs SET status = 'missed', finished_at = '{ONE}', end_seq = {_NEXT} WHERE started_at IS NULL",
    f"{_END} (SELECT max(id) FROM runs WHERE status = 'running')",
    f"{_END} (SELECT min(id) FROM runs WHERE status = 'running')",
    f"UPDATE runs SET started_at = '{OTHER}' WHERE status = 'running'",
    "UPDATE runs SET job_id = 'b'",
    f"UPDATE runs SET started_at = '{OTHER}' WHERE finished_at IS NOT NULL",
    f"UPDATE runs SET finished_at = '{OTHER}' WHERE finished_at IS NOT NULL",
    "UPDATE runs SET duration_ms = 7 WHERE finished_at IS NOT NULL",
    "DELETE FROM runs WHERE id = (SELECT min(id) FROM runs)",
    "DELETE FROM runs WHERE id = (SELECT max(id) FROM runs)",
    "DELETE FROM runs",
    "INSERT OR REPLACE INTO held (kind, id, file, message, since) VALUES ('job', 'a', 'x', 'other', '')",
    f"UPDATE held SET since = '{OTHER}'",
    "DELETE FROM held",
)
"""What may come to pass then, by whatever program."""
