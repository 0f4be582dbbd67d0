"""What is noted in the row of a run while it runs, and at its end comes to nothing."""

import logging
from collections.abc import Callable
from secrets import token_urlsafe

from jeeves_runner.core.api_tokens import RANDOM_BYTES, run_token
from jeeves_runner.core.model import JobSpec
from jeeves_runner.db import claims
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.run_progress import begin_main_part, note_handle, note_progress
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.runs import Start
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError, Fenced
from jeeves_runner.execute.contract import Executor, Handle
from jeeves_runner.runs.progress import Said

log = logging.getLogger(__name__)


def start_of(spec: JobSpec, executor: Executor, mark: str, origin: str) -> Start:
    """What is recorded with the start of work of this job by this executor.

    Work that outlives its runner is ended at its deadline by whichever runner of this database lives then, on
    the machine that ``origin`` tells.
    """
    if executor.on_shutdown == "end":
        return Start(mark, executor.name)
    timeout = spec.timeout_ms
    deadline = None if timeout is None else timeout + round(executor.patience * 1000)
    return Start(mark, executor.name, deadline, origin)


class RowNotes:
    """Writes the notes of one runner. ``on_fenced`` is called when it finds that this one has a successor.
    ``origin`` tells which database on which machine begins its work, as a JSON object."""

    def __init__(self, writer: Writer, epoch: int, origin: str, on_fenced: Callable[[Fenced], None]) -> None:
        self._writer = writer
        self._origin = origin
        self._epoch = epoch
        self._on_fenced = on_fenced

    def handle_soon(self, handle: Handle, record: RunRecord) -> None:
        """Note by what the work is found again, of which nothing outlives its runner."""
        text = handle.as_json()
        self._writer.post(lambda tx: note_handle(tx, handle.run_id, text, record), durable=False)

    async def handle(self, handle: Handle, record: RunRecord) -> None:
        """Note it for good, before anything else happens to work that outlives its runner."""
        text = handle.as_json()

        def op(tx: Tx) -> None:
            check_epoch(tx, self._epoch)  # the next runner may have found it by another handle
            note_handle(tx, handle.run_id, text, record)

        try:
            await self._writer.write(op, priority=Priority.START)
        except Fenced as fenced:
            self._on_fenced(fenced)
        except DatabaseError as error:  # the next runner looks for it by its mark
            log.error("by what run %d is found again could not be recorded: %s", handle.run_id, error)

    async def start_token(self, run_id: int) -> str:
        """A token that claims a run, on record for good. Raises Conflict, Fenced and DatabaseError."""
        secret = token_urlsafe(RANDOM_BYTES)

        def op(tx: Tx) -> None:
            check_epoch(tx, self._epoch)
            claims.issue(tx, run_id, secret)

        try:
            await self._writer.write(op, priority=Priority.START)
        except Fenced as fenced:
            self._on_fenced(fenced)
            raise
        return run_token(run_id, secret)

    async def main_part(self, run_id: int, spec: JobSpec, executor: Executor, mark: str) -> None:
        """Note for good that the main part of a run starts now, so that the next runner looks for it where it
        may be. Raises Fenced, Conflict and DatabaseError: then it must not start."""
        start = start_of(spec, executor, mark, self._origin)
        await self._writer.write(
            lambda tx: begin_main_part(tx, run_id, start, self._epoch), priority=Priority.START
        )

    async def said(self, run_id: int, said: Said) -> None:
        """Note what is said of a run now. Raises Fenced and DatabaseError."""
        try:
            await self._writer.write(
                lambda tx: note_progress(tx, run_id, *said, epoch=self._epoch),
                durable=False,
                priority=Priority.MAINTENANCE,
            )
        except Fenced as fenced:
            self._on_fenced(fenced)
            raise
