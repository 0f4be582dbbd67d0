"""Housekeeping: what has outlived its retention goes, in small bites between the real work."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.db import runs
from jeeves_runner.db.queue import prune_queue, queue_ids
from jeeves_runner.db.state import prune_state
from jeeves_runner.db.storage import incremental_vacuum
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError, JeevesError
from jeeves_runner.execute.logfile import remove_log

_T = TypeVar("_T")

log = logging.getLogger(__name__)

OCCURRENCES_KEPT = timedelta(days=7)
"""For at least so long a row says that an occurrence has had its run."""

_BITE = 500
_VACUUM_PAGES = 1_000


class Maintenance:
    """Prunes runs, logs, state and queues."""

    def __init__(self, *, config: Config, writer: Writer, clock: Clock) -> None:
        self._run_retention = timedelta(milliseconds=config.run_retention_ms)
        self._log_retention = timedelta(milliseconds=config.log_retention_ms)
        self._interval = config.state_cleanup_interval_ms / 1000
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
        await self._in_bites(prune_state)
        for queue_id in await self._write(queue_ids):
            await self._prune_queue(queue_id)
        await self._write(lambda tx: incremental_vacuum(tx, _VACUUM_PAGES))
        await self._writer.checkpoint()

    async def _prune_runs(self) -> None:
        before = self._clock.now() - self._run_retention
        occurrences_before = min(before, self._clock.now() - OCCURRENCES_KEPT)
        while True:
            paths = await self._write(
                lambda tx: runs.prune(tx, before=before, occurrences_before=occurrences_before, limit=_BITE)
            )
            await asyncio.to_thread(_unlink, [path for path in paths if path is not None])
            if not paths:
                return

    async def _drop_logs(self) -> None:
        before = self._clock.now() - self._log_retention
        while paths := await self._write(lambda tx: runs.forget_logs(tx, before=before, limit=_BITE)):
            await asyncio.to_thread(_unlink, paths)

    async def _prune_queue(self, queue_id: str) -> None:
        try:
            await self._in_bites(lambda tx, limit: prune_queue(tx, queue_id, limit))
        except DatabaseError as error:
            log.error("queue %s was left as it is: %s", queue_id, error)

    async def _in_bites(self, prune: Callable[[Tx, int], int]) -> None:
        while await self._write(partial(_bite, prune)) >= _BITE:
            log.debug("more is left to be deleted")

    async def _write(self, op: Callable[[Tx], _T]) -> _T:
        return await self._writer.write(op, durable=False, priority=Priority.MAINTENANCE)


def _bite(prune: Callable[[Tx, int], int], tx: Tx) -> int:
    return prune(tx, _BITE)


def _unlink(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            remove_log(Path(path))
        except OSError as error:
            log.warning("the log %s cannot be deleted: %s", path, error.strerror)
