"""``--json`` prints the very object of the route."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.answers import faults, route_of
from support.cli import Shell
from support.queues import push

from jeeves_runner.views.load import LoadDocument

COMMANDS: Mapping[str, str] = {
    "status": "GET /status",
    "jobs": "GET /jobs",
    "jobs --status idle": "GET /jobs",
    "job backup": "GET /jobs/backup",
    "next": "GET /schedule",
    "next backup --from 2026-02-27 --to 2026-03-02": "GET /schedule",
    "graph": "GET /graph",
    "graph stale": "GET /graph/stale",
    "why queue:mail": "GET /graph/{node}/why",
    "graph --around backup": "GET /graph",
    "runs": "GET /runs",
    "runs backup": "GET /jobs/backup/runs",
    "run 1": "GET /runs/1",
    "run 1 --lineage": "GET /runs/1/lineage",
    "alerts": "GET /alerts",
    "alerts list --all": "GET /alerts",
    "why backup": "GET /jobs/backup/why",
    "why backup 1": "GET /jobs/backup/why",
    "why backup 2026-03-02T04:00": "GET /jobs/backup/why",
    "backfill list": "GET /backfills",
    "backfill backup --from 2026-02-20 --to 2026-02-25 --dry-run": "GET /schedule",
    "backfill cancel 1": "GET /backfills/1",
    "history": "GET /revisions",
    "audit --since -1d": "GET /audit",
    "history 1": "GET /revisions/1",
    "queue list": "GET /queues",
    "queue list --detail": "GET /queues",
    "queue status mail": "GET /queues/mail/status",
    "queue peek mail": "GET /queues/mail/peek",
    "queue peek mail --failed": "GET /queues/mail/peek",
    "queue item 1": "GET /queues/mail/items/1",
    "state list": "GET /state",
    "state get ns": "GET /state/ns",
    "state get ns key": "GET /state/ns/key",
    "config show": "GET /config",
    "pause backup --reason moving": "POST /jobs/backup/pause",
    "resume backup": "POST /jobs/backup/resume",
    "pause --tag db": "GET /jobs",
    "mute backup --for 2h": "POST /jobs/backup/mute",
    "unmute backup": "POST /jobs/backup/unmute",
    "unmute --tag db": "GET /jobs",
    "pause --all": "POST /pause",
    "resume --all": "POST /resume",
    "mute --all --for 2h": "POST /mute",
    "unmute --all": "POST /unmute",
    "skip backup --reason moving": "POST /jobs/backup/skip",
    "unskip backup": "POST /jobs/backup/unskip",
    "skip --tag db": "GET /jobs",
    "unskip --tag db": "GET /jobs",
    "queue pause mail": "POST /queues/mail/pause",
    "queue resume mail": "POST /queues/mail/resume",
    "queue purge mail --pending --yes": "POST /queues/mail/purge",
    "queue delete 1": "DELETE /queues/mail/items/1",
    "cancel 2": "POST /runs/2/cancel",
}


@pytest.fixture
def filled(tmp_path: Path) -> Shell:
    """A project with one of each thing."""
    shell = Shell(tmp_path)
    ledger = shell.ledger
    ledger.add_job(
        "backup", schedule=("0 3 * * *",), tags=("db",), reads=("queue:mail",), writes=("queue:mail",)
    )
    ledger.add_run("backup", "error", exit_code=3, stdout="out", params='{"DAY": "1"}')
    ledger.add_backfill("backup")
    ledger.add_run("backup", "scheduled")
    ledger.declare_queue("mail")
    push(ledger, {"to": "Ada"})
    ledger.conn.execute(
        "INSERT INTO state (namespace, key, value, updated_at)"
        " VALUES ('ns', 'key', '1', '2026-03-01T12:00:00.000Z')"
    )
    return shell


@pytest.mark.parametrize(("words", "target"), COMMANDS.items(), ids=str)
def test_a_command_prints_the_document_of_its_route(filled: Shell, words: str, target: str) -> None:
    route = route_of(*target.split())
    assert route is not None
    shape = route.answers[min(route.answers)]
    assert faults(shape, filled.json(*words.split())) == []


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ("next --load", LoadDocument),
    ],
)
def test_what_no_route_answers_has_its_document_too(filled: Shell, words: str, shape: object) -> None:
    assert faults(shape, filled.json(*words.split())) == []
