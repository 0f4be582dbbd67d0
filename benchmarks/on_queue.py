"""Items that start jobs: how soon the process of the run begins, and how fast a full queue is emptied.

How soon: from the time recorded of the item to the time recorded of the process, on a server that is idle.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from apsw import Connection

from benchmarks.corpus import write_small_project
from benchmarks.measure import Row, ms
from benchmarks.run_overhead import running
from jeeves_runner.config import load_config
from jeeves_runner.db.connection import connect

SOON = 0.2
"""Seconds within which the process of 99 of 100 begins."""
ITEMS = 1000
BATCH = 100
SCRIPT = f"""#!/usr/bin/env python3
import sys
from jeeves_runner.client import Client
with Client() as jr:
    items = jr.claim(sys.argv[1], {BATCH})
    with jr.transaction():
        for item in items:
            jr.complete(item)
"""
MANIFEST = f"""
defaults: {{timeout: 1m}}
jobs:
  - {{id: soon, script: work.py, args: [soon], on_queue: {{queue: soon}}}}
  - {{id: full, script: work.py, args: [full], on_queue: {{queue: full, batch: {BATCH}}}}}
"""
PUSH = """
import sys
from jeeves_runner.client import Client
with Client(sys.argv[1]) as jr:
    for line in sys.stdin:
        jr.enqueue("soon", 1)
        print(flush=True)
"""
_DELAY = """
SELECT unixepoch(started_at, 'subsec') - unixepoch(queue_items.created_at, 'subsec')
FROM queue_items JOIN runs ON runs.id = run_id WHERE queue_id = 'soon'
"""
_EMPTIED = """
SELECT max(unixepoch(completed_at, 'subsec')) - min(unixepoch(created_at, 'subsec'))
FROM queue_items WHERE queue_id = 'full'
"""


async def settled(database: Connection, queue: str) -> None:
    """Wait until all items of a queue are completed, and no run is active."""
    async with asyncio.timeout(60):
        while database.execute(
            "SELECT 1 FROM queue_items WHERE queue_id = ? AND status <> 'completed'"
            " UNION ALL SELECT 1 FROM runs WHERE status IN ('scheduled', 'running') LIMIT 1",
            (queue,),
        ).fetchone():
            await asyncio.sleep(0.002)


async def delays(database: Connection, push: Callable[[], object], rounds: int) -> list[float]:
    """Seconds from each item to its process, in order of size."""
    database.execute("DELETE FROM queue_items WHERE queue_id = 'soon'")
    for n in range(rounds):
        await asyncio.to_thread(push)
        await settled(database, "soon")
        await asyncio.sleep(0.001 * (n % 60))  # at all moments of what looks at intervals
    return sorted(float(delay) for (delay,) in database.execute(_DELAY))


async def emptied(database: Connection, path: str) -> float:
    """Seconds from a full queue to an empty one, by the times of its items."""
    database.execute("DELETE FROM queue_items WHERE queue_id = 'full'")
    await asyncio.to_thread(_fill, path, "full")
    await settled(database, "full")
    return float(database.execute(_EMPTIED).get)


def emptied_by_a_loop(root: Path, path: str) -> float:
    """Seconds in which a loop that starts the same script empties another one."""
    _fill(path, "bare")
    began = time.perf_counter()
    for _ in range(ITEMS // BATCH):
        subprocess.run(
            [sys.executable, root / "work.py", "bare"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=os.environ | {"JR_DB_PATH": path},
            check=True,
        )
    return time.perf_counter() - began


def _fill(path: str, queue: str) -> None:
    code = f"from benchmarks.on_queue import fill; fill({path!r}, {queue!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


def fill(path: str, queue: str) -> None:
    """Put all items into a queue at once."""
    from jeeves_runner.client import Client

    with Client(path) as jr:
        jr.enqueue_many(queue, range(ITEMS))


async def measure(root: Path, rounds: int) -> list[Row]:
    write_small_project(root, MANIFEST, "work.py", SCRIPT)
    path = str(load_config(root, None).db_path)
    async with running(root):
        with closing(connect(Path(path))) as database:
            return [
                *_soon("a client", await _by_client(database, path, rounds * 10)),
                *_soon("the command line", await _by_command(database, root, rounds)),
                await _full(database, root, path, max(1, rounds // 4)),
            ]


async def _by_client(database: Connection, path: str, rounds: int) -> list[float]:
    client = subprocess.Popen(
        [sys.executable, "-c", PUSH, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with client:
        assert client.stdin is not None
        assert client.stdout is not None
        lines, answers = client.stdin, client.stdout

        def push() -> None:
            lines.write("\n")
            lines.flush()
            answers.readline()

        found = await delays(database, push, rounds)
        lines.close()
    return found


async def _by_command(database: Connection, root: Path, rounds: int) -> list[float]:
    words = [sys.executable, "-m", "jeeves_runner", "queue", "push", "soon", json.dumps(1)]
    return await delays(
        database, lambda: subprocess.run(words, cwd=root, check=True, capture_output=True), rounds
    )


def _soon(by: str, found: list[float]) -> list[Row]:
    last = found[-(len(found) // 100) - 1]
    return [
        Row(what=f"an item by {by} to the start of its process, p50", value=ms(statistics.median(found))),
        Row(what="  the same, p99", value=ms(last), met=last <= SOON),
    ]


async def _full(database: Connection, root: Path, path: str, rounds: int) -> Row:
    pairs = [
        (await emptied(database, path), await asyncio.to_thread(emptied_by_a_loop, root, path))
        for _ in range(rounds)
    ]
    ours, floor = (statistics.median(each) for each in zip(*pairs, strict=True))
    return Row.against(f"{ITEMS:,} items in batches of {BATCH}", ours, floor, 1 / 0.7)


def main(rounds: int = 30) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        return asyncio.run(measure(Path(folder), rounds))
