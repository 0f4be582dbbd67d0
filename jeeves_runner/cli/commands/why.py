"""``why``: why a job ran at a time, or did not."""

from contextlib import closing
from datetime import timedelta

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.syntax import PastTimes


@click.command("why", cls=PastTimes)
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.argument("when", metavar="[TIME|RUN]", required=False)
@json_option
@pass_app
def command(app: App, job_id: str, when: str | None) -> None:
    """Say why JOB ran at TIME, or did not; why RUN is where it is; or why what happened last did.

    A TIME without an offset is one on the clocks of the job's time zone; 03:00 is of today, and -2h is two
    hours ago.
    """
    from jeeves_runner.cli.server import catching_up, server_of
    from jeeves_runner.views.why import is_number, why_view

    run_id = int(when) if when is not None and is_number(when) else None
    spread_ms = app.settings.catch_up_spread_ms
    with closing(app.connect()) as conn:
        server = server_of(conn)
        document = why_view(
            conn,
            app.clock.now(),
            job_id,
            at=when if run_id is None else None,
            run_id=run_id,
            served=server is not None,
            catching_up=catching_up(server) if spread_ms else {},
            catch_up_spread=timedelta(milliseconds=spread_ms),
        )
    if app.json:
        app.print_json(document)
    else:
        app.print_paragraph(document["text"])
