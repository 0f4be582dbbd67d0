"""``apply`` of 10,000 jobs as a whole process, cold and unchanged. The floor only reads and parses them."""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import write_project
from benchmarks.measure import Row, medians, process

FLOOR = """
import os, sys, yaml
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            yaml.load(file.read(), Loader=yaml.CSafeLoader)
"""


def measure(files: int, jobs_per_file: int, rounds: int) -> list[Row]:
    root = Path(tempfile.mkdtemp(prefix="jr-bench-"))
    try:
        distinct = write_project(root, files=files, jobs_per_file=jobs_per_file)
        apply = [sys.executable, "-m", "jeeves_runner", "apply"]

        def cold() -> float:
            shutil.rmtree(root / "data", ignore_errors=True)
            return process(apply, root)

        def floor() -> float:
            return process([sys.executable, "-c", FLOOR, str(root / "jobs.d")])

        def unchanged() -> float:
            return process(apply, root)

        least, first, again = medians([floor, cold, unchanged], rounds)
    finally:
        shutil.rmtree(root)
    label = f"{files * jobs_per_file:,} jobs in {files:,} files ({distinct:,} expressions)"
    return [
        Row.against(f"{label}: cold", first, least, 1.5),
        Row.against(f"{label}: no-op", again, least, 0.5),
    ]


def main(rounds: int = 5) -> list[Row]:
    return measure(10_000, 1, rounds) + measure(100, 100, rounds)
