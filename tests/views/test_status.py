"""What is told of the runner: given rows, then documents."""

from datetime import timedelta
from pathlib import Path

from support.ledger import Ledger

from jeeves_runner import __version__
from jeeves_runner.access import TooOpen
from jeeves_runner.clock import to_text
from jeeves_runner.core.problem import Problem
from jeeves_runner.views.runner import counts, status_view
from jeeves_runner.views.sync import ProblemDocument, problems_view, recorded_sync


def test_the_status_counts_jobs_runs_and_the_last_hour(ledger: Ledger) -> None:
    ledger.add_job("one")
    ledger.add_job("two")
    for ended in ("running", "scheduled", "ok", "ok", "error", "timeout", "interrupted", "cancelled"):
        ledger.add_run("one", ended)
    ledger.add_run("two", "ok", finished_at=to_text(ledger.at(minutes=61)))
    ledger.hold("two", "broken")
    sync = recorded_sync(ledger.conn, "no look yet")
    status = status_view(
        counts(ledger.conn, ledger.now),
        ledger.now,
        uptime=timedelta(seconds=90),
        sync=sync,
        busy_since=ledger.at(seconds=5),
        too_open=[TooOpen(Path("/srv/data"), 0o755)],
        catching_up={"one": ledger.now, "two": ledger.now + timedelta(minutes=10)},
    )
    assert status == {
        "name": "jeeves-runner",
        "version": __version__,
        "uptime_ms": 90_000,
        "status": "running",
        "health": {
            "total_jobs": 2,
            "running": 1,
            "waiting": 1,
            "catching_up": 2,
            "catching_up_until": "2026-03-01T12:10:00.000Z",
            "failed_registrations": 1,
            "ok_last_hour": 2,
            "errors_last_hour": 3,
            "incidents_open": 0,
            "messages_waiting": 0,
            "messages_failed": 0,
            "busy_ms": 5_000,
            "too_open": [{"path": "/srv/data", "mode": "0755"}],
        },
        "sync": {
            "state": "held",
            "since": None,
            "revision": ledger.revision,
            "commit": "f00dfeed" * 5,
            "checked_at": "2026-03-01T12:00:00.000Z",
            "reason": "no look yet",
            "held": 1,
            "problems": 0,
            "changes": 0,
            "withheld": 0,
            "config": None,
        },
        "attention": [
            {
                "what": "held",
                "which": "two",
                "why": "runs on as before; jobs.d/two.yaml: broken, since 2026-03-01T12:00:00.000Z",
            },
            {
                "what": "too open",
                "which": "data",
                "why": "its mode 0755 lets more people in than data_mode",
            },
        ],
    }


def error_in(file: str) -> list[ProblemDocument]:
    return problems_view([Problem(severity="error", code="x", file=file, line=1, column=1, message="x")])


def test_a_broken_manifest_that_holds_nothing_counts_as_failed_too(ledger: Ledger) -> None:
    ledger.add_job("old")
    ledger.hold("old", "broken")
    sync = recorded_sync(ledger.conn, None)
    for file in ("old", "new"):
        sync["problems"] += error_in(f"jobs.d/{file}.yaml")
    shown = status_view(counts(ledger.conn, ledger.now), ledger.now, uptime=None, sync=sync)
    assert shown["health"]["failed_registrations"] == 2
    assert (shown["status"], shown["uptime_ms"]) == ("stopped", None)
