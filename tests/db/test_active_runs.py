"""Whether a run of a job is active: one look into an index, however many runs of others wait or are over."""

from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger

from jeeves_runner.db import after, change_watches, lateness, queue_triggers, renames, why_starts

STATEMENTS: dict[str, tuple[str, Any]] = {
    "after": (after._STANDS, ("b",)),
    "change": (change_watches._JOB, {"job": "b"}),
    "queue": (queue_triggers._ACTIVE_JOBS, ('["b"]',)),
    "rename": (renames._CARRY[-1], {"pairs": "[]"}),
    "late": (lateness._STILL_LATE, {"job": "b", "bit": 1}),
    "lasts": (lateness._STILL, {"job": "b", "bit": 1}),
    "why": (why_starts._ACTIVE, ("b",)),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_only_the_active_runs_of_the_job_are_looked_at(tmp_path: Path, name: str) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    statement, bindings = STATEMENTS[name]
    steps = ledger.conn.execute(f"EXPLAIN QUERY PLAN {statement}", bindings).fetchall()
    ledger.conn.close()
    found = [str(step) for *_, step in steps if " runs " in str(step)]
    assert found
    assert all("runs_active (status=? AND job_id=?)" in step for step in found), found
