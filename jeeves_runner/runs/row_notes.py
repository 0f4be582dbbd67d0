"""What is noted in the row of a run while it runs, and at its end comes to nothing."""

import logging
from collections.abc import Callable

from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.run_progress import note_handle, note_progress
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError, Fenced
from jeeves_runner.execute.contract import Handle
from jeeves_runner.runs.progress import Said

log = logging.getLogger(__name__)


class RowNotes:
    """Writes the notes of one runner. ``on_fenced`` is called when it finds that this one has a successor."""

    def __init__(self, writer: Writer, epoch: int, on_fenced: Callable[[Fenced], None]) -> None:
        self._writer = writer
        self._epoch = epoch
        self._on_fenced = on_fenced

    def handle_soon(self, handle: Handle, record: RunRecord) -> None:
        """Note by what the work is found again, of which nothing outlives its runner."""
        text = handle.as_json()
        self._writer.post(lambda tx: note_handle(tx, handle.run_id, text, record), durable=False)

    async def handle(self, handle: Handle, record: RunRecord) -> None:
        """Note it for good, before anything else happens to work that outlives its runner."""
        text = handle.as_json()
        try:
            await self._writer.write(
                lambda tx: note_handle(tx, handle.run_id, text, record), priority=Priority.START
            )
        except DatabaseError as error:  # the next runner looks for it by its mark
            log.error("by what run %d is found again could not be recorded: %s", handle.run_id, error)

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
