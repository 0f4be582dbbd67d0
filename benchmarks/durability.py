"""What a commit costs on this machine: inline or through the writer, waiting for the disk or not.

TMPDIR chooses the disk. The cases take turns, so that noise hits all alike, and the median is printed.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from jeeves_runner.clock import SystemClock
from jeeves_runner.db.connection import Tx, connect, transaction
from jeeves_runner.db.writer import Writer

ROUNDS = 7
CLOCK = SystemClock()


def insert(tx: Tx) -> None:
    tx.conn.execute("INSERT INTO audit (at, actor, action, target) VALUES (?, 'me', 'test', 'x')", (tx.at,))


def inline(path: Path, commits: int, durable: bool) -> float:
    """Commits per second of a plain loop, the floor."""
    with closing(connect(path)) as conn:
        started = CLOCK.monotonic()
        for _ in range(commits):
            with transaction(conn, CLOCK, durable=durable) as tx:
                insert(tx)
        return commits / (CLOCK.monotonic() - started)


def through_writer(path: Path, commits: int, durable: bool, callers: int) -> float:
    """Commits per second of ``callers`` tasks. Each awaits its write before it asks for the next."""

    async def caller(writer: Writer) -> None:
        for _ in range(commits // callers):
            await writer.write(insert, durable=durable)

    async def main() -> float:
        async with Writer(path, CLOCK) as writer:
            started = CLOCK.monotonic()
            await asyncio.gather(*(caller(writer) for _ in range(callers)))
            return commits / (CLOCK.monotonic() - started)

    return asyncio.run(main())


def cases() -> dict[str, Callable[[Path, bool], float]]:
    return {
        "inline, no event loop": lambda path, durable: inline(path, 400, durable),
        "writer, 1 caller": lambda path, durable: through_writer(path, 400, durable, 1),
        "writer, 8 callers": lambda path, durable: through_writer(path, 3_200, durable, 8),
        "writer, 64 callers": lambda path, durable: through_writer(path, 12_800, durable, 64),
    }


def main() -> None:
    results: dict[tuple[str, bool], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        path = Path(folder) / "runner.sqlite"
        connect(path, create=True).close()
        for _ in range(ROUNDS):
            for name, run in cases().items():
                for durable in (True, False):
                    results.setdefault((name, durable), []).append(run(path, durable))
    print(f"\n{'writes per second':<24}{'FULL':>10}{'NORMAL':>10}")
    for name in cases():
        full, normal = (median(results[name, durable]) for durable in (True, False))
        print(f"{name:<24}{full:>10,.0f}{normal:>10,.0f}")
