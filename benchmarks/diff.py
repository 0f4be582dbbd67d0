"""``diff`` of 10,000 jobs as a whole process: what it costs to look at the days to come.

The floor is a diff in sync. Where no times change it is not to cost more; where some do, all schedules count
for the minute in which most jobs start.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import write_project
from benchmarks.measure import Row, medians, process

JOBS = 10_000


def main(rounds: int = 5) -> list[Row]:
    root = Path(tempfile.mkdtemp(prefix="jr-bench-"))
    try:
        distinct = write_project(root, files=JOBS)
        program = [sys.executable, "-m", "jeeves_runner"]
        subprocess.run([*program, "apply"], cwd=root, check=True, capture_output=True)
        path = min((root / "jobs.d").rglob("*.yaml"))
        text = path.read_text()

        diff = ["sh", "-c", f"{sys.executable} -m jeeves_runner diff || test $? -eq 1"]

        def with_text(changed: str) -> float:
            path.write_text(changed)
            return process(diff, root)

        least, others, times = medians(
            [
                lambda: with_text(text),
                lambda: with_text(text.replace("timeout: 5m", "timeout: 6m")),
                lambda: with_text(re.sub("schedule: .*", 'schedule: "3 4 * * *"', text)),
            ],
            rounds,
        )
    finally:
        shutil.rmtree(root)
    label = f"diff of {JOBS:,} jobs ({distinct:,} expressions)"
    return [
        Row.against(f"{label}: a timeout differs", others, least, 1.1),
        Row.against(f"{label}: a schedule differs", times, least, 5.0),
    ]
