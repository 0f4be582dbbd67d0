"""Carries what has ended to the new id of a job that was renamed: the rows of its runs, then its logs.

Nothing waits for it: readers see no difference between what is carried and what is not yet.
"""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.db import carried_runs, renames
from jeeves_runner.db.renames import Rename
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.output.log_moves import move_files, remove_if_empty, runs_with_files
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_ROWS: Final = 250
"""Runs in one transaction: it takes some milliseconds, and a start may have to wait for it."""

_AGAIN: Final = 5.0
"""Seconds between two looks for logs of runs that had not ended when their job was renamed."""

_FILES: Final = 1_000
"""Runs whose files are moved at once."""


class Carrier:
    """One for a runner. ``reads`` reads in threads."""

    def __init__(self, writer: Writer, reads: ThreadReads, clock: Clock, data_dir: str) -> None:
        self._writer = writer
        self._reads = reads
        self._clock = clock
        self._data_dir = data_dir
        self._renamed = asyncio.Event()
        self._trouble = Trouble(log, over="what belongs to renamed jobs is carried again")

    def wake(self) -> None:
        """An apply may have renamed jobs."""
        self._renamed.set()

    async def run(self) -> None:
        """Carry what is left, and again after each rename, until cancelled."""
        while True:
            self._renamed.clear()
            try:
                is_left = await self.carry()
            except (JeevesError, OSError) as error:
                self._trouble.met(f"what belongs to renamed jobs is carried later: {error}")
                await asyncio.sleep(TRY_AGAIN)
                continue
            self._trouble.over()
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN if is_left else None):
                    await self._renamed.wait()

    async def carry(self) -> bool:
        """All there is now; whether logs are left of runs that have not ended."""
        if await self._reads.read(carried_runs.is_carrying):
            while await self._portion():
                continue
            log.info("all runs of renamed jobs have the new ids")
        is_left = False
        for each in await self._reads.read(renames.all_renames):
            is_left |= await self._move_logs(each)
        return is_left

    async def _portion(self) -> int:
        """One transaction, then a wait as long as it took, so that other writers have their turn."""
        began = self._clock.monotonic()
        carried = await self._writer.write(_carry, durable=False, priority=Priority.MAINTENANCE)
        await asyncio.sleep(self._clock.monotonic() - began)
        return carried

    async def _move_logs(self, renamed: Rename) -> bool:
        """Those of runs that have ended, and whether others are left: what runs still writes where it began
        to."""
        is_left = False
        found = sorted(await asyncio.to_thread(runs_with_files, self._data_dir, renamed.old))
        if not found:  # the last runner may have ended between the last file and its folder
            await asyncio.to_thread(remove_if_empty, self._data_dir, renamed.old)
        for start in range(0, len(found), _FILES):
            look = partial(renames.runs_of, job_id=renamed.new, run_ids=found[start : start + _FILES])
            runs = await self._reads.read(look)
            ended = {run_id for run_id, has_ended in runs.items() if has_ended}
            is_left |= len(ended) < len(runs)
            if ended:
                await asyncio.to_thread(move_files, self._data_dir, renamed.old, renamed.new, ended)
        return is_left


def _carry(tx: Tx) -> int:
    return carried_runs.carry(tx, _ROWS)
