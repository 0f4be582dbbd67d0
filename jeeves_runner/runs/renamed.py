"""Runs that are on the board while their job gets another id: they go on under the new one.

The database says at once whose they are; the board learns of it when it hears of the apply, or when it meets
a job that is gone.
"""

from collections.abc import Iterable

import apsw

from jeeves_runner.core.board.board import Board
from jeeves_runner.db import runs
from jeeves_runner.runs.attempt import Attempt


def follow_renames(conn: apsw.Connection, board: Board[Attempt], job_ids: Iterable[str]) -> bool:
    """Move the attempts of these jobs to the jobs that their rows belong to; whether any was moved."""
    attempts = {
        attempt.run.id: attempt
        for job_id in job_ids
        for attempt in board.of_job(job_id)
        if attempt.run is not None
    }
    if not attempts:
        return False
    moved = False
    for run_id, job_id in runs.jobs_of(conn, attempts):
        attempt = attempts[run_id]
        if job_id != attempt.job_id:
            board.rename(attempt, job_id)
            attempt.run = attempt.run and attempt.run._replace(job_id=job_id)
            moved = True
    return moved
