"""A decision about an attempt on its way into the database, and how it is written there."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from jeeves_runner.core.model import Reason, RunStatus
from jeeves_runner.core.policy import Decision, Verdict
from jeeves_runner.core.run import Run
from jeeves_runner.db import run_ends, run_entries, run_progress, run_requests, runs, skips
from jeeves_runner.db.run_entries import Occurrence
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.runs import Start
from jeeves_runner.db.transaction import Tx
from jeeves_runner.runs.attempt import Attempt
from jeeves_runner.runs.jobs import Job


class Stale(Exception):
    """The job, or what people skip of it, has changed between a decision and its transaction."""


@dataclass(slots=True, eq=False)
class Arrival:
    """What has been decided about an attempt.

    An occurrence enters the database as decided. A request enters as a row that waits, and moves on from
    there in the same transaction, as a row does that was there before.
    """

    attempt: Attempt
    """The attempt, as the board has it."""
    job: Job
    """Its job as it was decided by."""
    decision: Decision
    """What has been decided."""
    entry: Occurrence | RunRequest | None
    """What is to be entered; None for an attempt that has its row."""
    start: Start
    """What is recorded with its start, should it start."""
    replaced: Sequence[Attempt] = ()
    """Those that ran when it was decided that it replaces them."""

    @property
    def starts(self) -> bool:
        return self.decision.verdict is Verdict.START

    def write(self, tx: Tx, epoch: int) -> Run | None:
        """Write the decision; the row as it is then, None if the occurrence was decided or the run ended
        before. Raises Stale."""
        match self.entry:
            case Occurrence() as occurrence:
                run = self._enter(tx, occurrence)
            case RunRequest() as request:
                row, spec = self.job.row, self.job.spec
                known = run_requests.KnownSpec(row.spec_hash, spec.priority, spec.pool, spec.params)
                run_id = run_requests.request_run(tx, request, epoch=epoch, known=known)
                run = self._move_on(tx, run_id, epoch)
            case None:
                run = None if self.attempt.run is None else self._move_on(tx, self.attempt.run.id, epoch)
        if run is None and self._is_stale(tx):
            raise Stale
        if run is not None and self.decision.verdict is Verdict.REPLACE and not run.status.is_final:
            run_ends.replace_waiting(tx, run)
            run_progress.request_end_of_replaced(tx, run)
        return run

    def _is_stale(self, tx: Tx) -> bool:
        """Whether nothing was written because the job has changed. A row that waits no longer has its end,
        whatever its job is by now."""
        run = self.attempt.run
        if self.entry is None and run is not None and not runs.still_waits(tx.conn, run.id):
            return False
        if isinstance(self.entry, Occurrence):
            return not run_entries.is_by_now(tx, self.entry)
        return not run_entries.spec_is_current(tx, self.job.row.id, self.job.row.spec_hash)

    def _enter(self, tx: Tx, occurrence: Occurrence) -> Run | None:
        decision = self.decision
        match decision.verdict:
            case Verdict.START:
                return run_entries.enter_started(tx, occurrence, self.start)
            case Verdict.WAIT | Verdict.REPLACE | Verdict.STAND_BACK:
                return run_entries.enter_waiting(tx, occurrence, decision.reason, decision.ref)
            case _:
                return run_entries.enter_skipped(
                    tx, occurrence, decision.reason, decision.ref, decision.message
                )

    def _move_on(self, tx: Tx, run_id: int, epoch: int) -> Run | None:
        decision = self.decision
        match decision.verdict:
            case Verdict.START:
                job = self.job
                return run_progress.start_waiting(
                    tx, run_id, self.start, spec=job.spec, spec_hash=job.row.spec_hash, epoch=epoch
                )
            case Verdict.WAIT | Verdict.REPLACE | Verdict.STAND_BACK:
                run_progress.note_waiting(tx, [run_id], decision.reason, decision.ref, epoch)
                return runs.run(tx.conn, run_id)
            case Verdict.SKIP:
                return run_ends.end_waiting(
                    tx, run_id, RunStatus.SKIPPED, decision.reason, decision.ref, decision.message
                )
            case Verdict.CANCEL:
                return run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, decision.reason, decision.ref)


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """Occurrences of one gap that will not run, about to be recorded in one row."""

    occurrence: Occurrence
    """The first and the last of them, and their number."""
    reason: Reason
    """Why they do not run."""
    message: str | None = None
    """What there is to say besides, for people."""

    def write(self, tx: Tx) -> Run | None:
        """The row; None if the occurrences were decided before. Raises Stale."""
        its = self.occurrence
        if self.reason is Reason.SKIP and not skips.is_skipped(tx.conn, its.job_id, its.scheduled_for):
            raise Stale
        if self.reason in (Reason.PAUSED, Reason.SKIP):
            run = run_entries.enter_skipped(tx, its, self.reason, None, self.message)
        else:
            run = run_entries.enter_missed(tx, its, self.reason)
        if run is None and not run_entries.is_by_now(tx, its):
            raise Stale
        return run


def write_all(
    tx: Tx, left_out: Sequence[LeftOutRow], arrivals: Sequence[Arrival], epoch: int
) -> list[Run | None]:
    """Record decisions about one job, oldest occurrence first: one row, or None, for each arrival.

    Both sequences are ascending, and are merged: what is older than a recorded occurrence counts as decided.
    Raises Fenced and Stale.
    """
    check_epoch(tx, epoch)
    left = deque(left_out)
    rows = []
    for arrival in arrivals:
        while left and isinstance(arrival.entry, Occurrence) and _is_older(left[0], arrival.entry):
            left.popleft().write(tx)
        rows.append(arrival.write(tx, epoch))
    for row in left:
        row.write(tx)
    return rows


def _is_older(row: LeftOutRow, occurrence: Occurrence) -> bool:
    return row.occurrence.scheduled_for < occurrence.scheduled_for
