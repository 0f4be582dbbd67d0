"""``runs`` and ``run``: what ran, what waits and what did not run, and all that is recorded of one run."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import json_text, timestamp, when
from jeeves_runner.cli.named_run import RUN_OR_JOB, latest_run
from jeeves_runner.cli.rows import last_lines, print_runs, status_cell, took, whole_run_note
from jeeves_runner.cli.syntax import RUN_ID, SCREEN, limit_option
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.causes import causes_of, in_words
from jeeves_runner.core.instants import end_of_span, on_clocks, past_instant
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.origin import short_sha
from jeeves_runner.core.reasons import CAUSES
from jeeves_runner.core.values import PAGE

if TYPE_CHECKING:
    from jeeves_runner.db.run_list import WholeRunRow

_TAIL: Final = 20
"""Lines of output shown of one run."""
STATUSES = tuple(word.value for word in RunStatus)


@click.command("runs")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--status", type=click.Choice(STATUSES), help="Only runs of this status.")
@click.option("--before", type=RUN_ID, metavar="RUN", help="Only runs older than this one.")
@click.option(
    "--since",
    metavar="TIME",
    help="Only those from this time on: 22:00, a date and time, or how long ago: -2h.",
)
@click.option("--until", metavar="TIME", help="Only those before this time.")
@limit_option(100_000)
@json_option
@utc_option
@pass_app
def list_runs(
    app: App,
    job_id: str | None,
    status: str | None,
    before: int | None,
    since: str | None,
    until: str | None,
    limit: int | None,
) -> None:
    """List runs, newest first: all, or those of JOB (deleted jobs keep theirs)."""
    from jeeves_runner.cli.server import server_of
    from jeeves_runner.views.job_lookup import check_known, timezone_of
    from jeeves_runner.views.runs import runs_view

    count = limit or (PAGE if app.json else SCREEN)
    with closing(app.connect()) as conn:
        now = app.clock.now()
        if job_id is not None:
            check_known(conn, job_id)
        zone: tzinfo = UTC
        if not app.json or since is not None or until is not None:
            zone = app.zone if job_id is None else app.zone_of(timezone_of(conn, job_id))
        begin = None if since is None else past_instant(since, now, zone, "--since")
        end = None if until is None else end_of_span(until, begin, now, zone, "--until")
        document = runs_view(
            conn, job_id=job_id, status=status, before=before, since=begin, until=end, limit=count
        )
        served = server_of(conn) is not None
    if app.json:
        app.print_json(document)
    elif document["runs"]:
        print_runs(app, document["runs"], now, zone, served=served)
    elif begin is not None or end is not None:
        of_job = f" of {job_id}" if job_id else ""
        first = "" if begin is None else f" from {timestamp(on_clocks(begin, zone))} on"
        last = "" if end is None else f" before {timestamp(on_clocks(end, zone))}"
        app.print(f"There is no such run{of_job}{first}{last}.")
    else:
        app.print(_why_none(job_id, status, before))


def _why_none(job_id: str | None, status: str | None, before: int | None) -> str:
    if before is not None:
        of_status = f" of status {status}" if status else ""
        return f"There are no older runs{f' of {job_id}' if job_id else ''}{of_status}."
    if status is not None:
        return f"{f'{job_id} has no run' if job_id else 'There is no run'} of status {status}."
    return "Nothing has run yet." if job_id is None else f"{job_id} has not run yet."


@click.command("run")
@click.argument("word", metavar="RUN|JOB", type=RUN_OR_JOB, shell_complete=completion.RUNS_AND_JOBS)
@click.option("--lineage", is_flag=True, help="Show instead what led to it, and what it led to.")
@json_option
@utc_option
@pass_app
def show_run(app: App, word: int | str, lineage: bool) -> None:
    """Show RUN, or the latest of JOB: how it ended, what it ran and the end of its output."""
    from jeeves_runner.cli.server import server_of
    from jeeves_runner.views.job_lookup import timezone_of
    from jeeves_runner.views.runs import run_view

    if lineage:
        _show_lineage(app, word)
        return
    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = run_view(conn, latest_run(conn, word))
        if app.json:
            app.print_json(document)
            return
        run = document["run"]
        zone = app.zone_of(timezone_of(conn, run["job_id"]))
        served = server_of(conn) is not None
    app.print(Styled(f"Run {run['id']} of {run['job_id']}", "bold"))
    app.print_pairs(_pairs(run, now, zone, served=served))
    _print_tail(app, "Output", run["stdout"], run["id"])
    _print_tail(app, "Error output", run["stderr"], run["id"])


def _show_lineage(app: App, word: int | str) -> None:
    from jeeves_runner.cli.lineage_text import print_lineage
    from jeeves_runner.views.lineage import run_lineage_view

    with closing(app.connect()) as conn:
        document = run_lineage_view(conn, app.clock.now(), latest_run(conn, word))
    if app.json:
        app.print_json(document)
    else:
        print_lineage(app, document["lineage"])


def _pairs(
    run: "WholeRunRow", now: datetime, zone: tzinfo, *, served: bool
) -> Iterator[tuple[str, Cell | None]]:
    def time(text: str | None) -> str | None:
        return None if text is None else when(text, now, zone)

    yield "status", status_cell(run["status"])
    yield "now" if run["status"] == "running" else "why", whole_run_note(run, now, served=served) or None
    yield "trigger", _trigger(run)
    yield "caused by", _causes(run)
    yield "scheduled", time(run["scheduled_for"])
    yield "until", time(run["last_for"])
    yield "not before", time(run["not_before"]) if run["status"] == "scheduled" else None
    yield "created", None if run["started_at"] else time(run["created_at"])
    yield "started", time(run["started_at"])
    yield "finished", time(run["finished_at"])
    yield "took", took(run, now) if run["started_at"] else None
    yield "exit code", None if run["exit_code"] is None else str(run["exit_code"])
    yield "signal", run["signal"]
    yield "cancelled", _cancel(run, now, zone)
    yield "params", None if run["params"] is None else json_text(run["params"])
    yield "tokens", None if run["tokens"] is None else str(run["tokens"])
    yield "model", run["model"]
    yield "late", _late(run, now, zone)
    yield "result", None if run["result_meta"] is None else json_text(run["result_meta"])
    yield "declared", _origin(run)
    yield "script", run["script_hash"] and f"hash {run['script_hash']}"
    yield "log", run["log_path"]


def _trigger(run: "WholeRunRow") -> str:
    parts = [run["trigger"]]
    if run["attempt"] > 1:
        parts.append(f"attempt {run['attempt']} of the chain of run {run['chain_id']}")
    if run["forced"]:
        parts.append("forced")
    return ", ".join(parts)


def _causes(run: "WholeRunRow") -> str | None:
    causes = causes_of(run["caused_by"])
    words = None if causes is None else in_words(causes)
    return f"{words} (depth {run['depth']})" if words else None


def _cancel(run: "WholeRunRow", now: datetime, zone: tzinfo) -> str | None:
    if run["cancel_cause"] is None:
        return None
    cause = CAUSES.get(run["cancel_cause"], run["cancel_cause"])
    return f"{cause}, asked for {when(run['cancel_requested_at'], now, zone)}"


def _late(run: "WholeRunRow", now: datetime, zone: tzinfo) -> str | None:
    """What became known after its end; what another program wrote there is shown as it is."""
    late = run["late"]
    if not isinstance(late, dict) or not isinstance(late.get("at"), str):
        return None if late is None else json_text(late)
    parts = [f"{late.get('status')}, known {when(late['at'], now, zone)}"]
    if late.get("tokens") is not None:
        parts.append(f"{late['tokens']} tokens")
    if late.get("message"):
        parts.append(str(late["message"]))
    return "; ".join(parts)


def _origin(run: "WholeRunRow") -> str | None:
    if run["file"] is None:
        return None
    commit = f", commit {short_sha(run['commit'])}" if run["commit"] else ""
    return f"{run['file']}, revision {run['revision_id']}{commit}"


def _print_tail(app: App, title: str, text: str | None, run_id: int) -> None:
    if not text:
        return
    more = len(text.splitlines()) - _TAIL
    app.print_heading(title if more <= 0 else f"{title} (the last {_TAIL} lines; `logs {run_id}` prints all)")
    for line in last_lines(text, _TAIL):
        app.print(line)
