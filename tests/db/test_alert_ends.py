"""What the end of a run tells people: rows in the transaction of the end."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.model import CancelCause, Reason, Retries, RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import run_ends
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.runner import begin_epoch


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    made.add_told_job("a")
    yield made
    made.conn.close()


def rows(ledger: AlertLedger, *columns: str) -> list[tuple[object, ...]]:
    found = ledger.conn.execute(f"SELECT {', '.join(columns)} FROM outbox ORDER BY id")
    return list(found)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("error", ["opened failure"]),
        ("timeout", ["opened failure"]),
        ("interrupted", ["opened interrupted"]),
        ("cancelled", []),
        ("skipped", []),
        ("ok", []),
    ],
)
def test_bad_ends_are_told_and_no_others(ledger: AlertLedger, status: str, said: list[str]) -> None:
    run_id = ledger.end("a", status)
    assert ledger.said() == said
    assert rows(ledger, "channel", "job_id", "run_id") == [(OPS, "a", run_id)] * len(said)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.LATE, ["opened missed"]),
        (Reason.NO_CATCH_UP, ["opened missed"]),
        (Reason.SUPERSEDED, []),
    ],
)
def test_missed_occurrences_are_told_but_where_a_later_one_stood_for_them(
    ledger: AlertLedger, reason: Reason, said: list[str]
) -> None:
    ledger.miss("a", reason, occurrences=3)
    assert ledger.said() == said
    assert ledger.conn.execute("SELECT count FROM incidents").fetchall() == [(3,)] * len(said)


def test_what_was_missed_lasts_since_its_first_time(ledger: AlertLedger) -> None:
    due = ledger.now - timedelta(minutes=90)
    ledger.miss("a", Reason.LATE, scheduled_for=due, occurrences=3)
    ledger.clock.advance(minutes=10)
    ledger.miss("a", Reason.LATE, scheduled_for=ledger.now)
    opened = "SELECT opened_at, (SELECT facts ->> '$.opened_at' FROM outbox) FROM incidents"
    assert ledger.conn.execute(opened).fetchall() == [(to_text(due),) * 2]


def test_a_failure_is_told_once_its_retries_are_exhausted(ledger: AlertLedger) -> None:
    retries = Retries(limit=1)
    first = ledger.end("a", "error", retries)
    assert ledger.said() == []
    ledger.end("a", "error", retries, attempt=2, chain_id=first, trigger="retry")
    assert ledger.said() == ["opened failure"]


def test_a_failure_whose_retry_is_skipped_is_told_with_why(ledger: AlertLedger) -> None:
    ledger.add_told_job("b", output_channel=("C7777777",))
    first = ledger.end("b", "error", Retries(limit=1), stdout="half\n")
    assert ledger.said() == []
    retry = ledger.conn.execute("SELECT id FROM runs WHERE chain_id = ?", (first,)).get
    with ledger.tx() as tx:
        why = "60 of 60 tokens used today"
        run_ends.end_waiting(tx, retry, RunStatus.SKIPPED, Reason.TOKEN_BUDGET, message=why)
    assert ledger.said() == ["opened failure", "output"]
    assert rows(ledger, "run_id") == [(first,)] * 2
    lines = ledger.conn.execute("SELECT facts ->> '$.lines' FROM incidents").get
    assert json.loads(lines) == [["Not tried again", why]]


def test_the_last_attempt_that_is_kept_says_how_the_chain_failed(ledger: AlertLedger) -> None:
    first = ledger.add_run("a", "error")
    retry = ledger.add_run("a", "scheduled", attempt=3, chain_id=first, trigger="retry")
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, retry, RunStatus.SKIPPED, Reason.TOKEN_BUDGET)
    assert ledger.said() == ["opened failure"]


def test_a_retry_that_finds_nothing_to_do_has_mended_it(ledger: AlertLedger) -> None:
    first = ledger.end("a", "error", Retries(limit=1))
    ledger.end("a", "skipped", attempt=2, chain_id=first, trigger="retry")
    assert ledger.said() == []


def test_a_failed_run_that_was_replaced_is_not_told_of(ledger: AlertLedger) -> None:
    ledger.end("a", "error", Retries(limit=1), cancel_cause=CancelCause.REPLACED)
    assert (ledger.said(), ledger.count("runs", "reason = 'replaced'")) == ([], 1)


def test_a_waiting_run_that_is_cancelled_is_not_told_of(ledger: AlertLedger) -> None:
    run_id = ledger.add_run("a", "scheduled")
    with ledger.tx() as tx:
        run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)
    assert ledger.said() == []


def test_an_ok_end_closes_what_failed_was_interrupted_or_missed_and_nothing_else(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    ledger.end("a", "interrupted")
    ledger.miss("a")
    ledger.end("a", "skipped")
    ledger.end("a", "cancelled")
    assert ledger.open_causes() == ["failure", "interrupted", "missed"]
    ledger.said()
    ok = ledger.end("a", "ok")
    assert ledger.open_causes() == []
    assert ledger.said() == ["recovered failure", "recovered interrupted", "recovered missed"]
    assert rows(ledger, "run_id")[-3:] == [(ok,)] * 3


def test_a_cause_that_the_job_does_not_choose_opens_nothing(ledger: AlertLedger) -> None:
    ledger.add_told_job("b", alert=Alert(on=("missed",)))
    ledger.end("b", "error")
    ledger.miss("b")
    assert (ledger.said(), ledger.open_causes()) == (["opened missed"], ["missed"])


def test_a_job_without_channels_opens_an_incident_that_nobody_is_told_of(ledger: AlertLedger) -> None:
    ledger.add_job("b")
    ledger.end("b", "error")
    ledger.clock.advance(days=1)
    assert (ledger.review(), ledger.said(), ledger.open_causes()) == (0, [], ["failure"])


def test_success_and_output_are_told_where_the_job_says(ledger: AlertLedger) -> None:
    ledger.add_told_job("b", on_success=("webhook:good",), output_channel=("C7777777", "email:a@b.example"))
    run_id = ledger.end("b", "ok", stdout="3 files\n")
    assert rows(ledger, "said", "cause", "channel", "run_id") == [
        ("event", "success", "webhook:good", run_id),
        ("output", None, "C7777777", run_id),
        ("output", None, "email:a@b.example", run_id),
    ]


@pytest.mark.parametrize(
    ("status", "stdout", "is_told"),
    [
        ("ok", " \n", False),
        ("ok", None, False),
        ("error", "half\n", True),
        ("skipped", "nothing to do\n", False),
        ("cancelled", "half\n", False),
    ],
)
def test_output_is_told_of_runs_that_did_something(
    ledger: AlertLedger, status: str, stdout: str | None, is_told: bool
) -> None:
    ledger.add_told_job("b", output_channel=("C7777777",))
    ledger.end("b", status, stdout=stdout)
    assert ("output" in ledger.said()) is is_told


def test_nothing_of_a_muted_job_is_told_not_even_success_and_output(ledger: AlertLedger) -> None:
    ledger.add_told_job("b", on_success=(OPS,), output_channel=(OPS,))
    ledger.mute("b")
    ledger.end("b", "ok", stdout="3 files\n")
    ledger.end("b", "error", stdout="half\n")
    assert (ledger.said(), ledger.open_causes()) == ([], ["failure"])


def test_a_backfill_says_nothing_of_how_the_job_does_now(ledger: AlertLedger) -> None:
    ledger.add_told_job("b", on_success=(OPS,), output_channel=(OPS,))
    ledger.end("b", "error")
    ledger.said()
    first = ledger.end("b", "ok", trigger="backfill", stdout="of May\n")
    ledger.end("b", "error", trigger="backfill")
    ledger.end("b", "ok", trigger="retry", chain_id=first, attempt=2)
    assert (ledger.said(), ledger.open_causes()) == ([], ["failure"])
    assert ledger.conn.execute("SELECT count FROM incidents").get == 1


def test_what_one_stop_of_the_runner_interrupts_is_one_message(ledger: AlertLedger) -> None:
    ledger.add_told_job("b")
    for job_id in ("a", "b"):
        ledger.end(job_id, "interrupted", epoch=7, cancel_cause=CancelCause.SHUTDOWN)
        ledger.clock.advance(seconds=1)
    assert rows(ledger, "bundle", "not_before", "delay_ms") == [
        ("stop 7", "2026-03-01T12:00:05.000Z", 5000),
        ("stop 7", "2026-03-01T12:00:06.000Z", 5000),
    ]


def test_what_a_dead_runner_left_is_one_message_at_once(ledger: AlertLedger) -> None:
    with ledger.tx() as tx:
        dead = begin_epoch(tx, pid=1, boot_id="")
        begin_epoch(tx, pid=2, boot_id="")
    ledger.end("a", "interrupted", epoch=dead)
    assert rows(ledger, "bundle", "not_before") == [(f"stop {dead}", None)]


def test_a_run_that_was_lost_while_its_runner_lives_goes_alone(ledger: AlertLedger) -> None:
    with ledger.tx() as tx:
        living = begin_epoch(tx, pid=1, boot_id="")
    ledger.end("a", "interrupted", epoch=living)
    assert rows(ledger, "bundle", "not_before") == [(None, None)]


def test_the_facts_of_a_failure_last_longer_than_its_row(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    ((facts,),) = rows(ledger, "facts")
    assert json.loads(str(facts)) == {
        "status": "error",
        "exit_code": 1,
        "opened_at": "2026-03-01T12:00:00.000Z",
        "times": 1,
    }


@pytest.mark.parametrize("text", ["7", '"C0123456"', "[7]", '{"on": 7, "after": "x", "remind_ms": -1}'])
def test_an_end_is_recorded_whatever_somebody_has_made_of_what_the_job_says(
    ledger: AlertLedger, text: str
) -> None:
    ledger.conn.execute("UPDATE jobs SET on_success = 'x', output_channel = 'x'")
    for path in ("alert", "on_failure", "on_success", "output_channel"):
        ledger.conn.execute("UPDATE jobs SET spec = json_set(spec, ?, json(?))", (f"$.{path}", text))
    ledger.end("a", "ok", stdout="well\n")
    ledger.end("a", "error")
    assert ledger.open_causes() == ["failure"]


def test_a_run_that_outlives_its_job_tells_nobody(ledger: AlertLedger) -> None:
    ledger.delete_job("a")
    ledger.end("a", "error")
    assert (ledger.said(), ledger.open_causes()) == ([], [])


def test_an_ok_end_that_nobody_waits_for_costs_one_read_by_index(ledger: AlertLedger) -> None:
    run_id = ledger.add_run("a", "running")
    statements: list[str] = []

    def note(_cursor: object, sql: str, _bindings: object) -> bool:
        statements.append(sql)
        return True

    with ledger.tx() as tx:
        ledger.conn.exec_trace = note
        run_ends.end_running(tx, run_id, Outcome(status=RunStatus.OK), RunRecord(), None)
        ledger.conn.exec_trace = None
    of_alerts = [sql for sql in statements if "incidents" in sql or "outbox" in sql or "jobs" in sql]
    assert len(of_alerts) == 1
    plan = [step for *_, step in ledger.conn.execute(f"EXPLAIN QUERY PLAN {of_alerts[0]}", {"job": "a"})]
    assert [step for step in plan if "SCAN" in step] == []
    assert any("USING INDEX incidents_open" in step for step in plan)
