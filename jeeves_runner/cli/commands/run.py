"""``run``: everything recorded of one run."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.arguments import RUN_ID
from jeeves_runner.cli.context import App, json_option, pass_app

if TYPE_CHECKING:
    from jeeves_runner.cli.render import Cell

_LINES = 20


@click.command("run")
@click.argument("run_id", metavar="RUN", type=RUN_ID, shell_complete=completion.RUNS)
@json_option
@pass_app
def command(app: App, run_id: int) -> None:
    """Show RUN: how it ended, what it ran and the end of its output."""
    from jeeves_runner.cli.render import Styled
    from jeeves_runner.cli.server import server_of
    from jeeves_runner.cli.tables import print_pairs
    from jeeves_runner.views.runs import run_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = run_view(conn, run_id)
        served = server_of(app, conn) is not None
    if app.json:
        app.print_json(document)
        return
    run = document["run"]
    app.print(Styled(f"Run {run['id']} of {run['job_id']}", "bold"))
    print_pairs(app, _pairs(run, now, served=served))
    _print_tail(app, "Output", run["stdout"], run["id"])
    _print_tail(app, "Error output", run["stderr"], run["id"])


def _pairs(run: dict[str, Any], now: datetime, *, served: bool) -> Iterator[tuple[str, "Cell | None"]]:
    from jeeves_runner.cli.render import status
    from jeeves_runner.cli.tables import json_text, run_note, took, when

    def time(name: str) -> str | None:
        return None if run[name] is None else when(run[name], now)

    yield "status", status(run["status"])
    yield "why", run_note(run, served=served) or None
    yield "trigger", _trigger(run)
    yield "scheduled", time("scheduled_for")
    yield "until", time("last_for")
    yield "not before", time("not_before") if run["status"] == "scheduled" else None
    yield "created", None if run["started_at"] else time("created_at")
    yield "started", time("started_at")
    yield "finished", time("finished_at")
    yield "took", took(run, now) if run["started_at"] else None
    yield "exit code", None if run["exit_code"] is None else str(run["exit_code"])
    yield "signal", run["signal"]
    yield "cancelled", _cancel(run, now)
    yield "params", None if run["params"] is None else json_text(run["params"])
    yield "tokens", None if run["tokens"] is None else str(run["tokens"])
    yield "result", None if run["result_meta"] is None else json_text(run["result_meta"])
    yield "declared", _origin(run)
    yield "script", run["script_hash"] and f"hash {run['script_hash']}"
    yield "log", run["log_path"]


def _trigger(run: dict[str, Any]) -> str:
    parts = [run["trigger"]]
    if run["attempt"] > 1:
        parts.append(f"attempt {run['attempt']} of the chain of run {run['chain_id']}")
    if run["forced"]:
        parts.append("forced")
    return ", ".join(parts)


def _cancel(run: dict[str, Any], now: datetime) -> str | None:
    from jeeves_runner.cli.reasons import CAUSES
    from jeeves_runner.cli.tables import when

    if run["cancel_cause"] is None:
        return None
    cause = CAUSES.get(run["cancel_cause"], run["cancel_cause"])
    return f"{cause}, asked for {when(run['cancel_requested_at'], now)}"


def _origin(run: dict[str, Any]) -> str | None:
    from jeeves_runner.cli.tables import short_sha

    if run["file"] is None:
        return None
    commit = f", commit {short_sha(run['commit'])}" if run["commit"] else ""
    return f"{run['file']}, revision {run['revision_id']}{commit}"


def _print_tail(app: App, title: str, text: str | None, run_id: int) -> None:
    from jeeves_runner.cli.render import printable
    from jeeves_runner.cli.tables import heading

    if not text:
        return
    lines = text.splitlines()
    more = len(lines) - _LINES
    heading(app, title if more <= 0 else f"{title} (the last {_LINES} lines; `logs {run_id}` prints all)")
    for line in lines[-_LINES:]:
        app.print(f"  {printable(line)}")
