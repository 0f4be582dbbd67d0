"""``runs``: what ran, what waits and what did not run."""

from contextlib import closing

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.core.model import RunStatus

STATUSES = tuple(word.value for word in RunStatus)


@click.command("runs")
@click.argument("job_id", metavar="[JOB]", required=False)
@click.option("--status", type=click.Choice(STATUSES), help="Only runs of this status.")
@click.option("--before", type=click.IntRange(1), metavar="RUN", help="Only runs older than this one.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@json_option
@pass_app
def command(app: App, job_id: str | None, status: str | None, before: int | None, limit: int) -> None:
    """List runs, newest first: all, or those of JOB (deleted jobs keep theirs)."""
    from jeeves_runner.cli.tables import RUN_HEADERS, run_cells
    from jeeves_runner.views import check_known, runs_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        if job_id is not None:
            check_known(conn, job_id)
        document = runs_view(conn, job_id=job_id, status=status, before=before, limit=limit)
    if app.json:
        app.print_json(document)
    elif document["runs"]:
        app.print_table(RUN_HEADERS, [run_cells(run, now) for run in document["runs"]])
    else:
        app.print("No such run." if status or before else "Nothing has run yet.")
