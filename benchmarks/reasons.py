"""``why`` and ``next`` of one job, in a database with a million of its runs.

Each is asked by a process of its own, and measured once that is ready to ask. The floor asks the same of a
database with a few runs.
"""

import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measure import Row, medians, ms, process
from jeeves_runner.clock import SystemClock, to_text
from jeeves_runner.db.connection import connect

RUNS = 1_000_000
FEW = 100
_MOST = 0.010
"""Seconds that an answer may take once the program is loaded."""

_CALLS = {
    "why JOB": "why_view(conn, now, 'often', served=True)",
    "why JOB TIME": "why_view(conn, now, 'often', at=sys.argv[2], served=True)",
    "why JOB RUN": "why_view(conn, now, 'often', run_id=50, served=True)",
    "next JOB": "next_view(conn, now, job_id='often', count=10)",
}
_ASK = """
import sys, time
from pathlib import Path
from jeeves_runner.cli.commands import why
from jeeves_runner.clock import SystemClock
from jeeves_runner.db.connection import connect
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.why import why_view
conn = connect(Path(sys.argv[1]))
now, begin = SystemClock().now(), time.perf_counter()
{call}
print(time.perf_counter() - begin)
"""

_PROGRAM = [sys.executable, "-m", "jeeves_runner"]
_MANIFEST = 'schedule: "* * * * *"\nrun: "true"\ntimeout: 10s\n'

_FILL = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :rows - 1)
INSERT INTO runs (job_id, status, trigger, scheduled_for, created_at, started_at, finished_at, duration_ms,
                  exit_code, revision_id, file, end_seq)
SELECT 'often', iif(i % 10, 'ok', 'error'), 'schedule', at, at, at, at, 40, iif(i % 10, 0, 1), 1,
       'jobs.d/often.yaml', i + 1
FROM (SELECT i, strftime('%Y-%m-%dT%H:%M:00.000Z', :first, '+' || i || ' minutes') AS at FROM n)
"""


def _project(root: Path, runs: int) -> datetime:
    """A project with one job of each minute, and so many of its runs. The time of one in the middle."""
    (root / "jobs.d").mkdir(parents=True)
    (root / "jobs.d/often.yaml").write_text(_MANIFEST)
    (root / "jeeves-runner.yaml").write_text("run_retention: 3000d\n")
    process([*_PROGRAM, "apply"], root)
    now = SystemClock().now().astimezone(UTC).replace(second=0, microsecond=0)
    first = now - timedelta(minutes=runs)
    with closing(connect(root / "data/runner.sqlite")) as conn:
        conn.execute("PRAGMA synchronous=OFF; BEGIN")
        conn.execute(_FILL, {"rows": runs, "first": to_text(first)})
        conn.execute(
            "UPDATE jobs SET created_at = ?1, schedule_since = ?1, decided_until = ?2",
            (to_text(first - timedelta(minutes=1)), to_text(now)),
        )
        conn.execute("COMMIT")
    return first + timedelta(minutes=runs // 2)


def main(rounds: int = 20) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        places = {root: to_text(_project(root, runs)) for root, runs in ((few, FEW), (many, RUNS))}
        actions = [
            lambda call=call, root=root: _asked(root, call, places[root])
            for call in _CALLS.values()
            for root in (few, many)
        ]
        found = medians(actions, rounds)
    return [
        Row(what=f"{name} of {RUNS:,} runs", value=ms(most), floor=ms(least), met=most <= _MOST)
        for name, least, most in zip(_CALLS, found[::2], found[1::2], strict=True)
    ]


def _asked(root: Path, call: str, at: str) -> float:
    """Seconds that a new process takes for its first answer once it has opened the database."""
    words = [sys.executable, "-c", _ASK.format(call=call), str(root / "data/runner.sqlite"), at]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
