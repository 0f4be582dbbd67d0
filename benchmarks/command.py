"""Whole commands beside a running server: from the start of each to its end.

The floor is Python that starts and does nothing.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
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


PROMISED = {
    "queue push": (("queue", "push", "queue", "{}"), 5.5),
    "state get": (("state", "get", "namespace", "key"), 5.5),
    "status --json": (("status", "--json"), 8),
    "trigger --wait": (("trigger", "empty", "--wait"), 9),
}
"""Whole commands, and how often each may cost what Python costs that does nothing."""


def main(rounds: int = 40) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        root = Path(folder)
        project(root)
        with serving(root):
            process([*PROGRAM, "state", "set", "namespace", "key", "1"], root)
            nothing, floor, shown, *found = medians(
                [
                    lambda: process([sys.executable, "-c", "pass"], root),
                    lambda: process([sys.executable, "-c", "import click"], root),
                    lambda: process([*PROGRAM, "runs", "--json"], root),
                    *(partial(process, [*PROGRAM, *words], root) for words, _ in PROMISED.values()),
                ],
                rounds,
            )
    rows = [
        Row.against(f"{name}, beside `python -c pass`", seconds, nothing, target)
        for (name, (_, target)), seconds in zip(PROMISED.items(), found, strict=True)
    ]
    return [*rows, Row.against("runs --json, beside `python -c 'import click'`", shown, floor, None)]
