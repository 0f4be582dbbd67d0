"""What a message tells of, from the rows of a database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.telling import Changed
from jeeves_runner.core.model import Retries, RunStatus, Trigger
from jeeves_runner.db.alert_facts import LAST_OK, USUAL, changed_since_ok, told_job, told_run, usual_ms


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a", owner="ops", schedule=("0 3 * * *",), retries=Retries(2))
    yield ledger
    ledger.conn.close()


def revise(ledger: Ledger, job: str, *fields: str) -> int:
    change = {"action": "update", "kind": "job", "id": job, "fields": [{"path": each} for each in fields]}
    columns = {"applied_by": "cli", "created": 0, "updated": 1, "deleted": 0, "drifted": 0, "held": "[]"}
    return ledger._insert(
        "revisions",
        **columns,
        applied_at=to_text(ledger.now),
        commit="beef" * 10,
        author="Bob",
        subject="Faster",
        changes=json.dumps([change]),
    )


def test_the_usual_time_is_the_median_of_the_last_runs_that_were_ok(ledger: Ledger) -> None:
    for length in (1_000, 2_000, 90_000, 3_000):
        ledger.add_run("a", duration_ms=length)
    assert usual_ms(ledger.conn, "a") is None
    ledger.add_run("a", "error", duration_ms=1)
    ledger.add_run("a", duration_ms=4_000)
    assert usual_ms(ledger.conn, "a") == 3_000
    for _ in range(20):
        ledger.add_run("a", duration_ms=7_000)
    assert usual_ms(ledger.conn, "a") == 7_000


def test_what_was_ok_counts_however_many_runs_had_nothing_to_do_since(ledger: Ledger) -> None:
    before = revise(ledger, "a", "env")
    for _ in range(5):
        ledger.add_run("a", duration_ms=2_000, revision_id=before)
    since = revise(ledger, "a", "timeout_ms")
    for _ in range(1_500):
        ledger.add_run("a", "skipped", reason="precheck", duration_ms=1, revision_id=since)
    failed = ledger.add_run("a", "error", exit_code=3, revision_id=since)
    assert usual_ms(ledger.conn, "a") == 2_000
    assert usual_ms(ledger.conn, "a", before=failed) == 2_000
    changed = changed_since_ok(ledger.conn, "a", failed)
    assert changed is not None
    assert changed.fields == ("timeout",)


def test_runs_that_were_ok_are_found_by_index(ledger: Ledger) -> None:
    for sql in (USUAL, LAST_OK):
        plan = [
            row[3]
            for row in ledger.conn.execute(f"EXPLAIN QUERY PLAN {sql}", {"job": "a", "before": 9, "most": 20})
        ]
        assert plan == ["SEARCH runs USING INDEX runs_ok (job_id=? AND id<?)"]


def test_a_job_is_told_with_its_next_time(ledger: Ledger) -> None:
    job = told_job(ledger.conn, "a", ledger.now)
    assert job is not None
    assert (job.owner, job.coming) == ("ops", datetime(2026, 3, 2, 3, tzinfo=UTC))
    ledger.delete_job("a")
    deleted = told_job(ledger.conn, "a", ledger.now)
    assert deleted is not None
    assert deleted.coming is None
    assert told_job(ledger.conn, "b", ledger.now) is None


def test_of_a_paused_job_nothing_is_said_to_come_before_the_pause_is_over(ledger: Ledger) -> None:
    def coming() -> datetime | None:
        job = told_job(ledger.conn, "a", ledger.now)
        assert job is not None
        return job.coming

    usual = coming()
    assert usual is not None
    ledger.pause("a", until=usual)
    assert coming() == usual
    ledger.pause(None, until=usual + timedelta(hours=1))
    assert coming() == usual + timedelta(days=1)
    ledger.conn.execute("DELETE FROM overrides")
    ledger.pause("a")
    assert coming() is None


def test_a_run_is_told_with_the_attempts_it_could_have_had(ledger: Ledger) -> None:
    number = ledger.add_run("a", "error", exit_code=3, attempt=3, stderr="no space")
    run = told_run(ledger.conn, number)
    assert run is not None
    assert (run.status, run.attempt, run.attempts, run.stderr) == (RunStatus.ERROR, 3, 3, "no space")
    assert told_run(ledger.conn, 99) is None


def test_an_attempt_is_told_with_what_the_first_one_was_for(ledger: Ledger) -> None:
    first = ledger.add_run("a", "error", trigger="manual")
    run = told_run(ledger.conn, ledger.add_run("a", "error", trigger="retry", chain_id=first, attempt=5))
    assert run is not None
    assert (run.trigger, run.attempt, run.attempts) == (Trigger.MANUAL, 5, 5)


def test_of_many_runs_the_outputs_are_not_read(ledger: Ledger) -> None:
    number = ledger.add_run("a", "error", stdout="x" * 100, stderr="y" * 100, message="it broke")
    run = told_run(ledger.conn, number, with_outputs=False)
    assert run is not None
    assert (run.stdout, run.stderr, run.message) == (None, None, "it broke")


def test_what_has_changed_since_it_was_ok_comes_from_the_revisions_between(ledger: Ledger) -> None:
    ledger.add_run("a", revision_id=ledger.revision, script_hash="00")
    revise(ledger, "a", "timeout_ms", "env.KEY")
    revise(ledger, "b", "script")
    last = revise(ledger, "a", "timeout_ms")
    failed = ledger.add_run("a", "error", revision_id=last, script_hash="11")
    assert changed_since_ok(ledger.conn, "a", failed) == Changed(
        ("timeout", "env", "script"), "beef" * 10, "Bob", "Faster"
    )


def test_nothing_has_changed_where_nothing_has_or_where_nothing_was_ok(ledger: Ledger) -> None:
    failed = ledger.add_run("a", "error", revision_id=ledger.revision, script_hash="00")
    assert changed_since_ok(ledger.conn, "a", failed) is None
    ledger.add_run("a", revision_id=ledger.revision, script_hash="00")
    again = ledger.add_run("a", "error", revision_id=ledger.revision, script_hash="00")
    assert changed_since_ok(ledger.conn, "a", again) is None


def test_a_script_that_was_edited_without_a_commit_is_a_change(ledger: Ledger) -> None:
    ledger.add_run("a", revision_id=ledger.revision, script_hash="00")
    failed = ledger.add_run("a", "error", revision_id=ledger.revision, script_hash="11")
    assert changed_since_ok(ledger.conn, "a", failed) == Changed(("script",), None, None, None)
