"""``pause``: no more starts of a job, until a time or until resumed."""

from contextlib import closing
from typing import Any

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.tables import pause_text
from jeeves_runner.core.instants import later_instant
from jeeves_runner.db import overrides
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import UsageError
from jeeves_runner.views.job_lookup import live_job
from jeeves_runner.views.jobs import job_view, pause_of_all

ACTOR = "cli"


@click.command("pause")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--all", "of_all", is_flag=True, help="All jobs, those to come as well.")
@click.option("--until", metavar="TIME", help="When it ends: a time, or a length of time such as 2h.")
@click.option("--reason", help="Shown wherever the pause is.")
@json_option
@pass_app
def command(app: App, job_id: str | None, of_all: bool, until: str | None, reason: str | None) -> None:
    """Stop JOB, or all jobs, from starting, until a time or until resumed; a run that runs goes on.

    What falls into the pause is skipped and never caught up. Another pause replaces it; a pause of all jobs
    comes on top of those of single ones.
    """
    check_target(job_id, of_all)
    with closing(app.connect()) as conn:
        now = app.clock.now()
        end = None if until is None else later_instant(until, now, app.config.timezone, "--until")
        if job_id is not None:
            live_job(conn, job_id)
        with announced_transaction(conn, app.clock) as tx:
            overrides.pause(tx, job_id, until=end, reason=reason, by=ACTOR)
        if job_id is None:
            who, paused = "All jobs are", pause_of_all(conn, now)
            document: dict[str, Any] = {"paused": paused}
        else:
            document = job_view(conn, now, job_id)
            who, paused = f"{job_id} is", document["job"]["paused"]
    if app.json:
        app.print_json(document)
    elif paused is not None:
        app.print(f"{who} {pause_text(paused, now)}.")


def check_target(job_id: str | None, of_all: bool) -> None:
    """UsageError unless the command names either a job or all."""
    if (job_id is None) != of_all:
        raise UsageError("name either a job or --all")
