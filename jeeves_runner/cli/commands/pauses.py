"""``pause`` and ``resume``: no more starts of a job, until a time or until resumed."""

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.formats import ago
from jeeves_runner.cli.rows import pause_text
from jeeves_runner.core.durations import End, is_duration
from jeeves_runner.core.instants import later_end
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.db import overrides
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    from jeeves_runner.views.jobs import AllPausedDocument, JobDocument, WholeJobDocument


@click.command("pause")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--all", "of_all", is_flag=True, help="All jobs, those to come as well.")
@click.option("--until", metavar="TIME", help="When it ends: a time, or a length of time such as 2h.")
@click.option("--reason", help="Shown wherever the pause is.")
@json_option
@pass_app
def pause(app: App, job_id: str | None, of_all: bool, until: str | None, reason: str | None) -> None:
    """Stop JOB, or all jobs, from starting, until a time or until resumed; a run that runs goes on.

    What falls into the pause is skipped and never caught up. Another pause replaces it; a pause of all jobs
    comes on top of those of single ones.
    """
    from jeeves_runner.views.job_lookup import live_job
    from jeeves_runner.views.jobs import job_view, pause_of_all

    _check_target(job_id, of_all)
    with closing(app.connect()) as conn:
        now = app.clock.now()
        end = None if until is None else _end(app, until, now)
        if job_id is not None:
            live_job(conn, job_id)
        with announced_transaction(conn, app.clock) as tx:
            overrides.pause(tx, job_id, until=end, reason=reason, by=AppliedBy.CLI)
        if job_id is None:
            who, paused = "All jobs are", pause_of_all(conn, now)
            document: AllPausedDocument | JobDocument = {"paused": paused}
        else:
            one = document = job_view(conn, now, job_id)
            who, paused = f"{job_id} is", one["job"]["paused"]
    if app.json:
        app.print_json(document)
    elif paused is not None:
        app.print(f"{who} {pause_text(paused, now)}.")


def _end(app: App, until: str, now: datetime) -> End:
    """When the pause ends. A length of time needs no time zone, and so no config."""
    zone = "UTC" if is_duration(until) else app.settings.timezone
    return later_end(until, now, zone, "--until")


def _check_target(job_id: str | None, of_all: bool) -> None:
    """UsageError unless the command names either a job or all."""
    if (job_id is None) != of_all:
        raise UsageError("name either a job or --all")


@click.command("resume")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--all", "of_all", is_flag=True, help="End the pause of all jobs; those of single jobs stay.")
@json_option
@pass_app
def resume(app: App, job_id: str | None, of_all: bool) -> None:
    """End the pause of JOB, or the one of all jobs. What was missed meanwhile is not caught up."""
    from jeeves_runner.views.job_lookup import live_job
    from jeeves_runner.views.jobs import job_view, pause_of_all

    _check_target(job_id, of_all)
    with closing(app.connect()) as conn:
        if job_id is not None:
            live_job(conn, job_id)
        with announced_transaction(conn, app.clock) as tx:
            was_paused = overrides.resume(tx, job_id, by=AppliedBy.CLI)
        now = app.clock.now()
        if job_id is None:
            document: AllPausedDocument | JobDocument = {"paused": pause_of_all(conn, now)}
            answer = _answer_for_all(was_paused, len(overrides.pauses(conn, now).of_jobs))
        else:
            one = document = job_view(conn, now, job_id)
            answer = _answer(one["job"], was_paused, now)
    if app.json:
        app.print_json(document)
    else:
        app.print(answer)


def _answer_for_all(was_paused: bool, others: int) -> str:
    answer = "The pause of all jobs has ended" if was_paused else "There is no pause of all jobs"
    if not others:
        return f"{answer}."
    stay = "job stays" if others == 1 else "jobs stay"
    return f"{answer}; {others} {stay} paused, see `jeeves-runner status`."


def _answer(job: "WholeJobDocument", was_paused: bool, now: datetime) -> str:
    name = job["id"]
    if job["paused"] is not None:
        how = "is resumed, but" if was_paused else "has no pause of its own;"
        return f"{name} {how} all jobs are paused: `jeeves-runner resume --all` ends that."
    if not was_paused:
        return f"{name} is not paused."
    if job["next_run"] is None:
        return f"{name} is resumed; nothing is scheduled."
    return f"{name} is resumed; it runs next {ago(job['next_run'], now)}."
