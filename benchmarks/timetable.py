"""100,000 jobs with mixed schedules: how long the timetable takes to load, and how long the event loop stands
still while it does, and while an apply of all of them is taken over.

The garbage collector is set as in a server. Times are those of the processor, so that what else the machine
does is left out. The floor reads the same columns and parses their JSON alone.
"""

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import apsw

from benchmarks.corpus import ZONES, schedule
from benchmarks.measure import Row, ms, process
from jeeves_runner.clock import SystemClock
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.schedule import warm_up
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db.connection import connect
from jeeves_runner.runner.follower import Follower
from jeeves_runner.runner.interpreter import collect_garbage
from jeeves_runner.runner.scheduler import Scheduler

JOBS: Final = 100_000
LOAD: Final = 5.0
"""Seconds that a load of all may take."""
STALL: Final = 0.020
WAKE: Final = 0.001
_STEP: Final = 0.001
_PROGRAM: Final = [sys.executable, "-m", "jeeves_runner"]
_COLUMNS: Final = (
    "SELECT id, spec ->> '$.schedule' AS schedule, timezone, spec ->> '$.exclude' AS exclude, schedule_since,"
    " decided_until FROM jobs"
)


class _NoRuns:
    """Nothing comes due here."""

    def expect(self, job_ids: Sequence[str]) -> None:
        raise AssertionError(job_ids)

    def submit(self, due: Due) -> "asyncio.Future[list[Run]]":
        raise AssertionError(due)


class _SteadyClock:
    """The clock stays as it is."""

    async def look(self) -> bool:
        return False

    async def put_right(self) -> None:
        raise AssertionError("nothing was decided ahead")


class Stalls:
    """How long the event loop computes between two turns of a task that wakes up each millisecond."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(_STEP)
            self.longest = max(self.longest, time.thread_time() - before)


def _written(n: int, rng: random.Random) -> str:
    """The schedule of job ``n`` as YAML: seventeen of twenty are one cron expression."""
    match n % 20:
        case 1:
            return f"{{every: {rng.randrange(2, 600)}m}}"
        case 3:
            days = rng.choice(("MONTHLY;BYDAY=-1FR", "WEEKLY;BYDAY=MO,TH", "DAILY"))
            return f'{{rrule: "FREQ={days};BYHOUR={n % 24};BYMINUTE={n // 24 % 60}"}}'
        case 7:
            return json.dumps([schedule(n, rng), schedule(n + 1, rng)])
        case _:
            return json.dumps(schedule(n, rng))


def write_jobs(root: Path, count: int) -> None:
    """A project of so many jobs, a thousand in each file."""
    (root / "jobs.d").mkdir()
    (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    rng = random.Random(7)
    for first in range(0, count, 1000):
        lines = ["jobs:"]
        for n in range(first, first + 1000):
            lines += [
                f"  - id: team{n % 50:02}-job-{n:06}",
                f"    schedule: {_written(n, rng)}",
                f"    timezone: {ZONES[n % len(ZONES)]}",
                f"    run: echo part {n}",
                "    timeout: 5m",
            ]
            if n % 50 == 9:
                lines.append('    exclude: ["2026-12-25", "2026-12-31..2027-01-01"]')
        (root / "jobs.d" / f"jobs-{first:06}.yaml").write_text("\n".join(lines) + "\n")


@asynccontextmanager
async def _as_in_a_server(stalls: Stalls) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(collect_garbage())]
    await asyncio.sleep(_STEP)
    tasks.append(asyncio.create_task(stalls.watch()))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _taken_in(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Seconds that ``work`` takes, and the longest stall meanwhile."""
    stalls = Stalls()
    async with _as_in_a_server(stalls):
        begin = time.thread_time()
        await work()
        took = time.thread_time() - begin
        await asyncio.sleep(2 * _STEP)
    return took, stalls.longest


def _scheduler(conn: apsw.Connection) -> Scheduler:
    return Scheduler(conn=conn, runs=_NoRuns(), clock=SystemClock(), clocks=_SteadyClock())


def _floor(conn: apsw.Connection) -> float:
    begin = time.thread_time()
    for _, written, _, excluded, *_ in conn.execute(_COLUMNS):
        json.loads(str(written)), json.loads(str(excluded))
    return time.thread_time() - begin


def _wakes(scheduler: Scheduler, ids: Sequence[str]) -> list[float]:
    """Seconds of each look for the next occurrence, while many jobs are taken off the timetable."""
    timetable, found = scheduler._timetable, []  # noqa: SLF001 - nothing else asks for it
    for job_id in ids:
        timetable.remove(job_id)
        begin = time.thread_time()
        timetable.next_wake()
        found.append(time.thread_time() - begin)
    return found


async def _measure(root: Path, count: int) -> list[Row]:
    with closing(connect(root / "data/runner.sqlite", create=True)) as conn:
        applied, loaded = _scheduler(conn), _scheduler(conn)

        async def changed(_revision: int, ids: Sequence[str]) -> None:
            await applied.on_plan(ids)

        async def written() -> None:
            """There are no runs."""

        follower = Follower(conn, changed=changed, written=written)
        process([*_PROGRAM, "apply"], root)
        warm_up()
        took, stall = await _taken_in(loaded.load)
        floor = _floor(conn)
        again, stall_of_apply = await _taken_in(follower.catch_up)
        ids = [
            str(name) for (name,) in conn.execute("SELECT id FROM jobs ORDER BY id LIMIT ?", (count // 5,))
        ]
        wakes = _wakes(loaded, ids)
        assert len(applied) == len(loaded) + len(ids) == count
    half, longest = statistics.median(wakes), max(wakes)
    return [
        Row(
            what=f"load of {count:,} jobs, under 5 s",
            value=ms(took),
            floor=ms(floor),
            ratio=took / floor,
            met=took <= LOAD,
        ),
        Row(what="  longest stall meanwhile, under 20 ms", value=ms(stall), met=stall <= STALL),
        Row(what="an apply of all of them taken over", value=ms(again), floor=ms(floor), ratio=again / floor),
        Row(
            what="  longest stall meanwhile, under 20 ms",
            value=ms(stall_of_apply),
            met=stall_of_apply <= STALL,
        ),
        Row(what="next wake, p50", value=f"{half * 1000:.4f} ms"),
        Row(what="  slowest, under 1 ms", value=f"{longest * 1000:.4f} ms", met=longest <= WAKE),
    ]


def main(count: int = JOBS) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        root = Path(folder)
        write_jobs(root, count)
        (root / "data").mkdir(mode=0o700)
        return asyncio.run(_measure(root, count))
