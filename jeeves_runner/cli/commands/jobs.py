"""``jobs``: every live job with how it is, when it ran and when it will."""

from contextlib import closing
from typing import Any

import click

from jeeves_runner.cli.context import App, json_option, pass_app

STATUSES = (
    "disabled",
    "paused",
    "running",
    "scheduled",
    "ok",
    "error",
    "timeout",
    "cancelled",
    "interrupted",
    "idle",
    "held",
)


@click.command("jobs")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs of this status.")
@click.option("--tag", help="Only jobs with this tag.")
@json_option
@pass_app
def command(app: App, status: str | None, tag: str | None) -> None:
    """List the jobs.

    A job's status is the first that fits of disabled, paused, running, scheduled (a run waits), the outcome
    of its last run, and idle (it never ran). Any job may be held as well.
    """
    from jeeves_runner.cli.render import counted
    from jeeves_runner.cli.server import server_of
    from jeeves_runner.cli.tables import JOB_HEADERS, job_cells
    from jeeves_runner.views.jobs import jobs_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        every = jobs_view(conn, now)["jobs"]
        served = server_of(app, conn) is not None
    jobs = [job for job in every if _fits(job, status, tag)]
    if app.json:
        app.print_json({"jobs": jobs})
    elif jobs:
        app.print_table(JOB_HEADERS, [job_cells(job, now, served=served) for job in jobs])
    elif every:
        app.print(f"No job fits; {counted(len(every), 'job is', 'jobs are')} declared.")
    else:
        app.print("There are no jobs yet: write a manifest (`jeeves-runner add-job`), then apply it.")


def _fits(job: dict[str, Any], status: str | None, tag: str | None) -> bool:
    right_status = status is None or job["status"] == status or (status == "held" and job["held"])
    return right_status and (tag is None or tag in job["tags"])
