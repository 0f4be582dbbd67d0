"""``jobs`` and ``job``: the live jobs, what they are declared as and how they have been."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.declared_text import declared_pairs
from jeeves_runner.cli.formats import command_text, counted, duration, shortened, when
from jeeves_runner.cli.plan_text import problem_lines
from jeeves_runner.cli.rows import (
    JOB_HEADERS,
    PARAM_HEADERS,
    RUN_OUT,
    has_run_out,
    job_cells,
    late_text,
    mute_text,
    param_cells,
    pause_text,
    print_runs,
    skip_text,
    status_cell,
)
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.model import OUTCOMES
from jeeves_runner.core.origin import short_sha
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.schedule_entry import starting_text, written_text

if TYPE_CHECKING:
    from jeeves_runner.views.jobs import JobsDocument, ListedJobDocument, WholeJobDocument

STATUSES = ("disabled", "paused", "running", "scheduled", *map(str, OUTCOMES), "idle", "held")


@click.command("jobs")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs of this status.")
@click.option("--tag", help="Only jobs with this tag.")
@json_option
@utc_option
@pass_app
def list_jobs(app: App, status: str | None, tag: str | None) -> None:
    """List the jobs.

    A job's status is the first that fits of disabled, paused, running, scheduled (a run waits), the outcome
    of its last run, and idle (it never ran). Any job may be held as well.
    """
    from jeeves_runner.cli.server import catching_up, server_of
    from jeeves_runner.views.jobs import jobs_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        server = server_of(conn)
        late = catching_up(server)
        every = jobs_view(conn, now, catching_up=late)["jobs"]
    jobs = [job for job in every if _fits(job, status, tag)]
    if app.json:
        document: JobsDocument = {"jobs": jobs}
        app.print_json(document)
    elif jobs:
        app.print_table(JOB_HEADERS, [job_cells(app, job, now, served=server is not None) for job in jobs])
    elif every:
        app.print(f"No job fits; {counted(len(every), 'job is', 'jobs are')} declared.")
    else:
        app.print("There are no jobs yet: write a manifest (`jeeves-runner add-job`), then apply it.")


def _fits(job: "ListedJobDocument", status: str | None, tag: str | None) -> bool:
    right_status = status is None or job["status"] == status or (status == "held" and job["held"])
    return right_status and (tag is None or tag in job["tags"])


@click.command("job")
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.option("--explain", is_flag=True, help="Show where each value comes from, by the files of now.")
@json_option
@utc_option
@pass_app
def show_job(app: App, job_id: str, explain: bool) -> None:
    """Show JOB: what starts it, what it runs, all else that is declared of it, and its last runs."""
    if explain:
        _explain(app, job_id)
        return
    from jeeves_runner.cli.server import catching_up, server_of
    from jeeves_runner.views.jobs import job_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        server = server_of(conn)
        late = catching_up(server)
        document = job_view(conn, now, job_id, catching_up=late)
    if app.json:
        app.print_json(document)
        return
    job = document["job"]
    title = job["id"] if job["name"] == job["id"] else f"{job['id']}: {job['name']}"
    app.print(Styled(title, "bold"))
    if job["description"]:
        app.print_text(job["description"].strip())
    app.print_pairs(_pairs(job, now, app.zone_of(job["timezone"])))
    spec: Mapping[str, Any] = job["spec"]
    if params := spec.get("params"):  # a row of an earlier version has none
        app.print_heading("Parameters")
        app.print_table(PARAM_HEADERS, [param_cells(*param) for param in params.items()])
    if job["last_runs"]:
        app.print_heading("Last runs")
        zone = app.zone_of(job["timezone"])
        print_runs(app, job["last_runs"], now, zone, served=server is not None)


def _explain(app: App, job_id: str) -> None:
    from jeeves_runner.cli import explanation_text as text
    from jeeves_runner.reconcile.explaining import explain_job
    from jeeves_runner.views.explanation import explanation_view

    conn = None if app.has_no_database() else app.connect_declared()
    document = explanation_view(conn, explain_job(app.project, conn, job_id))
    if app.json:
        app.print_json(document)
        return
    told = document["explanation"]
    app.print(Styled(told["id"], "bold"))
    app.print_pairs(text.explanation_pairs(told, app.clock.now(), app.zone))
    app.print_lines(problem_lines(Problem(**problem) for problem in told["problems"]))
    if told["differences"]:
        app.print_heading("The files differ from the live job")
        app.print_lines(text.difference_lines(told))
    if rows := text.key_rows(told):
        app.print_heading("Values")
        app.print_table(text.HEADERS, rows)
    if (note := text.note(told)) is not None:
        app.print(note)
    elif unset := text.unset_keys(told):
        app.print(f"Not set: {unset}.")


def _pairs(job: "WholeJobDocument", now: datetime, zone: tzinfo) -> Iterator[tuple[str, Cell | None]]:
    spec: Mapping[str, Any] = job["spec"]
    yield "status", status_cell(job["status"])
    if job["paused"]:
        yield "paused", Styled(pause_text(job["paused"], now, zone), "magenta")
    if job["muted"]:
        yield "muted", Styled(mute_text(job["muted"], now, zone), "magenta")
    for skip in job["skips"]:
        yield "skips", Styled(skip_text(skip, zone, now), "magenta")
    if job["held"]:
        reason = f"{job['file']}: {job['held_message']} (since {when(job['held_since'], now, zone)})"
        yield "held", Styled(reason, "yellow")
    if job["catches_up_at"]:
        yield "late", Styled(late_text(job["catches_up_at"], now), "yellow")
    yield "next run", RUN_OUT if has_run_out(job) else when(job["next_run"], now, zone)
    yield "schedule", _schedule(job)
    yield "starts", "; ".join(job["starts"]) or None
    yield "precheck", _precheck(spec.get("precheck"))  # a row of an earlier version has none
    yield "runs", _program(job)
    if spec["type"] == "script":
        yield "in", spec["cwd"] or None
    yield "session", _session(spec)
    yield "limits", _limits(spec)
    yield "exit codes", _exit_codes(spec.get("exit_codes"))  # a row of an earlier version has none
    if (today := job["tokens_today"]) is not None:
        style = "red" if today["used"] >= today["limit"] else ""
        spent = f"{today['used']:,} of {today['limit']:,}"
        yield "tokens today", Styled(f"{spent}; the next day begins {when(today['until'], now, zone)}", style)
    yield from declared_pairs(spec)
    yield "tags", ", ".join(job["tags"]) or None
    yield "owner", spec["owner"]
    yield "declared", f"{job['file']}:{job['line']}, {_revision(job, now, zone)}"
    if job["drifted"]:
        yield "drift", Styled("changed by hand in the database; the next apply heals it", "yellow")


def _schedule(job: "WholeJobDocument") -> str | None:
    if job["schedule"] is None:
        return None if job["starts"] else starting_text(None, ())
    spec: Mapping[str, Any] = job["spec"]
    excluded = f", except {', '.join(spec['exclude'])}" if spec["exclude"] else ""
    return f"{written_text(job['schedule'])} ({job['timezone']}){excluded}"


def _precheck(precheck: Mapping[str, Any] | None) -> str | None:
    if precheck is None:
        return None
    if precheck["run"] is not None:
        return f"inline: {shortened(precheck['run'].strip())}"
    return command_text(precheck["command"] or [precheck["script"]])


def _program(job: "WholeJobDocument") -> str:
    spec: Mapping[str, Any] = job["spec"]
    if job["source_type"] == "command":
        return command_text(json.loads(job["script"]))
    if job["source_type"] == "inline":
        return f"inline: {shortened(job['script'].strip())}"
    if job["source_type"] == "prompt":
        return f"prompt: {shortened(job['script'].strip())}"
    if job["source_type"] == "prompt_file":
        return f"prompt in {job['script']}"
    return command_text([job["script"], *spec["args"]])


def _session(spec: Mapping[str, Any]) -> str | None:
    """How an agent carries it out, as far as the manifest says."""
    said = {name: value for name, value in (spec.get("session") or {}).items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in said.items()) or None


def _limits(spec: Mapping[str, Any]) -> str:
    timeout = "no timeout" if spec["timeout_ms"] is None else f"timeout {duration(spec['timeout_ms'])}"
    parts = [timeout, f"overlap {spec['overlap_policy']}"]
    if spec["pool"]:
        parts.append(f"pool {spec['pool']}")
    if spec["priority"]:
        parts.append(f"priority {spec['priority']}")
    return ", ".join(parts)


def _exit_codes(codes: Mapping[str, Any] | None) -> str | None:
    if codes is None:
        return None
    return "; ".join(f"{end} {', '.join(map(str, some))}" for end, some in codes.items() if some)


def _revision(job: "WholeJobDocument", now: datetime, zone: tzinfo) -> str:
    revision = job["revision"]
    if revision is None:
        return "by no revision"
    commit = f", commit {short_sha(revision['commit'])}" if revision["commit"] else ""
    return f"revision {revision['id']}, applied {when(revision['applied_at'], now, zone)}{commit}"
