"""What the end of a run says of its start and its length, where no look has seen it before."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.alerts import AlertLedger

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import Precheck, Retries, RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import lateness
from jeeves_runner.db.lateness import Found
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting

MINUTE = 60_000
SOON = Expect(start_within_ms=5 * MINUTE)
SHORT = Expect(finish_within_ms=10 * MINUTE)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    yield made
    made.conn.close()


def ends(
    ledger: AlertLedger,
    job_id: str = "a",
    status: str = "ok",
    *,
    late: float = 0,
    took: float = 1,
    retries: Retries | None = None,
    **columns: Any,
) -> int:
    """A run of an occurrence of now begins ``late`` minutes after it, and takes so many. Its id."""
    due = ledger.now
    ledger.clock.advance(minutes=late + took)
    began = to_text(ledger.at(minutes=took))
    row = {"trigger": "schedule", "scheduled_for": to_text(due), "started_at": began, **columns}
    run_id = ledger.add_run(job_id, "running", **row)
    if row["trigger"] == "schedule":  # as its entry does
        last = to_text(ledger.at(seconds=1))
        ledger.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = ?", (last, job_id))
    record = RunRecord(duration_ms=round(took * MINUTE))
    with ledger.tx() as tx:
        end_running(tx, run_id, Outcome(RunStatus(status)), record, retries)
    ledger.clock.advance(minutes=1)
    return run_id


def words(ledger: AlertLedger) -> list[str]:
    rows = ledger.conn.execute("SELECT facts ->> '$.words' FROM outbox WHERE said = 'opened' ORDER BY id")
    return [str(text) for (text,) in rows]


def counts(ledger: AlertLedger) -> list[tuple[str, int]]:
    """What is open, and how often it has happened."""
    rows = ledger.conn.execute("SELECT cause, count FROM incidents WHERE closed_at IS NULL ORDER BY cause")
    return [(str(cause), int(count)) for cause, count in rows]


def test_a_run_that_started_late_between_two_looks_is_told_at_its_end(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON, timezone="Europe/Berlin")
    ends(ledger, late=12)
    assert ledger.said() == ["opened late"]
    assert words(ledger) == ["started 12m after 13:00 (expected within 5m)"]


def test_a_start_in_time_closes_late_and_a_further_late_one_counts(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON)
    for late in (12, 5.001):
        ends(ledger, late=late)
    assert counts(ledger) == [("late", 2)]
    ends(ledger, late=5)
    assert (ledger.said(), counts(ledger)) == (["opened late", "recovered late"], [])


@pytest.mark.parametrize("status", ["ok", "error", "timeout", "interrupted", "cancelled", "skipped"])
def test_a_start_counts_whatever_its_end_is(ledger: AlertLedger, status: str) -> None:
    ledger.add_told_job("a", expect=SOON, alert=Alert(on=("late",)))
    ends(ledger, status=status, late=12)
    assert ledger.said() == ["opened late"]
    ends(ledger, status=status)
    assert ledger.said() == ["recovered late"]


def test_a_first_attempt_that_is_retried_started_late_all_the_same(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON)
    first = ends(ledger, status="error", late=12, retries=Retries(limit=1))
    due = to_text(ledger.at(hours=1))
    ends(ledger, trigger="retry", attempt=2, chain_id=first, scheduled_for=due)
    assert (ledger.said(), counts(ledger)) == (["opened late"], [("late", 1)])


def test_what_a_person_held_back_by_a_pause_is_not_late(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON)
    ledger.pause("a", until=ledger.now + timedelta(minutes=30))
    ends(ledger, late=35)
    assert ledger.said() == []
    ends(ledger, late=6)
    assert ledger.said() == ["opened late"]
    ledger.conn.execute("UPDATE overrides SET created_at = ?, until = ?", (to_text(ledger.now), None))
    ends(ledger, late=35)
    assert counts(ledger) == [("late", 1)]  # nor in time


def test_the_work_may_start_after_its_precheck(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON, precheck=Precheck(run="true"))
    ends(ledger, late=5.4)
    assert ledger.said() == []
    ends(ledger, late=5.6)
    assert ledger.said() == ["opened late"]


def test_a_run_that_took_too_long_is_told_and_one_that_did_not_closes_it(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SHORT)
    ends(ledger, took=10)
    assert ledger.said() == []
    ends(ledger, took=123)
    assert (ledger.said(), words(ledger)) == (["opened overrun"], ["ran for 2h 3m (expected within 10m)"])
    for status in ("skipped", "cancelled", "interrupted"):
        ends(ledger, status=status)
    assert ledger.said() == (["opened interrupted"])
    ends(ledger, status="error")
    assert ledger.said() == ["recovered overrun", "opened failure"]


def test_a_run_that_ended_after_its_time_of_day_is_told(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=Expect(finish_by="13:30"), timezone="Europe/Berlin")
    ends(ledger, took=30)
    ledger.clock.advance(hours=23, minutes=29)
    ends(ledger, took=31)
    assert (ledger.said(), words(ledger)) == (["opened overrun"], ["ended at 13:31 (expected by 13:30)"])


def test_the_time_of_day_of_a_run_by_hand_is_the_first_after_its_start(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=Expect(finish_by="13:30"))
    ends(ledger, took=88, trigger="manual", scheduled_for=None)
    assert ledger.said() == []
    ends(ledger, took=3, trigger="manual", scheduled_for=None)
    assert ledger.said() == ["opened overrun"]


def test_without_expectations_twice_the_usual_time_is_too_long(ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    for _ in range(4):
        ends(ledger, took=40, trigger="manual", scheduled_for=None)
    ends(ledger, took=400, trigger="manual", scheduled_for=None)
    assert ledger.said() == []  # four before it say nothing of what is usual
    ends(ledger, took=81, trigger="manual", scheduled_for=None)
    assert (ledger.said(), words(ledger)) == (["opened overrun"], ["ran for 1h 21m, usually 40m"])
    ends(ledger, took=80, trigger="manual", scheduled_for=None)
    assert ledger.said() == ["recovered overrun"]


def test_short_runs_are_never_too_long_before_five_minutes(ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    for _ in range(5):
        ends(ledger, took=0.1)
    ends(ledger, took=5)
    assert ledger.said() == []
    ends(ledger, took=5.1)
    assert ledger.said() == ["opened overrun"]


def test_a_run_that_outlasts_the_time_to_the_next_is_told_once(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", schedule=("*/30 * * * *",), expect=Expect(finish_within_ms=600 * MINUTE))
    for took in (30, 29, 29):
        ends(ledger, took=took)
        assert counts(ledger) == ([("outlasts", 1)] if took == 30 else [])
        ledger.clock.advance(minutes=-ledger.now.minute % 30)
    assert ledger.said() == ["opened outlasts", "recovered outlasts"]
    assert words(ledger) == ["takes longer than the time to its next run (30m)"]


def test_runs_that_did_not_come_by_the_schedule_say_nothing_of_the_time_between(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", schedule=("*/30 * * * *",), expect=Expect(finish_within_ms=600 * MINUTE))
    ends(ledger, took=90, trigger="manual", scheduled_for=None)
    assert ledger.said() == []
    ledger.clock.advance(minutes=-ledger.now.minute % 30)
    ends(ledger, took=90)
    ends(ledger, took=1, trigger="manual", scheduled_for=None)
    assert ledger.said() == ["opened outlasts"]


def test_a_run_that_started_late_is_not_longer_for_it(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", schedule=("0 * * * *",))
    ends(ledger, took=10, late=55)
    assert ledger.said() == []


def test_backfill_counts_for_nothing(ledger: AlertLedger) -> None:
    expect = Expect(start_within_ms=1, finish_within_ms=1, finish_by="00:00")
    ledger.add_told_job("a", schedule=("* * * * *",), expect=expect)
    first = ends(ledger, late=60, took=90, trigger="backfill", status="error", retries=Retries(limit=1))
    ends(ledger, late=60, took=90, trigger="retry", attempt=2, chain_id=first)
    assert (ledger.said(), counts(ledger)) == ([], [])


def test_causes_that_the_job_does_not_choose_are_not_noted(ledger: AlertLedger) -> None:
    expect = Expect(start_within_ms=1, finish_within_ms=1)
    ledger.add_told_job("a", schedule=("* * * * *",), expect=expect, alert=Alert(on=("failure",)))
    run_id = ends(ledger, late=60, took=90)
    noted = ledger.conn.execute("SELECT noted FROM runs WHERE id = ?", (run_id,)).get
    assert (ledger.said(), counts(ledger), noted) == ([], [], 0)


def test_one_that_runs_on_too_long_keeps_it_open_whatever_ends_meanwhile(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SHORT, overlap_policy="allow")
    ends(ledger, took=20)
    hangs = ledger.add_run("a", "running", noted=2)
    ledger.said()
    ends(ledger, took=1)
    assert (ledger.said(), counts(ledger)) == ([], [("overrun", 1)])
    with ledger.tx() as tx:
        end_running(tx, hangs, Outcome(RunStatus.OK), RunRecord(duration_ms=50 * MINUTE), None)
    assert counts(ledger) == [("overrun", 1)]  # it had been counted
    ends(ledger, took=1)
    assert ledger.said() == ["recovered overrun"]


def test_of_a_job_that_has_no_schedule_any_more_any_run_ends_what_was_open_of_it(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON, schedule=("0 * * * *",))
    ends(ledger, late=6, took=61)
    ends(ledger, trigger="manual", scheduled_for=None)
    assert counts(ledger) == [("late", 1), ("outlasts", 1)]
    ledger.add_told_job("a", expect=SOON)
    ends(ledger, trigger="manual", scheduled_for=None)
    assert (ledger.said()[-2:], counts(ledger)) == (["recovered late", "recovered outlasts"], [])


def test_a_run_before_the_last_late_one_proves_nothing(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SHORT, overlap_policy="allow")
    older = ledger.add_run("a", "running", started_at=to_text(ledger.now))
    ends(ledger, took=20)
    with ledger.tx() as tx:
        end_running(tx, older, Outcome(RunStatus.OK), RunRecord(duration_ms=MINUTE), None)
    assert (ledger.said(), counts(ledger)) == (["opened overrun"], [("overrun", 1)])


def test_of_what_takes_too_long_the_attempts_of_one_chain_count_once(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=Expect(finish_by="12:00"))
    ledger.clock.advance(minutes=30)
    due = to_text(ledger.at(minutes=31))
    first = ends(ledger, status="error", retries=Retries(limit=1), scheduled_for=due)
    ends(ledger, trigger="retry", attempt=2, chain_id=first, scheduled_for=due)
    assert (ledger.said(), counts(ledger)) == (["opened overrun"], [("overrun", 1)])


def test_what_two_looks_have_found_counts_once(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SHORT)
    run_id = ledger.add_run("a", "running")
    (run,) = lateness.watched(ledger.conn, [run_id])
    found = [Found(run, Cause.OVERRUN, {"words": "still runs"})]
    for _ in range(2):
        with ledger.tx() as tx:
            lateness.record(tx, found)
    assert (ledger.said(), counts(ledger)) == (["opened overrun"], [("overrun", 1)])


def test_runs_that_never_start_say_nothing_of_time(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=SOON)
    due = to_text(ledger.at(hours=1))
    run_id = ledger.add_run("a", "scheduled", trigger="schedule", scheduled_for=due)
    with ledger.tx() as tx:
        end_waiting(tx, run_id, RunStatus.CANCELLED, None)
    assert ledger.said() == []


def test_when_nothing_is_expected_any_more_the_next_run_closes_it(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", expect=Expect(start_within_ms=MINUTE, finish_within_ms=MINUTE))
    ends(ledger, late=2, took=2)
    assert ledger.said() == ["opened late", "opened overrun"]
    ledger.add_told_job("a")
    ends(ledger, late=2, took=2)
    assert ledger.said() == ["recovered late", "recovered overrun"]
