"""The project of the page on reasons: rows as a week of a server leaves them, at noon of 2026-03-01."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from support.cli import Shell
from support.ledger import Ledger
from support.queues import push
from support.why import revision, row, since

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.db import queue_triggers, runs

BERLIN = "Europe/Berlin"


def project(folder: Path) -> Shell:
    """A folder in which the commands of the page can be asked."""
    shell = Shell(folder)
    ledger = shell.ledger
    _declare(ledger)
    _nightly(ledger)
    _busy(ledger)
    _fruitless(ledger)
    return shell


def _declare(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), timezone=BERLIN, exclude=("2026-12-24..2026-12-26",))
    ledger.add_job("early", schedule=("30 2 * * *",), timezone=BERLIN)
    ledger.add_job("steps", schedule=("*/15 2 * * *",), timezone=BERLIN)
    ledger.add_job("sync", schedule=("*/10 * * * *",))
    ledger.add_job("report", schedule=("0 * * * *",), catch_up_window_ms=3_600_000)
    ledger.add_job("import", pool="db")
    for job in ("backup", "early", "steps", "sync", "report"):
        since(ledger, job, ledger.at(days=12))
    revision(ledger, ledger.at(days=12), "create", "backup")
    revision(ledger, ledger.at(days=5), "update", "sync", schedule=["0 * * * *"])
    ledger.conn.execute("UPDATE jobs SET schedule_since = ? WHERE id = 'sync'", (to_text(ledger.at(days=5)),))
    ledger.conn.execute("UPDATE revisions SET applied_at = ? WHERE id = 1", (to_text(ledger.at(days=20)),))


def _nightly(ledger: Ledger) -> None:
    due = ledger.now.replace(hour=2)
    declared = {"revision_id": 2, "file": "jobs.d/backup.yaml"}
    started = to_text(due + timedelta(seconds=12))
    first = _add(ledger, 4711, "backup", "error", due, started_at=started, exit_code=11, **declared)
    _add(
        ledger, 4712, "backup", "ok", due, trigger="retry", attempt=2, chain_id=first, duration_ms=250_000,
        created_at=started, started_at=to_text(due + timedelta(seconds=42)), **declared,
    )  # fmt: skip
    gap = ledger.now.replace(hour=4)
    _add(
        ledger, 4713, "report", "missed", gap, last_for=to_text(gap + timedelta(hours=4)), occurrences=5,
        reason="late", created_at=to_text(ledger.now.replace(hour=9, minute=14)),
    )  # fmt: skip


def _busy(ledger: Ledger) -> None:
    due = ledger.now.replace(hour=11, minute=40)
    _add(ledger, 4714, "sync", "running", due)
    _add(
        ledger, 4715, "sync", "skipped", due + timedelta(minutes=10), reason="overlap", reason_ref="4714",
        created_at=to_text(due + timedelta(minutes=10)),
    )  # fmt: skip
    for number in (4716, 4717, 4718):
        asked = to_text(ledger.at(minutes=4720 - number))
        columns = {"trigger": "manual", "created_at": asked, "reason": "pool", "reason_ref": "db"}
        ledger.add_run("import", "scheduled", id=number, **columns)
    ledger.hold("sync", "line 3: `timeout` must be a duration (write 5m)")
    ledger.pause("report", ledger.now + timedelta(hours=3), "the database moves")


def _fruitless(ledger: Ledger) -> None:
    """Items start a job that completes none of them."""
    ledger.add_job("sort", on_queue=OnQueue("mail", batch=20))
    push(ledger, *range(30))
    due = ledger.at(seconds=3)
    number = ledger.add_run(
        "sort",
        "error",
        id=4719,
        trigger="queue",
        created_at=to_text(due),
        started_at=to_text(due),
        exit_code=3,
    )
    with ledger.tx() as tx:
        run = runs.run(tx.conn, number)
        assert run is not None
        for _ in range(4):
            queue_triggers.settle(tx, run)


def _add(ledger: Ledger, number: int, job: str, status: str, scheduled_for: Any, **columns: Any) -> int:
    return row(ledger, job, status, scheduled_for, id=number, **columns)
