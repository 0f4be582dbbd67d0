"""``resume``: the end of a pause."""

from contextlib import closing

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app

ACTOR = "cli"


@click.command("resume")
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@json_option
@pass_app
def command(app: App, job_id: str) -> None:
    """End the pause of JOB. What it missed meanwhile is not caught up."""
    from jeeves_runner.cli.tables import ago
    from jeeves_runner.db import overrides
    from jeeves_runner.db.connection import transaction
    from jeeves_runner.views import job_view, live_job

    with closing(app.connect()) as conn:
        live_job(conn, job_id)
        with transaction(conn, app.clock) as tx:
            was_paused = overrides.resume(tx, job_id, by=ACTOR)
        now = app.clock.now()
        document = job_view(conn, now, job_id)
    job = document["job"]
    if app.json:
        app.print_json(document)
    elif not was_paused:
        app.print(f"{job_id} is not paused.")
    elif job["next_run"] is None:
        app.print(f"{job_id} is resumed; nothing is scheduled.")
    else:
        app.print(f"{job_id} is resumed; it runs next {ago(job['next_run'], now)}.")
