"""What 20,000 edges of 10,000 jobs add to ``apply``, cold and unchanged, as a whole process.

The floor is the same project without edges. What their keys add to the text of the manifests counts:
reading that is over half of what a first apply takes more.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import write_project
from benchmarks.measure import Row, medians, process

_APPLY = [sys.executable, "-m", "jeeves_runner", "apply"]
_TARGET = 1.1


def main(rounds: int = 5) -> list[Row]:
    root = Path(tempfile.mkdtemp(prefix="jr-bench-"))
    plain, tied = root / "plain", root / "tied"
    try:
        write_project(plain, files=100, jobs_per_file=100)
        write_project(tied, files=100, jobs_per_file=100, edges=True)

        def cold(project: Path) -> float:
            shutil.rmtree(project / "data", ignore_errors=True)
            return process(_APPLY, project)

        actions = [
            lambda: cold(plain),
            lambda: process(_APPLY, plain),
            lambda: cold(tied),
            lambda: process(_APPLY, tied),
        ]
        first, again, first_tied, again_tied = medians(actions, rounds)
    finally:
        shutil.rmtree(root)
    return [
        Row.against("10,000 jobs, 20,000 edges: cold", first_tied, first, _TARGET),
        Row.against("10,000 jobs, 20,000 edges: no-op", again_tied, again, _TARGET),
    ]
