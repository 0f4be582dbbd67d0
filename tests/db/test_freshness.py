"""What the ends of runs prove fresh, and what of it is kept."""

from pathlib import Path

import pytest
from support.alerts import AlertLedger

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.graph.freshness import Expected
from jeeves_runner.core.model import Reason, Retries, RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import freshness
from jeeves_runner.db.clock_events import put_right
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting

WRITES = ("datastore:mail", "sink:report", "queue:todo")
HOUR = 3_600_000


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    found = AlertLedger(tmp_path / "runner.sqlite")
    found.add_told_job("fetch", writes=WRITES, reads=("datastore:other",))
    found.add_told_job("plain")
    return found


def fresh(ledger: AlertLedger) -> dict[str, tuple[str, int]]:
    """By node: which job has written it last, and in which run."""
    rows = ledger.conn.execute("SELECT node, job_id, run_id FROM freshness ORDER BY node")
    return {str(node): (str(job_id), int(run_id)) for node, job_id, run_id in rows}


def test_an_ok_end_proves_the_datastores_and_sinks_fresh_that_the_job_writes(ledger: AlertLedger) -> None:
    run_id = ledger.end("fetch", "ok")
    ledger.end("plain", "ok")
    assert fresh(ledger) == {"datastore:mail": ("fetch", run_id), "sink:report": ("fetch", run_id)}
    assert ledger.conn.execute("SELECT DISTINCT fresh_at FROM freshness").get == to_text(ledger.now)


@pytest.mark.parametrize("status", ["error", "timeout", "cancelled", "interrupted"])
def test_other_ends_prove_nothing(ledger: AlertLedger, status: str) -> None:
    ledger.end("fetch", status)
    assert fresh(ledger) == {}


@pytest.mark.parametrize("reason", [Reason.EXIT_CODE, Reason.PRECHECK])
def test_a_run_that_was_skipped_by_its_own_word_has_looked(ledger: AlertLedger, reason: Reason) -> None:
    run_id = ledger.add_run("fetch", "running")
    with ledger.tx() as tx:
        end_running(tx, run_id, Outcome(RunStatus.SKIPPED, reason=reason), RunRecord(), None)
    assert fresh(ledger)["datastore:mail"] == ("fetch", run_id)


def test_a_run_that_others_have_skipped_has_not(ledger: AlertLedger) -> None:
    run_id = ledger.add_run("fetch", "scheduled")
    with ledger.tx() as tx:
        end_waiting(tx, run_id, RunStatus.SKIPPED, Reason.OVERLAP)
    assert fresh(ledger) == {}


def test_a_run_of_a_backfill_proves_nothing(ledger: AlertLedger) -> None:
    ledger.end("fetch", "ok", backfill_id=3, trigger="backfill")
    assert fresh(ledger) == {}


def test_a_chain_proves_it_with_its_last_attempt(ledger: AlertLedger) -> None:
    first = ledger.end("fetch", "error", Retries(limit=1, delay_ms=0))
    assert fresh(ledger) == {}
    retry = ledger.conn.execute("SELECT max(id) FROM runs").get
    assert isinstance(retry, int)
    assert retry > first
    ledger.conn.execute("UPDATE runs SET status = 'running', started_at = created_at WHERE id = ?", (retry,))
    with ledger.tx() as tx:
        end_running(tx, retry, Outcome(RunStatus.OK), RunRecord(), None)
    assert fresh(ledger)["datastore:mail"] == ("fetch", retry)


def test_the_newest_of_several_writers_counts(ledger: AlertLedger) -> None:
    ledger.add_told_job("sort", writes=("datastore:mail",))
    ledger.end("fetch", "ok")
    ledger.clock.advance(minutes=1)
    run_id = ledger.end("sort", "ok")
    assert fresh(ledger)["datastore:mail"] == ("sort", run_id)


def test_it_follows_a_job_that_gets_another_id_and_stays_when_the_job_goes(ledger: AlertLedger) -> None:
    run_id = ledger.end("fetch", "ok")
    with ledger.tx() as tx:
        rename(tx, [Rename("fetch", "get")], ledger.revision)
    assert fresh(ledger)["datastore:mail"] == ("get", run_id)
    ledger.delete_job("get")
    assert fresh(ledger)["datastore:mail"] == ("get", run_id)


def test_what_is_expected_is_read_with_its_last_writer_and_all_that_are_enabled(ledger: AlertLedger) -> None:
    ledger.add_told_job("sort", writes=("datastore:mail",))
    ledger.add_told_job("off", writes=("datastore:mail",), enabled=False)
    ledger.add_node("datastore:mail", fresh_within_ms=HOUR)
    ledger.add_node("datastore:free")
    ledger.add_node("sink:gone", fresh_within_ms=HOUR, deleted_at=to_text(ledger.now))
    run_id = ledger.end("fetch", "ok")
    mail = Expected("datastore:mail", HOUR, ledger.now, ledger.now, "fetch", run_id, ("fetch", "sort"))
    assert freshness.expected(ledger.conn) == [mail]
    assert freshness.expected_of(ledger.conn, "datastore:mail") == mail
    assert freshness.expected_of(ledger.conn, "datastore:free") is None


def test_what_a_clock_that_was_ahead_has_dated_does_not_stay_fresh(ledger: AlertLedger) -> None:
    ledger.add_node("datastore:mail", fresh_within_ms=HOUR)
    ledger.clock.advance(days=3)
    ledger.end("fetch", "ok")
    ledger.clock.advance(days=-3)
    with ledger.tx() as tx:
        put_right(tx, "set back", since=ledger.now)
    fresh_at = ledger.conn.execute("SELECT fresh_at FROM freshness WHERE node = 'datastore:mail'").get
    assert from_text(str(fresh_at)) == ledger.now
