"""The jobs as the runner last read them: a job's row and its spec together."""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.run import Run
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db.jobs import JobRow, damaged_job, job_row, job_rows, unknown_job
from jeeves_runner.db.timetable_rows import log_damage
from jeeves_runner.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Job:
    """A job's row with its spec."""

    row: JobRow
    spec: JobSpec

    def is_still_that_of(self, run: Run) -> bool:
        """Whether a run that was decided about earlier may begin now: by the spec of then, and if the job is
        to run at all."""
        row = self.row
        return row.spec_hash == run.spec_hash and row.enabled and row.deleted_at is None


class KnownJobs:
    """Jobs are read once and kept. A transaction that finds another spec than it was decided by says so,
    and ``forget`` makes the next decision read again."""

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        self._jobs: dict[str, Job] = {}
        self._damaged: set[str] = set()

    def get(self, job_id: str) -> Job | None:
        """The job as last read, deleted or not; None if there never was one of that name, or if its row
        cannot be read."""
        job = self._jobs.get(job_id)
        if job is None and (row := job_row(self._conn, job_id)) is not None:
            job = self._read(row)
        return job

    def expect(self, job_ids: Sequence[str]) -> None:
        """Read those of these jobs that are not known at one go: they are asked for in a moment.

        A read takes some microseconds, and to get the interpreter back afterwards a hundred times as long
        while other threads are busy.
        """
        unknown = [job_id for job_id in job_ids if job_id not in self._jobs]
        if len(unknown) > 1:
            for row in job_rows(self._conn, unknown):
                self._read(row)

    def absence(self, job_id: str) -> NotFound | Conflict:
        """What is to be said where ``get`` has found nothing."""
        return damaged_job(job_id) if job_id in self._damaged else unknown_job(self._conn, job_id)

    def forget(self, job_id: str) -> None:
        """Read the job again when it is needed."""
        self._jobs.pop(job_id, None)
        self._damaged.discard(job_id)

    def _read(self, row: JobRow) -> Job | None:
        try:
            job = self._jobs[row.id] = Job(row, job_from_text(row.spec_text))
        except SpecError as error:
            if row.id not in self._damaged:
                self._damaged.add(row.id)
                log_damage(row.id, error)
            return None
        return job
