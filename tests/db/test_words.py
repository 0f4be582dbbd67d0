"""The words of the database are those of the model, and the rules of a run's life hold for every writer."""

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import apsw
import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import (
    CancelCause,
    JobType,
    OverlapPolicy,
    OverrideKind,
    Reason,
    RunStatus,
    SourceType,
    Trigger,
)
from jeeves_runner.core.origin import AppliedBy, SourceKind
from jeeves_runner.db import run_ends, run_entries, run_requests, runs
from jeeves_runner.db.jobs import job_row
from jeeves_runner.db.run_entries import Occurrence

WORDS = [
    ("jobs", "type", JobType),
    ("jobs", "source_type", SourceType),
    ("jobs", "overlap_policy", OverlapPolicy),
    ("runs", "status", RunStatus),
    ("runs", "trigger", Trigger),
    ("runs", "reason", Reason),
    ("runs", "cancel_cause", CancelCause),
    ("overrides", "kind", OverrideKind),
    ("source", "kind", SourceKind),
    ("revisions", "applied_by", AppliedBy),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("job")
    return made


@pytest.mark.parametrize(("table", "column", "words"), WORDS, ids=str)
def test_a_column_takes_the_words_of_the_model_and_no_others(
    ledger: Ledger, table: str, column: str, words: type[StrEnum]
) -> None:
    sql: str = ledger.conn.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).get
    (listed,) = re.findall(rf"CHECK \({column} IN \(([^)]*)\)\)", sql)
    assert re.findall(r"'(\w+)'", listed) == list(words)


@pytest.mark.parametrize("trigger", list(Trigger))
def test_the_database_and_the_model_agree_on_what_an_occurrence_is(ledger: Ledger, trigger: Trigger) -> None:
    run = ledger.add_run("job", "scheduled", trigger=trigger)
    told = ledger.conn.execute("SELECT is_occurrence FROM runs WHERE id = ?", (run,)).get
    assert bool(told) is trigger.is_occurrence


@pytest.mark.parametrize("status", [status for status in RunStatus if status.is_final])
def test_no_run_becomes_final_without_the_number_of_its_end(ledger: Ledger, status: RunStatus) -> None:
    with pytest.raises(apsw.ConstraintError):
        ledger.add_run("job", status, end_seq=None)


def test_a_run_that_has_started_may_be_skipped_and_is_not_joined(ledger: Ledger) -> None:
    run = ledger.add_run("job", "running", trigger="schedule", scheduled_for=to_text(ledger.at(minutes=1)))
    ledger.conn.execute(
        "UPDATE runs SET status = 'skipped', reason = 'paused', finished_at = ?, end_seq = 1 WHERE id = ?",
        (to_text(ledger.now), run),
    )
    with ledger.tx() as tx:
        skipped = run_entries.enter_skipped(tx, occurrence(ledger, minutes=0), Reason.PAUSED, None)
    assert skipped is not None
    assert skipped.id > run
    with ledger.tx() as tx:
        joined = run_entries.enter_skipped(tx, occurrence(ledger, minutes=1), Reason.PAUSED, None)
    assert joined is not None
    assert (joined.id, joined.occurrences) == (skipped.id, 2)


def occurrence(ledger: Ledger, minutes: float, trigger: Trigger = Trigger.SCHEDULE) -> Occurrence:
    """So many minutes from now."""
    row = job_row(ledger.conn, "job")
    assert row is not None
    return Occurrence(
        job_id="job",
        spec_hash=row.spec_hash,
        trigger=trigger,
        epoch=1,
        scheduled_for=ledger.now + timedelta(minutes=minutes),
    )


def watermark(ledger: Ledger) -> str | None:
    row = job_row(ledger.conn, "job")
    assert row is not None
    return row.decided_until


def test_the_watermark_moves_forward_and_refuses_what_is_before_it(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        assert run_entries.enter_waiting(tx, occurrence(ledger, 2), None, None) is not None
        assert run_entries.enter_waiting(tx, occurrence(ledger, 1), None, None) is None
    assert watermark(ledger) == to_text(ledger.at(minutes=-2))


@pytest.mark.parametrize("trigger", [trigger for trigger in Trigger if not trigger.is_occurrence])
def test_nothing_but_an_occurrence_moves_the_watermark(ledger: Ledger, trigger: Trigger) -> None:
    with pytest.raises(ValueError, match="is no occurrence"), ledger.tx() as tx:
        run_entries.enter_missed(tx, occurrence(ledger, 1, trigger), Reason.LATE)
    with ledger.tx() as tx:
        run_requests.request_run(tx, run_requests.RunRequest(job_id="job", trigger=trigger))
    assert watermark(ledger) is None


def test_ends_are_numbered_in_the_order_of_their_commits_whatever_is_deleted(ledger: Ledger) -> None:
    waiting = [ledger.add_run("job", "scheduled") for _ in range(3)]
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, waiting[1], RunStatus.CANCELLED, Reason.CANCEL)
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, waiting[0], RunStatus.CANCELLED, Reason.CANCEL)
    seen = runs.newest_end(ledger.conn)
    assert [row.run_id for row in runs.ended_since(ledger.conn, 0)] == [waiting[1], waiting[0]]
    ledger.conn.execute("DELETE FROM runs WHERE finished_at IS NOT NULL")
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, waiting[2], RunStatus.CANCELLED, Reason.CANCEL)
    assert [row.run_id for row in runs.ended_since(ledger.conn, seen)] == [waiting[2]]
