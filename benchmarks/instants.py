"""How far ``started_at`` and the recorded end are from the kernel's own record of the process.

The kernel writes down the start, the exec and the exit of each process (``perf record``, which wants root).
By its count, as in /proc, a process starts with the fork; it comes to its exec when it has a processor.
"""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.burst import LEAD, SWITCH_INTERVAL, project
from benchmarks.measure import Row, ms
from benchmarks.run_overhead import running
from jeeves_runner.config import load_config
from jeeves_runner.db.connection import connect
from jeeves_runner.execute.local.spawn import raise_open_file_limit

TARGET = 0.005
"""Seconds."""
COUNT = 1000
SCRIPT = "#!/bin/sh\necho $$\n"
KINDS = ("fork", "exec", "exit")
_EVENT = re.compile(
    r" (\d+\.\d+): +sched:sched_process_(?:(fork): .* child_pid|(exec): .*? pid|(exit): .*? pid)=(\d+)"
)
_RUNS = """
SELECT CAST(stdout AS INTEGER), unixepoch(started_at, 'subsec'),
       unixepoch(started_at, 'subsec') + duration_ms / 1000.0
FROM runs WHERE status = 'ok'
"""


class Instants(NamedTuple):
    """Seconds by which what is recorded of one process is after the fact."""

    start: float
    exec: float
    end: float


async def recorded(root: Path, limit: int) -> list[tuple[int, float, float]]:
    """Pid, start and end as the runner has recorded them of ``COUNT`` runs that were due at once."""
    at = (datetime.now(UTC) + LEAD + timedelta(milliseconds=COUNT)).replace(microsecond=0)
    project(root, COUNT, at, limit)
    (root / "start.sh").write_text(SCRIPT)
    async with running(root), asyncio.timeout(120):
        # Not by the module sqlite3: two copies of SQLite in one process take each other's locks.
        with closing(connect(load_config(root, None).db_path)) as database:
            while (
                len(rows := [(int(row[0]), float(row[1]), float(row[2])) for row in database.execute(_RUNS)])
                < COUNT
            ):
                await asyncio.sleep(0.2)
    return rows


def distances(folder: Path, limit: int) -> list[Instants]:
    """How far what the runner has recorded of each run is from what the kernel has seen."""
    trace = str(folder / "trace")
    events = ",".join(f"sched:sched_process_{kind}" for kind in KINDS)
    perf = ["perf", "record", "--quiet", "--all-cpus", "--clockid", "CLOCK_MONOTONIC", "--event", events]
    kernel = subprocess.Popen([*perf, "--output", trace], stdout=subprocess.DEVNULL)
    try:
        runs = asyncio.run(recorded(folder / "project", limit))
    finally:
        kernel.send_signal(signal.SIGINT)
        kernel.wait()
    script = ["perf", "script", "--ns", "--input", trace, "--fields", "time,event,trace"]
    text = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    wall = time.time() - time.monotonic()  # perf knows no clock that shows the time of day
    seen: dict[tuple[str, int], float] = {}
    for instant, *kinds, pid in _EVENT.findall(f" {text}".replace("\n", "\n ")):
        seen["".join(kinds), int(pid)] = float(instant) + wall
    return [
        Instants(start - seen["fork", pid], start - seen["exec", pid], end - seen["exit", pid])
        for pid, start, end in runs
    ]


def row(what: str, distances: Iterable[float], target: float | None = TARGET) -> Row:
    """How far 99 of 100 are from the kernel's record."""
    far = sorted(map(abs, distances))
    found = far[len(far) * 99 // 100]
    value = f"{ms(found)} (half: {ms(far[len(far) // 2])}, all: {ms(far[-1])})"
    return Row(what=what, value=value, met=None if target is None else found <= target)


def main() -> list[Row]:
    if shutil.which("perf") is None:
        sys.exit("this part needs `perf`, and the right to trace the whole system")
    raise_open_file_limit()
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    rows = []
    try:
        for limit in (COUNT, 4):
            with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
                found = distances(Path(folder), limit)
            of_what = f"{COUNT} at once, {limit} may run"
            rows.append(row(f"started_at and the fork, {of_what}", (each.start for each in found)))
            rows.append(row(f"started_at and the exec, {of_what}", (each.exec for each in found), None))
            rows.append(row(f"the recorded end and the exit, {of_what}", (each.end for each in found)))
    finally:
        sys.setswitchinterval(before)
    return rows
