"""``pause``: no more starts of a job, until a time or until resumed."""

from contextlib import closing

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app

ACTOR = "cli"


@click.command("pause")
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.option("--until", metavar="TIME", help="When it ends: a time, or a length of time such as 2h.")
@click.option("--reason", help="Shown wherever the pause is.")
@json_option
@pass_app
def command(app: App, job_id: str, until: str | None, reason: str | None) -> None:
    """Stop JOB from starting, until a time or until resumed; a run that runs goes on.

    What falls into the pause is skipped and never caught up. Another pause replaces it.
    """
    from jeeves_runner.cli.tables import pause_text
    from jeeves_runner.core.instants import later_instant
    from jeeves_runner.db import overrides
    from jeeves_runner.db.connection import transaction
    from jeeves_runner.views import job_view, live_job

    with closing(app.connect()) as conn:
        now = app.clock.now()
        end = None if until is None else later_instant(until, now, app.config.timezone, "--until")
        live_job(conn, job_id)
        with transaction(conn, app.clock) as tx:
            overrides.pause(tx, job_id, until=end, reason=reason, by=ACTOR)
        document = job_view(conn, now, job_id)
    if app.json:
        app.print_json(document)
    else:
        app.print(f"{job_id} is {pause_text(document['job']['paused'], now)}.")
