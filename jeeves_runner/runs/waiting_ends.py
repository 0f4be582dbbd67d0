"""Runs that end without having started: cancelled, skipped or missed while they wait."""

import asyncio
import logging
from collections.abc import Callable

from jeeves_runner.core.board.entry import Stage
from jeeves_runner.core.model import CancelCause, Reason, RunStatus
from jeeves_runner.db import run_ends
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import DatabaseError
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.running import RunningRuns
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)


class WaitingEnds:
    """Records that waiting runs will not start. ``on_ends`` is called when such an end is committed."""

    def __init__(
        self, *, board: AttemptBoard, writer: Writer, running: RunningRuns, on_ends: Callable[[], None]
    ) -> None:
        self._board = board
        self._writer = writer
        self._running = running
        self._on_ends = on_ends

    async def end(
        self,
        attempt: Attempt,
        status: RunStatus,
        reason: Reason | None,
        message: str | None = None,
        ref: str | None = None,
    ) -> None:
        """Record the end of a waiting run. Without effect if it has started or ended. DatabaseError."""
        run = attempt.run
        if run is None:
            return
        await self._writer.write(
            lambda tx: run_ends.end_waiting(tx, run.id, status, reason, ref, message),
            priority=Priority.OUTCOME,
        )
        if attempt.stage is Stage.WAITING:
            self._board.remove(attempt)
        self._on_ends()

    async def cancel(self, attempt: Attempt, cause: CancelCause) -> None:
        """The same for a waiting run that is cancelled for this cause."""
        await self.end(attempt, RunStatus.CANCELLED, _reason_of(cause))

    def end_for_sure(
        self,
        attempt: Attempt,
        status: RunStatus,
        reason: Reason | None,
        message: str | None = None,
        ref: str | None = None,
    ) -> None:
        """As ``end``, in a task of its own that tries again until the database takes it.

        Until then the attempt does not start, and further calls are ignored.
        """
        if not attempt.is_ending:
            attempt.is_ending = True
            self._running.track(self._end_at_last(attempt, status, reason, message, ref))

    def cancel_for_sure(self, attempt: Attempt, cause: CancelCause) -> None:
        """As ``cancel``, in the way of ``end_for_sure``."""
        self.end_for_sure(attempt, RunStatus.CANCELLED, _reason_of(cause))

    async def _end_at_last(
        self, attempt: Attempt, status: RunStatus, reason: Reason | None, message: str | None, ref: str | None
    ) -> None:
        what = f"that a run of {attempt.job_id} is {status}"
        trouble = Trouble(log, over=f"{what} is recorded now")
        try:
            while True:
                try:
                    await self.end(attempt, status, reason, message, ref)
                except DatabaseError as error:
                    trouble.met(f"{what} waits for the database: {error}", logging.ERROR)
                    await asyncio.sleep(TRY_AGAIN)
                else:
                    trouble.over()
                    return
        finally:
            attempt.is_ending = False


def _reason_of(cause: CancelCause) -> Reason:
    return Reason.REPLACED if cause is CancelCause.REPLACED else Reason.CANCEL
