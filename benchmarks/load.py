"""``next`` and ``next --load`` of 10,000 jobs: whole processes, and with as many jobs that start each second.

The floor starts Python and loads click.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import write_project
from benchmarks.measure import Row, medians, process

JOBS = 10_000
_PROGRAM = [sys.executable, "-m", "jeeves_runner"]


def _write_seconds(root: Path) -> None:
    """A project whose jobs all start each second or so, each by a schedule of its own zone and step."""
    zones = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
    jobs = (
        f'  - {{id: job-{n:05}, schedule: "*/{n % 7 + 1} * {n % 11}-23 * * *", timezone: {zones[n % 4]},'
        f" run: 'true', timeout: 10s}}"
        for n in range(JOBS)
    )
    (root / "jobs.d").mkdir(parents=True)
    (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    (root / "jobs.d" / "seconds.yaml").write_text("jobs:\n" + "\n".join(jobs) + "\n")


def main(rounds: int = 9) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        usual, seconds = Path(folder) / "usual", Path(folder) / "seconds"
        usual.mkdir()
        write_project(usual, files=100, jobs_per_file=JOBS // 100)
        _write_seconds(seconds)
        for root in (usual, seconds):
            process([*_PROGRAM, "apply"], root)
        floor, *found = medians(
            [
                lambda: process([sys.executable, "-c", "import click"], usual),
                lambda: process([*_PROGRAM, "next"], usual),
                lambda: process([*_PROGRAM, "next", "--load"], usual),
                lambda: process([*_PROGRAM, "next", "--load", "--for", "7d"], usual),
                lambda: process([*_PROGRAM, "next", "--load"], seconds),
            ],
            rounds,
        )
    names = ("next", "next --load", "next --load --for 7d", "next --load, all of them each second or so")
    return [Row.against(name, value, floor, None) for name, value in zip(names, found, strict=True)]
