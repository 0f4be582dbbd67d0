"""``runs``: what ran, what waits and what did not run."""

from contextlib import closing
from typing import Final

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.arguments import RUN_ID, at_most
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.core.model import RunStatus

_SCREEN: Final = 20
STATUSES = tuple(word.value for word in RunStatus)


@click.command("runs")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--status", type=click.Choice(STATUSES), help="Only runs of this status.")
@click.option("--before", type=RUN_ID, metavar="RUN", help="Only runs older than this one.")
@click.option("--limit", type=at_most(100_000), help="At most this many: 20 unless given, with --json 50.")
@json_option
@pass_app
def command(app: App, job_id: str | None, status: str | None, before: int | None, limit: int | None) -> None:
    """List runs, newest first: all, or those of JOB (deleted jobs keep theirs)."""
    from jeeves_runner.cli.server import server_of
    from jeeves_runner.cli.tables import RUN_HEADERS, run_cells
    from jeeves_runner.views.job_lookup import check_known
    from jeeves_runner.views.runs import PAGE, runs_view

    count = limit or (PAGE if app.json else _SCREEN)
    with closing(app.connect()) as conn:
        now = app.clock.now()
        if job_id is not None:
            check_known(conn, job_id)
        document = runs_view(conn, job_id=job_id, status=status, before=before, limit=count)
        served = server_of(app, conn) is not None
    if app.json:
        app.print_json(document)
    elif document["runs"]:
        app.print_table(RUN_HEADERS, [run_cells(run, now, served=served) for run in document["runs"]])
    else:
        app.print(_why_none(job_id, status, before))


def _why_none(job_id: str | None, status: str | None, before: int | None) -> str:
    if before is not None:
        of_status = f" of status {status}" if status else ""
        return f"There are no older runs{f' of {job_id}' if job_id else ''}{of_status}."
    if status is not None:
        return f"{f'{job_id} has no run' if job_id else 'There is no run'} of status {status}."
    return "Nothing has run yet." if job_id is None else f"{job_id} has not run yet."
