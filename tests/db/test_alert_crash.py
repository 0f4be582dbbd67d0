"""A runner that is killed anywhere leaves an end with its alert, or neither of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger
from support.db import database, is_killed_before

pytestmark = pytest.mark.service

END_A_RUN = """
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db.run_ends import RunRecord, end_running
end_running(tx, %d, Outcome(status=RunStatus("%s")), RunRecord(stdout="half"), None)
"""


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
    while is_killed_before(cuts, ledger.path, END_A_RUN % (run_id, status)):
        assert found(ledger.path, run_id) == before
        cuts += 1
    assert cuts > 8
    assert found(ledger.path, run_id) == after
