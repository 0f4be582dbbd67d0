"""The metrics of one runner: what is counted as it happens, and what is looked up when they are asked for."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from jeeves_runner.db.measures import measures
from jeeves_runner.db.transaction import snapshot
from jeeves_runner.metrics.exposition import Form, KeptLines, written
from jeeves_runner.metrics.gathering import Answered, Look, Vitals, found
from jeeves_runner.metrics.run_totals import RunTotals

CATCH_UP: Final = 10.0
"""Seconds between two looks at what has ended: so a scrape after a long time has little to read."""


class Metrics:
    """Counts requests in the event loop, and makes the text of all metrics in any thread."""

    def __init__(
        self, totals: RunTotals, vitals: Callable[[], Vitals], folders: Mapping[str, Path], *, most: int
    ) -> None:
        """``vitals`` is called in the event loop. ``folders``: those whose disks are told of, by name.
        ``most``: how many queues, and how many nodes, have series of their own."""
        self._most = most
        self._requests: Counter[Answered] = Counter()
        self._folders = folders
        self.vitals = vitals
        self._totals = totals
        self._kept = KeptLines()
        self.one_at_a_time = asyncio.Lock()
        """Held while they are written: of thousands of jobs that keeps a thread busy for a while."""

    def note_request(self, request: Answered) -> None:
        """An answer has been made."""
        self._requests[request] += 1

    @property
    def requests(self) -> Mapping[Answered, int]:
        """The answers so far, as they are now."""
        return dict(self._requests)

    def free_bytes(self) -> dict[str, int]:
        """What is free where the folders are. OSError; their disk may hang."""
        free = {}
        for name, folder in self._folders.items():
            disk = os.statvfs(folder)
            free[name] = disk.f_bavail * disk.f_frsize
        return free

    def written(
        self,
        conn: apsw.Connection,
        now: datetime,
        vitals: Vitals,
        requests: Mapping[Answered, int],
        free: Mapping[str, int],
        form: Form,
    ) -> Iterator[bytes]:
        """All of them, part by part, as they are now."""
        with snapshot(conn):
            there = measures(conn, now, self._most)
            totals = self._totals.look(conn, there.jobs)
        look = Look(now, vitals, requests, there, totals, free, self._most)
        return written(found(look), form, self._kept)
