"""A runner that is killed anywhere leaves an end with its alert, or neither of them."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger
from support.db import child, database

END_A_RUN = """
import os, signal, sys
from pathlib import Path
from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db.connection import connect
from jeeves_runner.db.run_ends import RunRecord, end_running
from jeeves_runner.db.transaction import transaction

path, run_id, status, left = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
conn = connect(Path(path))

def die_before(_cursor, sql, _bindings):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return True

conn.exec_trace = die_before
with transaction(conn, SystemClock()) as tx:
    end_running(tx, run_id, Outcome(status=RunStatus(status)), RunRecord(stdout="half"), None)
os.kill(os.getpid(), signal.SIGTERM)
"""
"""Killed before its statement of this number; what has done all of them ends by another signal."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    made.add_told_job("a", on_success=(OPS,), output_channel=(OPS,))
    yield made
    made.conn.close()


def found(path: Path, run_id: int) -> tuple[object, ...]:
    """How the run stands, how many incidents are open, and how many rows tell of the run."""
    conn = database(path)
    try:
        row = conn.execute(
            "SELECT status, (SELECT count(*) FROM incidents WHERE closed_at IS NULL),"
            " (SELECT count(*) FROM outbox WHERE run_id = runs.id) FROM runs WHERE id = ?",
            (run_id,),
        ).fetchone()
    finally:
        conn.close()
    assert row is not None
    return tuple(row)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "before", "after"),
    [
        pytest.param("error", ("running", 0, 0), ("error", 1, 2), id="opened, output"),
        pytest.param("ok", ("running", 1, 0), ("ok", 0, 3), id="recovered, success, output"),
    ],
)
def test_an_end_and_its_alert_are_there_together_or_not_at_all(
    ledger: AlertLedger, status: str, before: tuple[object, ...], after: tuple[object, ...]
) -> None:
    if status == "ok":
        ledger.end("a", "error")
    run_id = ledger.add_run("a", "running")
    ledger.conn.close()
    cuts = 0
    while True:
        with child(END_A_RUN, ledger.path, run_id, status, cuts) as process:
            killed_by = -process.wait(60)
        if killed_by == signal.SIGTERM:
            break
        assert killed_by == signal.SIGKILL
        assert found(ledger.path, run_id) == before
        cuts += 1
    assert cuts > 8
    assert found(ledger.path, run_id) == after
