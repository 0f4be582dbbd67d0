"""``trigger --wait`` of an empty script: from the start of the command to its end, beside a running server.

The floor starts Python and loads click, which every command does before it can do anything.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row, medians, process
from benchmarks.run_overhead import project

PROGRAM = [sys.executable, "-m", "jeeves_runner"]


@contextmanager
def serving(root: Path) -> Iterator[None]:
    """A server in a process of its own; the block begins when it answers."""
    words, quiet = [*PROGRAM, "serve"], subprocess.DEVNULL
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=quiet, text=True) as server:
        assert server.stdout is not None
        try:
            answers = any("answers on" in line for line in server.stdout)
            assert answers, f"the server ended with {server.wait()}"
            yield
        finally:
            server.terminate()


def main(rounds: int = 40) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        root = Path(folder)
        project(root)
        with serving(root):
            floor, triggered, shown = medians(
                [
                    lambda: process([sys.executable, "-c", "import click"], root),
                    lambda: process([*PROGRAM, "trigger", "empty", "--wait"], root),
                    lambda: process([*PROGRAM, "runs", "--json"], root),
                ],
                rounds,
            )
    return [
        Row.against("trigger --wait", triggered, floor, 3),
        Row.against("runs --json", shown, floor, None),
    ]
