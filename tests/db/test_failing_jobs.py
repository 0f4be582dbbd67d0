"""Which jobs fail, and how many times in a row."""

from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.db.failing_jobs import MOST_IN_A_ROW, failing_jobs


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("job")
    return made


def _found(ledger: Ledger) -> list[tuple[str, int, str, int]]:
    return [(job.job_id, job.run_id, job.status, job.times) for job in failing_jobs(ledger.conn)]


def test_failures_are_counted_back_to_the_last_good_run(ledger: Ledger) -> None:
    ids = [
        ledger.add_run("job", each) for each in ("error", "ok", "error", "timeout", "skipped", "interrupted")
    ]
    assert _found(ledger) == [("job", ids[-1], "interrupted", 3)]


def test_one_that_runs_again_fails_until_it_has_ended_well(ledger: Ledger) -> None:
    failed = ledger.add_run("job", "error")
    ledger.add_run("job", "running")
    assert _found(ledger) == [("job", failed, "error", 1)]
    ledger.add_run("job", "ok")
    assert _found(ledger) == []


@pytest.mark.parametrize("last", ["ok", "cancelled"])
def test_no_job_fails_whose_last_run_did_not_end_badly(ledger: Ledger, last: str) -> None:
    for status in ("error", last, "skipped", "missed", "scheduled"):
        ledger.add_run("job", status)
    assert _found(ledger) == []


@pytest.mark.parametrize("change", ["enabled = 0", "deleted_at = updated_at"])
def test_jobs_that_are_disabled_or_deleted_do_not_fail(ledger: Ledger, change: str) -> None:
    ledger.add_run("job", "error")
    ledger.conn.execute(f"UPDATE jobs SET {change}")
    assert _found(ledger) == []


def test_no_more_runs_are_counted_than_are_worth_telling(ledger: Ledger) -> None:
    for _ in range(MOST_IN_A_ROW + 5):
        newest = ledger.add_run("job", "error")
    assert _found(ledger) == [("job", newest, "error", MOST_IN_A_ROW)]
