"""How runs enter their table: occurrences in the order of the watermark, requests without touching it."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import Reason, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db import run_entries, run_requests
from jeeves_runner.db.run_entries import Occurrence
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.runs import Start
from jeeves_runner.errors import Conflict


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a")
    return ledger


def occurrence(ledger: Ledger, when: datetime, last: datetime | None = None) -> Occurrence:
    return Occurrence(
        job_id="a",
        spec_hash=ledger.conn.execute("SELECT spec_hash FROM jobs WHERE id = 'a'").get,
        trigger=Trigger.SCHEDULE,
        epoch=1,
        scheduled_for=when,
        last_for=last,
        occurrences=1 if last is None else 2,
    )


def skip(ledger: Ledger, minutes: int, reason: Reason = Reason.OVERLAP) -> Run | None:
    """The occurrence of so many minutes after now is skipped."""
    with ledger.tx() as tx:
        when = ledger.now + timedelta(minutes=minutes)
        return run_entries.enter_skipped(tx, occurrence(ledger, when), reason, None)


def watermark(ledger: Ledger) -> object:
    return ledger.conn.execute("SELECT decided_until FROM jobs").get


def spans(ledger: Ledger) -> list[tuple[int, str]]:
    """How many occurrences each row tells of, and why."""
    return list(ledger.conn.execute("SELECT occurrences, reason FROM runs ORDER BY id"))


# The watermark


def test_the_watermark_stands_at_the_last_occurrence_of_a_row(ledger: Ledger) -> None:
    first, last = ledger.now, ledger.now + timedelta(minutes=1)
    with ledger.tx() as tx:
        run_entries.enter_missed(tx, occurrence(ledger, first, last), Reason.LATE)
    assert watermark(ledger) == to_text(last)


def test_what_is_at_or_before_the_watermark_is_not_entered_again(ledger: Ledger) -> None:
    skip(ledger, 2)
    at = watermark(ledger)
    assert skip(ledger, 2) is None
    assert skip(ledger, 1) is None
    with ledger.tx() as tx:
        assert run_entries.enter_started(tx, occurrence(ledger, ledger.now), Start("mark", "local")) is None
    assert watermark(ledger) == at
    assert spans(ledger) == [(1, "overlap")]


def test_a_request_leaves_the_watermark_where_it_is(ledger: Ledger) -> None:
    skip(ledger, 1)
    at = watermark(ledger)
    ledger.clock.advance(hours=1)
    with ledger.tx() as tx:
        run_requests.request_run(tx, RunRequest(job_id="a", trigger=Trigger.MANUAL), epoch=1)
    assert watermark(ledger) == at


# Skips that share a row


def test_consecutive_skips_for_one_reason_share_a_row(ledger: Ledger) -> None:
    for minutes in (1, 2, 3):
        skip(ledger, minutes)
    skip(ledger, 4, Reason.PAUSED)
    skip(ledger, 5)
    assert spans(ledger) == [(3, "overlap"), (1, "paused"), (1, "overlap")]


def test_several_that_are_skipped_at_once_join_the_row_before_them(ledger: Ledger) -> None:
    skip(ledger, 1)
    first, last = (ledger.now + timedelta(minutes=minutes) for minutes in (2, 3))
    with ledger.tx() as tx:
        joined = run_entries.enter_skipped(tx, occurrence(ledger, first, last), Reason.OVERLAP, None)
    assert joined is not None
    assert (joined.occurrences, joined.last_for) == (3, last)
    assert watermark(ledger) == to_text(last)


@pytest.mark.parametrize(
    "before",
    [
        {"scheduled_for": "2026-03-01T12:00:30.000Z", "started_at": "2026-03-01T12:00:30.000Z"},
        {"scheduled_for": None},
    ],
    ids=["one that had started", "a request"],
)
def test_a_skip_joins_only_occurrences_that_never_started(ledger: Ledger, before: dict[str, object]) -> None:
    ledger.add_run("a", "skipped", reason="overlap", **before)
    skip(ledger, 1)
    assert spans(ledger) == [(1, "overlap"), (1, "overlap")]


def test_a_run_between_two_skips_keeps_them_apart(ledger: Ledger) -> None:
    skip(ledger, 1)
    ledger.add_run("a", "ok")
    skip(ledger, 2)
    assert spans(ledger) == [(1, "overlap"), (1, None), (1, "overlap")]


# Requests


def test_a_request_for_a_paused_job_leaves_nothing_behind(ledger: Ledger) -> None:
    ledger.pause("a")
    with ledger.tx() as tx, pytest.raises(Conflict, match="paused"):
        run_requests.request_run(tx, RunRequest(job_id="a", trigger=Trigger.MANUAL))
    assert ledger.count("runs") == 0
