"""Occurrences that are yet to come, although a clock that was ahead has skipped or missed them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.wrong_clock import FAR
from jeeves_runner.db.run_ends import next_end
from jeeves_runner.db.timetable_rows import schedule_of, timetable_rows
from jeeves_runner.db.transaction import Tx

_INSTANT: Final = timedelta(microseconds=1)

_NEVER_STARTED: Final = """
job_id IN (SELECT id FROM jobs WHERE decided_until > :far) AND is_occurrence
AND status IN ('skipped', 'missed') AND started_at IS NULL
"""


def go_on_from(tx: Tx, since: datetime) -> int:
    """Let jobs whose watermark is far ahead go on from ``since``; how many.

    Their rows of later occurrences that never started are deleted; one that begins before and ends after is
    shortened. An occurrence that has started keeps its row, and with it does not start again.
    """
    bounds = {"since": to_text(since), "far": to_text(tx.now + FAR)}
    tx.conn.execute(f"DELETE FROM runs WHERE {_NEVER_STARTED} AND scheduled_for > :since", bounds)
    _shorten(tx, tx.conn.execute(_BEYOND, bounds).fetchall(), since)
    tx.conn.execute("UPDATE jobs SET decided_until = :since WHERE decided_until > :far", bounds)
    return tx.conn.changes()


_BEYOND: Final = f"""
SELECT job_id, id, scheduled_for FROM runs
WHERE {_NEVER_STARTED} AND scheduled_for <= :since AND last_for > :since
"""


def _shorten(tx: Tx, rows: Sequence[Any], since: datetime) -> None:
    """Let these rows stand for their occurrences up to then. Those of a job whose row was damaged stay:
    it cannot be told what it stands for."""
    jobs = {row.id: row for row in timetable_rows(tx.conn, [job_id for job_id, _, _ in rows])}
    for job_id, run_id, first in rows:
        schedule = schedule_of(jobs.get(job_id))
        if schedule is None:
            continue
        begin = from_text(first) - _INSTANT
        count, last = schedule.count(begin, since), schedule.latest(begin, since)
        tx.conn.execute(
            "UPDATE runs SET occurrences = ?, last_for = ?, end_seq = ? WHERE id = ?",
            (max(1, count), to_text(last) if last is not None and count > 1 else None, next_end(tx), run_id),
        )
