"""``graph`` of 10,000 nodes as a whole process: pipelines of five jobs over five queues and datastores.

The floor starts Python and loads click. A question about one node reads all of the graph too.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.measure import Row, medians, ms, process

PIPELINES: Final = 1_000
"""Of each, ten nodes."""
LONGEST: Final = 1.0
"""Seconds that a graph may take."""


def _pipeline(n: int) -> Iterator[str]:
    """Five jobs in a row; each reads what the one before writes, and follows another pipeline's."""
    for step in range(5):
        kind = "queue" if step % 2 else "datastore"
        before = "datastore" if step % 2 else "queue"
        yield f"  - id: p{n:04}-job-{step}"
        yield "    run: 'true'"
        yield "    timeout: 1m"
        yield f"    writes: ['{kind}:p{n:04}-{step}']"
        if step:
            yield f"    reads: ['{before}:p{n:04}-{step - 1}']"
        elif n:
            yield f"    after: [p{n // 2:04}-job-4]"


def write_project(root: Path) -> None:
    folder = root / "jobs.d"
    folder.mkdir()
    (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    for first in range(0, PIPELINES, 100):
        lines = [line for n in range(first, first + 100) for line in _pipeline(n)]
        (folder / f"part-{first:04}.yaml").write_text("\n".join(["jobs:", *lines, ""]))


def main(rounds: int = 9) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as name:
        root = Path(name)
        write_project(root)
        program = [sys.executable, "-m", "jeeves_runner"]
        subprocess.run([*program, "apply"], cwd=root, check=True, capture_output=True)
        floor, *found = medians(
            [
                lambda: process([sys.executable, "-c", "import click"], root),
                lambda: process([*program, "graph"], root),
                lambda: process([*program, "graph", "--json"], root),
                lambda: process([*program, "graph", "--around", "p0500-job-2"], root),
            ],
            rounds,
        )
    labels = ("as a tree", "--json", "--around one job")
    return [
        Row(
            what=f"graph of {PIPELINES * 10:,} nodes {label} (at most {ms(LONGEST)})",
            value=ms(seconds),
            floor=ms(floor),
            ratio=seconds / floor,
            met=seconds < LONGEST,
        )
        for label, seconds in zip(labels, found, strict=True)
    ]
