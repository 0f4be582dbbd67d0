"""The ends of runs as rows: all of them pass one function, and what follows is in the same transaction."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, Reason, Retries, RunStatus, Trigger
from jeeves_runner.core.run import Outcome, Run
from jeeves_runner.db import run_ends, run_entries, run_requests, runs
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.run_entries import Occurrence
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.transaction import Tx

FAILED = Outcome(status=RunStatus.ERROR, exit_code=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a")
    return ledger


def wanted(ledger: Ledger, job_id: str = "a", *, epoch: int | None = None) -> int:
    """A request for a run, decided about by the runner of this epoch, if any."""
    with ledger.tx() as tx:
        return run_requests.request_run(tx, RunRequest(job_id=job_id, trigger=Trigger.MANUAL), epoch=epoch)


def occurrence(ledger: Ledger, minute: int) -> Occurrence:
    return Occurrence(
        job_id="a",
        spec_hash=ledger.conn.execute("SELECT spec_hash FROM jobs WHERE id = 'a'").get,
        trigger=Trigger.SCHEDULE,
        epoch=1,
        scheduled_for=ledger.at(minutes=-minute),
    )


def run(ledger: Ledger, run_id: int) -> Run:
    found = runs.run(ledger.conn, run_id)
    assert found is not None
    return found


# An end that gives its own reason


def test_a_reason_of_the_end_takes_the_place_of_one_before_and_of_its_object(ledger: Ledger) -> None:
    run_id = ledger.add_run("a", "running", reason="replaced", reason_ref="7")
    with ledger.tx() as tx:
        skipped = Outcome(status=RunStatus.SKIPPED, exit_code=78, reason=Reason.EXIT_CODE)
        run_ends.end_running(tx, run_id, skipped, RunRecord(), None)
    found = run(ledger, run_id)
    assert (found.status, found.reason, found.reason_ref) == ("skipped", "exit_code", None)


def test_an_end_without_a_reason_leaves_the_one_that_is_there(ledger: Ledger) -> None:
    run_id = ledger.add_run("a", "running", reason="replaced", reason_ref="7")
    with ledger.tx() as tx:
        run_ends.end_running(tx, run_id, FAILED, RunRecord(), None)
    assert (run(ledger, run_id).reason, run(ledger, run_id).reason_ref) == ("replaced", "7")


# What all ends have in common


def end_a_running_one(ledger: Ledger, tx: Tx) -> None:
    run_id = ledger.add_run("a", "running")
    run_ends.end_running(tx, run_id, FAILED, RunRecord(), None)


def end_a_waiting_one(ledger: Ledger, tx: Tx) -> None:
    run_ends.end_waiting(tx, ledger.add_run("a", "scheduled"), RunStatus.CANCELLED, Reason.CANCEL)


def replace_a_waiting_one(ledger: Ledger, tx: Tx) -> None:
    ledger.add_run("a", "scheduled")
    run_ends.replace_waiting(tx, run(ledger, ledger.add_run("a", "scheduled")))


def delete_its_job(ledger: Ledger, tx: Tx) -> None:
    ledger.add_run("a", "scheduled")
    tx.conn.execute("UPDATE jobs SET deleted_at = ?", (tx.at,))
    run_ends.cancel_waiting_of_stopped_jobs(tx, ["a"])


def skip_an_occurrence(ledger: Ledger, tx: Tx) -> None:
    run_entries.enter_skipped(tx, occurrence(ledger, 1), Reason.OVERLAP, None)


def miss_an_occurrence(ledger: Ledger, tx: Tx) -> None:
    run_entries.enter_missed(tx, occurrence(ledger, 1), Reason.LATE)


WAYS = [
    end_a_running_one,
    end_a_waiting_one,
    replace_a_waiting_one,
    delete_its_job,
    skip_an_occurrence,
    miss_an_occurrence,
]


@pytest.fixture
def concluded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the runs whose ends were concluded."""
    found: list[int] = []
    conclude = run_ends.conclude

    def note(tx: Tx, ended: Sequence[Run], *args: object) -> None:
        found.extend(each.id for each in ended)
        conclude(tx, ended, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(run_ends, "conclude", note)
    monkeypatch.setattr(run_entries, "conclude", note)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_end_is_concluded_and_numbered(
    ledger: Ledger, concluded: list[int], way: Callable[[Ledger, Tx], None]
) -> None:
    with ledger.tx() as tx:
        before = runs.newest_end(tx.conn)
        way(ledger, tx)
    ended = runs.ended_since(ledger.conn, before)
    assert [row.run_id for row in ended] == concluded == [1]
    assert runs.newest_end(ledger.conn) >= ended[0].end_seq


def test_one_more_skip_is_told_as_an_end_of_its_row(ledger: Ledger, concluded: list[int]) -> None:
    for minute in (1, 2):
        with ledger.tx() as tx:
            seen = runs.newest_end(tx.conn)
            run_entries.enter_skipped(tx, occurrence(ledger, minute), Reason.OVERLAP, None)
        assert [row.run_id for row in runs.ended_since(ledger.conn, seen)] == [1]
    assert concluded == [1, 1]


def test_what_has_ended_stays_as_it_is(ledger: Ledger) -> None:
    run_id = wanted(ledger)
    with ledger.tx() as tx:
        assert run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL) is not None
        assert run_ends.end_waiting(tx, run_id, RunStatus.MISSED, Reason.LATE) is None
        assert run_ends.end_running(tx, run_id, FAILED, RunRecord(), None) is None
    assert run(ledger, run_id).status is RunStatus.CANCELLED


