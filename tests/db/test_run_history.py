"""How the last runs of jobs went: given runs, then a little of each."""

from pathlib import Path

from support.ledger import Ledger

from jeeves_runner.db.run_history import last_outcomes


def test_the_newest_runs_of_each_job_come_the_oldest_first(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    for job_id in ("a", "b", "c"):
        ledger.add_job(job_id)
    ids = [ledger.add_run("a", status) for status in ("ok", "error", "skipped", "running")]
    ledger.add_run("b")
    found = last_outcomes(ledger.conn, ["a", "c"], 3)
    assert [(run.id, run.status, run.duration_ms) for run in found["a"]] == [
        (ids[1], "error", 1000),
        (ids[2], "skipped", None),
        (ids[3], "running", None),
    ]
    assert found["c"] == []
    assert "b" not in found
