"""Which jobs fail, and how many times in a row."""

from pathlib import Path
from typing import Final

import pytest
from support.job_steps import BEFORE, STEPS
from support.ledger import Ledger

from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.failing_jobs import MOST_IN_A_ROW, KnownFailing, failing_jobs

MORE: Final = (
    "UPDATE jobs SET enabled = NOT enabled WHERE id = 'a'",
    "UPDATE jobs SET deleted_at = iif(deleted_at IS NULL, updated_at, NULL) WHERE id = 'a'",
    "UPDATE runs SET message = 'by hand'",
)
"""What else makes others of the jobs that fail."""

FAILING: Final = (
    ("UPDATE jobs SET enabled = 0", *BEFORE["a run that has ended"]),
    ("UPDATE jobs SET deleted_at = updated_at", *BEFORE["a run that has ended"]),
    tuple(BEFORE["a run that has ended"]) * 3,
)
"""More that has come to pass."""


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


@pytest.mark.parametrize("step", [*STEPS, *MORE])
def test_what_is_known_is_what_would_be_read_now(tmp_path: Path, step: str) -> None:
    for number, statements in enumerate((*BEFORE.values(), *FAILING)):
        for more in ((), (step,)):
            ledger = Ledger(tmp_path / f"{number}-{len(more)}.sqlite")
            for job_id in ("a", "b"):
                ledger.add_job(job_id)
            for each in (*statements, *more):
                ledger.conn.execute(each)
            known = KnownFailing()
            for again in (None, step, step):
                if again is not None:
                    ledger.conn.execute(again)
                with snapshot(ledger.conn):
                    known_now, now = known(ledger.conn), failing_jobs(ledger.conn)
                # A failure that was forgotten since goes on counting.
                assert [job._replace(times=0) for job in known_now] == [job._replace(times=0) for job in now]
                assert all(job.times >= other.times for job, other in zip(known_now, now, strict=True))
                assert known_now == now or step.startswith("DELETE FROM runs WHERE id = (SELECT min")
            ledger.conn.close()