# Causes and retries


def test_the_first_cause_stays(ledger: Ledger) -> None:
    run_id = ledger.add_run("a", "running")
    with ledger.tx() as tx:
        assert request_cancel(tx, run_id, CancelCause.TIMEOUT) == "timeout"
    asked_at = ledger.now
    ledger.clock.advance(seconds=5)
    with ledger.tx() as tx:
        assert request_cancel(tx, run_id, CancelCause.CANCEL) == "timeout"
    found = run(ledger, run_id)
    assert (found.cancel_cause, found.cancel_requested_at) == ("timeout", asked_at)


@pytest.mark.parametrize("cause", [None, CancelCause.REPLACED])
def test_what_was_replaced_is_not_tried_again(ledger: Ledger, cause: CancelCause | None) -> None:
    """Also where its program failed before it could be asked to end."""
    run_id = ledger.add_run("a", "running", cancel_cause=cause)
    with ledger.tx() as tx:
        run_ends.end_running(tx, run_id, FAILED, RunRecord(), Retries(limit=1))
    retry = run(ledger, run_id + 1)
    assert (retry.trigger, retry.attempt) == ("retry", 2)
    assert (retry.status, retry.reason) == (
        ("scheduled", "retry") if cause is None else ("cancelled", "replaced")
    )


# Replace


def test_replace_cancels_all_that_waits_but_a_later_request_that_nobody_has_decided_about(
    ledger: Ledger,
) -> None:
    ledger.add_job("b")
    undecided, decided = wanted(ledger), wanted(ledger, epoch=1)
    other = wanted(ledger, "b", epoch=1)
    by = wanted(ledger, epoch=1)
    later, later_undecided = wanted(ledger, epoch=1), wanted(ledger)
    retry = ledger.add_run("a", "scheduled", trigger="retry", not_before=to_text(ledger.now))
    with ledger.tx() as tx:
        run_ends.replace_waiting(tx, run(ledger, by))
    replaced = [run(ledger, each) for each in (undecided, decided, later, retry)]
    assert {(each.status, each.reason, each.reason_ref) for each in replaced} == {
        ("cancelled", "replaced", str(by))
    }
    assert {run(ledger, each).status for each in (other, by, later_undecided)} == {"scheduled"}
