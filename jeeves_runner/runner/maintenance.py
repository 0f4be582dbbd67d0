"""Housekeeping: deletes what has outlived its retention, in small portions between the real work."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.db import (
    audit,
    backfills,
    incidents,
    outbox,
    overrides,
    revisions,
    run_retention,
    secret_params,
    skips,
)
from jeeves_runner.db.file_upkeep import SPARE_PAGES, incremental_vacuum
from jeeves_runner.db.queue_upkeep import prune_queue
from jeeves_runner.db.queues import queue_ids
from jeeves_runner.db.renames import earlier_ids
from jeeves_runner.db.state_upkeep import prune_state
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError, JeevesError
from jeeves_runner.execute.output.log_file import remove_logs
from jeeves_runner.execute.output.log_folders import LogFolders
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.runner.rounds import in_rounds

_T = TypeVar("_T")

log = logging.getLogger(__name__)

OCCURRENCES_KEPT = timedelta(days=7)
"""How long, at least, a row is kept that tells that an occurrence has had its run."""

_SKIP_KEPT = timedelta(days=1)
"""How long a skip holds after its time: a clock that was ahead may have brought that too early."""

_ROWS = 100
"""Rows in one transaction: it takes some milliseconds, and an outcome or a start may have to wait for it."""

_FOUND = 10_000
"""Runs looked for at once that have outlived their retention."""

_PAGES = 100
"""Pages in one transaction of the vacuum, which moves each of them."""

_LOGS = 1_000
"""Log files in one round that are checked for a run."""


class Maintenance:
    """Prunes runs, logs, history, state and queues. ``conn`` is read in threads, and by nothing else.

    ``time_of_age`` tells by what time their age counts: not by a clock that may just have been set wrong.
    ``count`` is called before runs are deleted, so that the end of each has been counted.
    """

    def __init__(
        self,
        *,
        config: Config,
        writer: Writer,
        conn: apsw.Connection,
        clock: Clock,
        time_of_age: Callable[[], datetime],
    ) -> None:
        self._run_retention = timedelta(milliseconds=config.run_retention_ms)
        self._history_retention = timedelta(milliseconds=config.history_retention_ms)
        self._log_retention = timedelta(milliseconds=config.log_retention_ms)
        self._interval = config.state_cleanup_interval_ms / 1000
        self._data_dir = str(config.data_dir)
        self._log_folders = LogFolders(self._data_dir)
        self._writer = writer
        self.reads = ThreadReads(conn)
        self._clock = clock
        self._time_of_age = time_of_age
        self.count: Callable[[apsw.Connection], object] = lambda _conn: None

    async def run(self) -> None:
        """Work at intervals until cancelled. A round that fails is told once, and the next one tried."""
        await in_rounds(
            self.run_once,
            self._interval,
            log,
            failed="housekeeping failed and goes on later",
            over="housekeeping is done again",
            passing=(JeevesError, OSError),
        )

    async def close(self, patience: float) -> bool:
        """End what is being read, and close the connection; False if that took over ``patience`` seconds."""
        return await self.reads.close(patience)

    async def run_once(self) -> None:
        """One whole round."""
        await self._in_portions(secret_params.erase_left)
        await self._prune_runs()
        await self._delete_logs()
        await self._delete_logs_without_run()
        now = self._time_of_age()
        await self._in_portions(lambda tx, limit: prune_state(tx, limit, before=now))
        await self._prune_history()
        for queue_id in await self._write(queue_ids):
            await self._prune_queue(queue_id)
        while await self._portion(lambda tx: incremental_vacuum(tx, _PAGES, spare=SPARE_PAGES)):
            log.debug("more pages are free than are kept")
        await self._writer.checkpoint()

    async def _prune_runs(self) -> None:
        """Found by a connection of its own, because the writer has better things to do than to read."""
        find = partial(
            run_retention.outlived,
            now=self._time_of_age(),
            retention=self._run_retention,
            occurrences=OCCURRENCES_KEPT,
            limit=_FOUND,
        )
        while found := await self.reads.read(find):
            await self.reads.read(self.count)
            deleted = 0
            for start in range(0, len(found), _ROWS):
                deleted += await self._delete_runs(found[start : start + _ROWS])
            if not deleted:
                return

    async def _delete_runs(self, run_ids: Sequence[int]) -> int:
        await self._in_portions(lambda tx, limit: run_retention.forget_effects(tx, run_ids, limit))
        deleted = await self._portion(lambda tx: run_retention.delete(tx, run_ids))
        await self._remove_logs_of(deleted)
        return len(deleted)

    async def _delete_logs(self) -> None:
        before = self._time_of_age() - self._log_retention
        while runs := await self._portion(
            lambda tx: run_retention.forget_logs(tx, before=before, limit=_ROWS)
        ):
            await self._remove_logs_of(runs)

    async def _remove_logs_of(self, runs: Sequence[tuple[int, str]]) -> None:
        """``runs``: each as ``(run id, job)``."""
        jobs = {job for _, job in runs}
        earlier = await self.reads.read(lambda conn: {job: earlier_ids(conn, job) for job in jobs})
        places = [LogPlace(self._data_dir, job, run_id, earlier=earlier[job]) for run_id, job in runs]
        await asyncio.to_thread(_remove, places)

    async def _delete_logs_without_run(self) -> None:
        """Delete old logs that have no run: a runner was killed after it had deleted the row.

        Younger ones stay: another database may share the folder.
        """
        before = self._time_of_age() - self._log_retention
        found = await asyncio.to_thread(self._log_folders.older_than, before.timestamp(), _LOGS)
        if found:
            known = await self._portion(lambda tx: run_retention.with_log_or_active(tx.conn, found))
            left = [place for run_id, places in found.items() if run_id not in known for place in places]
            await asyncio.to_thread(_remove, left)

    async def _prune_history(self) -> None:
        """After the runs: what was kept for their sake may go."""
        before = self._time_of_age() - self._history_retention
        await self._in_portions(lambda tx, limit: revisions.prune(tx, before, limit))
        await self._in_portions(lambda tx, limit: audit.prune(tx, before, limit))
        await self._in_portions(lambda tx, limit: backfills.prune(tx, before, limit))
        await self._in_portions(lambda tx, limit: overrides.prune(tx, before, limit))
        over = self._time_of_age() - _SKIP_KEPT
        await self._in_portions(lambda tx, limit: skips.close(tx, over, limit))
        await self._in_portions(lambda tx, limit: skips.prune(tx, before, limit))
        await self._in_portions(lambda tx, limit: overrides.prune_mutes(tx, before, limit))
        await self._in_portions(lambda tx, limit: outbox.prune(tx, before, limit))
        await self._in_portions(lambda tx, limit: incidents.prune(tx, before, limit))

    async def _prune_queue(self, queue_id: str) -> None:
        now = self._time_of_age()
        try:
            await self._in_portions(lambda tx, limit: prune_queue(tx, queue_id, limit, now=now))
        except DatabaseError as error:
            log.error("queue %s was left as it is: %s", queue_id, error)

    async def _in_portions(self, prune: Callable[[Tx, int], int]) -> None:
        while await self._portion(lambda tx: prune(tx, _ROWS)) >= _ROWS:
            log.debug("more is left to be deleted")

    async def _portion(self, op: Callable[[Tx], _T]) -> _T:
        """One transaction, then a wait as long as it took, so that other writers have their turn."""
        began = self._clock.monotonic()
        answer = await self._write(op)
        await asyncio.sleep(self._clock.monotonic() - began)
        return answer

    async def _write(self, op: Callable[[Tx], _T]) -> _T:
        return await self._writer.write(op, durable=False, priority=Priority.MAINTENANCE)


def _remove(places: Iterable[LogPlace]) -> None:
    for place in places:
        try:
            remove_logs(place)
        except OSError as error:
            log.warning("the log %s cannot be deleted: %s", place, error.strerror)
