"""Housekeeping: what has outlived its retention goes, in small bites between the real work."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.db import run_retention
from jeeves_runner.db.file_upkeep import SPARE_PAGES, incremental_vacuum
from jeeves_runner.db.queue_upkeep import prune_queue
from jeeves_runner.db.queues import queue_ids
from jeeves_runner.db.state import prune_state
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError, JeevesError
from jeeves_runner.execute.output.log_file import remove_log
from jeeves_runner.execute.output.log_folders import LogFolders

_T = TypeVar("_T")

log = logging.getLogger(__name__)

OCCURRENCES_KEPT = timedelta(days=7)
"""For at least so long a row says that an occurrence has had its run."""

_BITE = 100
"""Rows in one transaction: some milliseconds, for which an outcome or a start may have to wait."""

_VACUUM_BITE = 100
"""Pages in one transaction, each of which is moved."""

_LOGS_BITE = 1_000
"""Log files looked at in one round for being left over."""


class Maintenance:
    """Prunes runs, logs, state and queues."""

    def __init__(self, *, config: Config, writer: Writer, clock: Clock) -> None:
        self._run_retention = timedelta(milliseconds=config.run_retention_ms)
        self._log_retention = timedelta(milliseconds=config.log_retention_ms)
        self._interval = config.state_cleanup_interval_ms / 1000
        self._log_folders = LogFolders(config.data_dir / "logs")
        self._writer = writer
        self._clock = clock

    async def run(self) -> None:
        """Work at intervals until cancelled. A round that fails is logged, and the next one tried."""
        while True:
            try:
                await self.run_once()
            except (JeevesError, OSError) as error:
                log.error("housekeeping failed and goes on later: %s", error)
            await asyncio.sleep(self._interval)

    async def run_once(self) -> None:
        """One whole round."""
        await self._prune_runs()
        await self._drop_logs()
        await self._drop_left_logs()
        await self._in_bites(prune_state)
        for queue_id in await self._write(queue_ids):
            await self._prune_queue(queue_id)
        while await self._bite(lambda tx: incremental_vacuum(tx, _VACUUM_BITE, spare=SPARE_PAGES)):
            log.debug("more pages are free than are kept")
        await self._writer.checkpoint()

    async def _prune_runs(self) -> None:
        before = self._clock.now() - self._run_retention
        occurrences_before = self._clock.now() - OCCURRENCES_KEPT
        since = ""

        def op(tx: Tx) -> run_retention.Pruned | None:
            return run_retention.prune(
                tx, before=before, occurrences_before=occurrences_before, since=since, limit=_BITE
            )

        while True:
            pruned = await self._bite(op)
            if pruned is not None:
                await asyncio.to_thread(_unlink, [path for path in pruned.log_paths if path is not None])
                since = pruned.until
            elif since:
                since = ""  # first attempts, whose retries have just gone, may go in another pass
            else:
                return

    async def _drop_logs(self) -> None:
        before = self._clock.now() - self._log_retention
        while paths := await self._bite(lambda tx: run_retention.forget_logs(tx, before=before, limit=_BITE)):
            await asyncio.to_thread(_unlink, paths)

    async def _drop_left_logs(self) -> None:
        """Delete old logs nobody knows of: a runner was killed when it had deleted the rows only.

        What is younger than the retention may be of another database that shares the folder.
        """
        before = self._clock.now() - self._log_retention
        found = await asyncio.to_thread(self._log_folders.older_than, before.timestamp(), _LOGS_BITE)
        if found:
            known = await self._bite(lambda tx: run_retention.with_log_or_active(tx.conn, found))
            left = [str(path) for run_id, paths in found.items() if run_id not in known for path in paths]
            await asyncio.to_thread(_unlink, left)

    async def _prune_queue(self, queue_id: str) -> None:
        try:
            await self._in_bites(lambda tx, limit: prune_queue(tx, queue_id, limit))
        except DatabaseError as error:
            log.error("queue %s was left as it is: %s", queue_id, error)

    async def _in_bites(self, prune: Callable[[Tx, int], int]) -> None:
        while await self._bite(lambda tx: prune(tx, _BITE)) >= _BITE:
            log.debug("more is left to be deleted")

    async def _bite(self, op: Callable[[Tx], _T]) -> _T:
        """One transaction, and then as long a pause as it took, for whoever else wants to write."""
        began = self._clock.monotonic()
        answer = await self._write(op)
        await asyncio.sleep(self._clock.monotonic() - began)
        return answer

    async def _write(self, op: Callable[[Tx], _T]) -> _T:
        return await self._writer.write(op, durable=False, priority=Priority.MAINTENANCE)


def _unlink(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            remove_log(Path(path))
        except OSError as error:
            log.warning("the log %s cannot be deleted: %s", path, error.strerror)
