"""A server with 10,000 jobs: the time from the save of a file to its changed timer, and the longest stall of
the event loop while all files change at once.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from benchmarks.corpus import rewrite, write_project
from benchmarks.measure import Row, ms
from benchmarks.run_overhead import running

JOBS = 10_000
_STEP = 0.001


class Stalls:
    """The longest stall of the event loop: how much later than after a millisecond a task went on.

    ``longest``: in seconds.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_STEP)
            self.longest = max(self.longest, time.perf_counter() - before - _STEP)


async def measure(root: Path, saves: int) -> tuple[list[float], float, float]:
    """Seconds from each save to the timer, the longest stall, and how long the large apply took."""
    async with running(root) as runner:
        timer = runner.scheduler.next_of
        delays = []
        for n in range(saves):
            number = (n * 37 + 1) % JOBS
            job = f"team{number % 50:02}-job-{number:05}"
            before = timer(job)
            path = root / "jobs.d" / f"group{number % 20:02}" / f"file-{number:05}.yaml"
            text = path.read_text()
            schedule = next(line for line in text.splitlines() if line.startswith("schedule"))
            start = time.perf_counter()
            path.write_text(text.replace(schedule, f'schedule: "{n % 60} 0 29 2 *"'))
            await _changed(timer, job, before)
            delays.append(time.perf_counter() - start)
        stalls = Stalls()
        watch = asyncio.create_task(stalls.watch())
        revision = runner.sync.status.revision
        start = time.perf_counter()
        # By another process: writing the files is not part of what is measured.
        code = f"from benchmarks.save_to_timer import rewrite_all; rewrite_all({str(root)!r})"
        writer = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        await writer.wait()
        while runner.sync.status.revision == revision or runner.sync.status.state != "in_sync":
            await asyncio.sleep(0.01)
        while timer("team00-job-00000") is None:
            await asyncio.sleep(0.01)
        took = time.perf_counter() - start
        await asyncio.sleep(1)
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
    return delays, stalls.longest, took


async def _changed(timer: Callable[[str], datetime | None], job: str, before: datetime | None) -> None:
    while timer(job) == before:
        await asyncio.sleep(0.001)


def rewrite_all(root: str) -> None:
    """Save every file again with other content."""
    for number in range(JOBS):
        rewrite(Path(root), number, changed=1)


def main(saves: int = 60) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        root = Path(folder)
        write_project(root, files=JOBS)
        (root / "jeeves-runner.yaml").write_text("timezone: UTC\nport: 0\n")
        delays, stall, took = asyncio.run(measure(root, saves))
    median = statistics.median(delays)
    worst = max(delays)
    return [
        Row(what="save of one file to the changed timer, p50", value=ms(median), met=median < 0.25),
        Row(what="  the same, slowest", value=ms(worst)),
        Row(what=f"longest stall while {JOBS:,} changed files apply", value=ms(stall), met=stall <= 0.02),
        Row(what="  from the first write to the last timer", value=ms(took)),
    ]
