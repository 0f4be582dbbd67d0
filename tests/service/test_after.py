"""A server that is killed again and again: each end that a job comes after is consumed once."""

import json
from collections import Counter
from pathlib import Path

import apsw
import pytest
from support.server import database, new_project, save, serving, until

from jeeves_runner.db.connection import connect

pytestmark = pytest.mark.service

JOBS = """
jobs:
  - {id: first, run: "sleep 0.1; exit $((JR_RUN_ID % 2))", schedule: "* * * * * *", timeout: 10s}
  - {id: other, run: "true", schedule: "*/2 * * * * *", timeout: 10s}
  - {id: next, run: "sleep 0.3", timeout: 10s, after: {jobs: [first, other], when: finished}}
"""


def test_no_end_is_lost_or_followed_twice_by_a_killed_server(tmp_path: Path) -> None:
    new_project(tmp_path)
    save(tmp_path, "pipeline.yaml", JOBS)
    for kills in range(1, 5):
        with serving(tmp_path) as server:
            conn = connect(database(tmp_path))
            wanted = 2 * kills
            until(lambda: conn.execute(_FOLLOWED).get >= wanted)  # noqa: B023 - it is called here
            server.kill()
            consumed = Counter(_consumed(conn))
            counted = {run_id for (run_id,) in conn.execute(_COUNTED)}
            conn.close()
        assert set(consumed.values()) == {1}
        assert set(consumed) == counted


_FOLLOWED = "SELECT count(*) FROM runs WHERE job_id = 'next' AND status = 'ok'"
_COUNTED = """
SELECT id FROM runs WHERE job_id IN ('first', 'other') AND started_at IS NOT NULL
AND status IN ('ok', 'error', 'interrupted')
"""


def _consumed(conn: apsw.Connection) -> list[int]:
    """The runs that runs of `next` follow from, and those that are yet to be followed."""
    rows = conn.execute("SELECT caused_by FROM runs WHERE job_id = 'next' AND trigger = 'after'")
    found = [run_id for (text,) in rows for run_id in json.loads(text)["runs"]]
    rows = conn.execute("SELECT runs FROM arrivals WHERE job_id = 'next'")
    return found + [run_id for (text,) in rows for run_id, _ in json.loads(text)]
