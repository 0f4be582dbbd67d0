"""Many small jobs for ``support.dashboard_world``, for long lists: their manifests and a history."""

from datetime import datetime, timedelta
from typing import Final

import apsw

from jeeves_runner.clock import to_text

_A_FILE: Final = 500
_RUNS: Final = 30
_TEAMS: Final = ("ann", "ben", "carla", "mia", "ops", "web")
_REGIONS: Final = ("eu", "us", "ap", "sa", "af")


def many_manifests(count: int) -> dict[str, str]:
    """The files of so many jobs, each once a day at a time of its own."""
    files = {}
    for first in range(0, count, _A_FILE):
        numbers = range(first, min(count, first + _A_FILE))
        files[f"jobs.d/probes/{first:05}.yaml"] = "jobs:\n" + "".join(map(_job, numbers))
    return files


def _job(number: int) -> str:
    region, owner = _REGIONS[number % len(_REGIONS)], _TEAMS[number % len(_TEAMS)]
    return (
        f"  - id: probe-{number:05}\n    name: Probe {number} of {region}\n    schedule: H H * * *\n"
        f"    run: 'true'\n    timeout: 1m\n    owner: {owner}\n    tags: [probe, {region}]\n"
    )


def write_many(conn: apsw.Connection, now: datetime) -> None:
    """Thirty runs of each, one a day; one in twenty has failed, and of one job in fifty the last."""
    begin = to_text(now - timedelta(days=_RUNS)).removesuffix("Z")
    ends: int = conn.execute("SELECT value FROM sequences WHERE name = 'run_ends'").get
    conn.execute(_RUNS_OF_MANY, {"runs": _RUNS, "begin": begin, "ends": ends})
    conn.execute(_NEWEST_END)


_RUNS_OF_MANY: Final = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :runs - 1),
mine (job, spec_hash, revision, file, number) AS (
  SELECT id, spec_hash, revision_id, file, substr(id, 7) + 0 FROM jobs
  WHERE id LIKE 'probe-%' AND deleted_at IS NULL),
one AS (
  SELECT *, strftime('%Y-%m-%dT%H:%M:%S.000Z', :begin, (i * 86400 + number * 7 % 80000) || ' seconds') AS at,
         (number + i) % 20 = 0 OR (number % 50 = 7 AND i = :runs - 1) AS fails
  FROM n, mine)
INSERT INTO runs (job_id, status, trigger, scheduled_for, created_at, started_at, finished_at, duration_ms,
                  exit_code, end_seq, spec_hash, revision_id, file, epoch, message)
SELECT job, iif(fails, 'error', 'ok'), 'schedule', at, at, at, at, 20 + (number * 7 + i * 131) % 400, fails,
       :ends + row_number() OVER (ORDER BY at), spec_hash, revision, file, 1,
       iif(fails, 'it exited with code 1', NULL)
FROM one ORDER BY at
"""
_NEWEST_END: Final = """
UPDATE sequences SET value = coalesce((SELECT max(end_seq) FROM runs), 0) WHERE name = 'run_ends'
"""
