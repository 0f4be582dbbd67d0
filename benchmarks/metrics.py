"""What metrics cost: a run that is counted, and a scrape of many jobs of which all have run.

Processor time, of all threads of the process.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import apsw

from benchmarks.measure import Row, ms
from benchmarks.run_overhead import WARM_UP, project, running
from jeeves_runner.core.histogram import Histogram
from jeeves_runner.db.connection import connect
from jeeves_runner.db.measures import measures
from jeeves_runner.db.writer_thread import LATENCIES
from jeeves_runner.metrics.exposition import Form, KeptLines, written
from jeeves_runner.metrics.gathering import Look, Vitals, found
from jeeves_runner.metrics.run_totals import RunTotals
from jeeves_runner.reconcile.sync_status import SyncStatus

JOBS = 10_000
_SHARE = 0.01
"""How much of a run its count may cost."""
_WRITES_OF_A_RUN = 2
_ENDED = """
INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, duration_ms, end_seq)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT printf('job-%05d', i % :jobs), 'ok', 'manual', '2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.005Z',
  '2026-03-01T12:00:01.000Z', 995, i FROM n
"""


def spent(act: Callable[[], object]) -> float:
    """Seconds of the processor that one call takes."""
    began = time.process_time()
    act()
    return time.process_time() - began


async def a_run(root: Path, rounds: int) -> float:
    """What a run of an empty script costs the runner, without the metrics' share of a look."""
    project(root)
    async with running(root) as runner:

        async def run() -> None:
            await runner.runs.wait((await runner.runs.request("empty")).id)

        for _ in range(WARM_UP):
            await run()
        began = time.process_time()
        for _ in range(rounds):
            await run()
        return (time.process_time() - began) / rounds


def ended_database(root: Path, rows: int) -> apsw.Connection:
    """A database in which so many runs have ended, each by a commit of its own."""
    conn = connect(root / "runner.sqlite", create=True)
    conn.pragma("foreign_keys", 0)
    with conn:
        conn.execute(_ENDED, {"rows": rows, "jobs": JOBS})
    return conn


def counting(conn: apsw.Connection, rows: int, rounds: int) -> float:
    """What it takes to count one end, and to note how long the writes of its run took."""
    latency, clock = Histogram(LATENCIES), time.monotonic

    def note() -> None:
        for _ in range(rows * _WRITES_OF_A_RUN):
            latency.add(clock() - clock())

    def count() -> None:
        totals = RunTotals(JOBS)
        totals.begin(conn)
        totals.catch_up(conn)

    return statistics.median(spent(count) + spent(note) for _ in range(rounds)) / rows


def scrape(conn: apsw.Connection, form: Form, *, is_first: bool) -> tuple[float, int]:
    """What one answer costs, and how many bytes it has: the first, or one before which nothing has ended."""
    totals, kept = RunTotals(JOBS), KeptLines()
    totals.begin(conn)
    totals.catch_up(conn)
    vitals = Vitals(JOBS, 0.1, 0, SyncStatus(state="in_sync"), 0, Histogram(LATENCIES), 0, 0.001)
    size = 0

    def answer() -> None:
        nonlocal size, kept
        if is_first:
            kept = KeptLines()
        now = datetime.now(UTC)
        look = Look(now, vitals, {}, measures(conn, now, JOBS), totals.look(conn, []), {}, JOBS)
        size = sum(map(len, written(found(look), form, kept)))

    answer()
    return statistics.median(spent(answer) for _ in range(3)), size


def main(rounds: int) -> list[Row]:
    rows = 3 * JOBS
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        run = asyncio.run(a_run(Path(folder), 20 * rounds))
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        conn = ended_database(Path(folder), rows)
        counted = counting(conn, rows, rounds)
        scrapes = {
            (form, is_first): scrape(conn, form, is_first=is_first)
            for form in Form
            for is_first in (True, False)
        }
        conn.close()
    return [
        Row(
            what=f"one run counted, {counted / run:.2%} of it (floor: the run)",
            value=f"{counted * 1e6:.1f} µs",
            floor=ms(run),
            met=counted / run < _SHARE,
        ),
        *(
            Row(
                what=f"the {'first' if is_first else 'next'} scrape of {JOBS:,} jobs, {size / 1e6:.0f} MB,"
                f" {form.name.lower()}",
                value=ms(seconds),
            )
            for (form, is_first), (seconds, size) in scrapes.items()
        ),
    ]
