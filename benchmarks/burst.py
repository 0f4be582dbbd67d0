"""Many at once: jobs due at the same second, and runs asked for four at a time, beside bare threads.

The scripts make an empty file each. Its time says when the script began, whatever the runner says.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from benchmarks.measure import Row, ms
from benchmarks.run_overhead import Client, running
from jeeves_runner.execute.local.spawn import raise_open_file_limit

SCRIPT = '#!/bin/sh\n: >"$STARTS/$JR_JOB_ID"\n'
LEAD = timedelta(seconds=2)
"""How long before the instant the jobs are declared: the runner must be up and idle by then."""
ABREAST = 4
SWITCH_INTERVAL = 0.001
"""As the server sets it."""


class Pair(NamedTuple):
    """What was measured beside its floor: medians, in seconds, and the median of the ratios."""

    seconds: float
    floor: float
    ratio: float

    def row(self, what: str, target: float | None) -> Row:
        met = None if target is None else self.ratio <= target
        return Row(
            what=what,
            value=ms(self.seconds),
            floor=ms(self.floor),
            ratio=self.ratio,
            target=target,
            met=met,
        )


def project(root: Path, count: int, at: datetime, limit: int) -> Path:
    """A project of ``count`` jobs due at one instant; returns where their scripts make files."""
    starts = root / "starts"
    starts.mkdir(parents=True)
    script = root / "start.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (root / "jobs.d").mkdir()
    (root / "jobs.d" / "burst.yaml").write_text(
        f'defaults: {{timeout: 5m, env: {{STARTS: "{starts}"}}}}\njobs:\n'
        + "".join(
            f'  - {{id: job-{n}, script: start.sh, schedule: "{at:%-S %-M %-H %-d %-m *}"}}\n'
            for n in range(count)
        )
    )
    (root / "jeeves-runner.yaml").write_text(f"port: 0\nmax_concurrency: {limit}\n")
    return starts


def bare(script: Path, starts: Path, names: list[str], threads: int) -> None:
    """The same processes by plain threads, with their output captured."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for name in names:
        waiting.put(name)

    def work() -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except Empty:
                return
            environment = os.environ | {"STARTS": str(starts), "JR_JOB_ID": name}
            subprocess.run(
                [script], stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=True
            )

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def last_start(starts: Path, count: int) -> float:
    """When the last script began, in seconds of the wall clock."""
    begun = [entry.stat().st_mtime for entry in os.scandir(starts)]
    assert len(begun) == count, f"{len(begun)} of {count} scripts ran"
    return max(begun)


def bare_burst(root: Path, count: int) -> float:
    """Seconds until two plain threads have started the last of ``count`` scripts."""
    starts = project(root, 0, datetime.now(UTC), 1)
    began = time.time()
    bare(root / "start.sh", starts, [f"job-{n}" for n in range(count)], 2)
    return last_start(starts, count) - began


async def due_burst(root: Path, count: int, limit: int) -> float:
    """Seconds from the instant at which ``count`` jobs are due until the last of their scripts began."""
    at = (datetime.now(UTC) + LEAD + timedelta(milliseconds=count)).replace(microsecond=0)
    starts = project(root, count, at, limit)
    async with running(root):
        async with asyncio.timeout(30):
            while len([*starts.iterdir()]) < count:
                await asyncio.sleep(0.1)
    return last_start(starts, count) - at.timestamp()


async def posts(root: Path, rounds: int) -> float:
    """Seconds per run when four connections each ask for a run and wait for its end, again and again."""
    far = datetime(2100, 1, 1, tzinfo=UTC)
    starts = project(root, ABREAST, far, ABREAST)
    async with running(root) as runner:
        clients = [await Client.connect(runner.url) for _ in range(ABREAST)]

        async def ask(n: int) -> None:
            for _ in range(rounds):
                answer = await clients[n].post(f"/jobs/job-{n}/run")
                assert answer["result"]["status"] == "ok", answer

        began = time.perf_counter()
        await asyncio.gather(*(ask(n) for n in range(ABREAST)))
        seconds = time.perf_counter() - began
    assert last_start(starts, ABREAST)
    return seconds / (rounds * ABREAST)


def bare_abreast(root: Path, rounds: int) -> float:
    """Seconds per script of four plain threads."""
    starts = project(root, 0, datetime.now(UTC), 1)
    names = [f"job-{n}" for n in range(ABREAST)] * rounds
    began = time.perf_counter()
    bare(root / "start.sh", starts, names, ABREAST)
    return (time.perf_counter() - began) / len(names)


def in_turns(act: Callable[[Path], float], floor: Callable[[Path], float], rounds: int) -> Pair:
    """Medians of an act, of its floor, and of the ratios of the pairs."""
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
            pairs.append((act(Path(folder, "act")), floor(Path(folder, "floor"))))
    return Pair(
        statistics.median(seconds for seconds, _ in pairs),
        statistics.median(seconds for _, seconds in pairs),
        statistics.median(seconds / alone for seconds, alone in pairs),
    )


def main(rounds: int = 5) -> list[Row]:
    raise_open_file_limit()
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        return [*_bursts(rounds), _abreast(rounds)]
    finally:
        sys.setswitchinterval(before)


def _bursts(rounds: int) -> Iterator[Row]:
    for count, limit, target in ((200, 1000, None), (1000, 1000, 1.2), (1000, 4, None)):
        found = in_turns(
            lambda root: asyncio.run(due_burst(root, count, limit)),  # noqa: B023 - called in this turn
            lambda root: bare_burst(root, count),  # noqa: B023 - called in this turn
            rounds,
        )
        what = f"last start of {count} due at once, {limit} may run"
        yield found.row(what, target)


def _abreast(rounds: int) -> Row:
    found = in_turns(lambda root: asyncio.run(posts(root, 200)), lambda root: bare_abreast(root, 200), rounds)
    return found.row(f"a run of {ABREAST} asked for at a time over HTTP", 1 / 0.45)
