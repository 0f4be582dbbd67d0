"""Statements with a bound limit find their rows by an index and in its order, however many rows there are.

Those that a server meets in ``service/test_statement_costs.py`` are held there; these need what it has not: a
job with a retention of its own, one that items start, one that gets another id.
"""

from contextlib import closing
from pathlib import Path
from typing import Any, Final

import apsw
import pytest
from support.ledger import Ledger
from support.many_rows import JOB, QUEUE, fill

from jeeves_runner.db import alert_facts, carried_runs, incidents, queue_claims, queue_triggers, run_retention
from jeeves_runner.db.connection import connect

FEW, MANY = 500, 20_000

_BINDINGS: Final[dict[str, Any]] = {
    "job": JOB, "old": JOB, "after": 0, "new": "next", "queue": QUEUE, "before": 2**63 - 1, "most": 20,
    "limit": 20, "batch": 5, "wanted": 5, "at": "9999-01-01T00:00:00.000Z", "runs": 100,
    "first": 2**63 - 1, "until": "9999-12-31T23:59:59.999Z", "is_occurrence": False,
}  # fmt: skip
_PLANS: Final = {
    "usual length": alert_facts.USUAL,
    "incidents to be told of again": f"SELECT id FROM incidents WHERE {incidents.WORDS.lasts}"
    " AND remind_at <= :at ORDER BY remind_at, id LIMIT :limit",
    "newest to be carried": carried_runs._NEWEST[0],
    "newest ok to be carried": carried_runs._NEWEST[1],
    "first that a job keeps": run_retention._FIRST_KEPT,
    "outlived of a job": run_retention._OUTLIVED_OF_JOB,
    "items that start a job": queue_triggers._COUNT,
    "claimed by priority": queue_claims._ADDED,
    "items of a run to come": queue_triggers._ITEMS,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Databases with few rows, and with many."""
    found = []
    for rows in (FEW, MANY):
        ledger = Ledger(tmp_path_factory.mktemp("plans") / "runner.sqlite")
        ledger.add_job(JOB)
        fill(ledger.path, rows)
        found.append(ledger.path)
    return found


def steps(file: Path, sql: str) -> int:
    """Of the machine that carries statements out."""
    found: list[int] = []
    with closing(connect(file)) as conn:
        conn.trace_v2(
            apsw.SQLITE_TRACE_PROFILE,
            lambda event: found.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]),
        )
        conn.execute(sql, _BINDINGS).fetchall()
    return found[0]


@pytest.mark.parametrize("name", _PLANS)
def test_it_takes_as_many_steps_with_few_rows_as_with_many(files: list[Path], name: str) -> None:
    few, many = (steps(file, _PLANS[name]) for file in files)
    assert many < 2 * few + 200
