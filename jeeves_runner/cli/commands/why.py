"""``why``: why a job ran at a time, or did not."""

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.syntax import PastTimes
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    from jeeves_runner.views.occurrences import Moments
    from jeeves_runner.views.why import WhyDocument
    from jeeves_runner.views.why_node import NodeWhyDocument


class _Look(TypedDict):
    """What is known besides the database."""

    served: bool
    catching_up: "Moments"
    catch_up_spread: timedelta


@click.command("why", cls=PastTimes)
@click.argument("job_id", metavar="JOB", shell_complete=completion.JOBS)
@click.argument("when", metavar="[TIME|RUN]", required=False)
@json_option
@utc_option
@pass_app
def command(app: App, job_id: str, when: str | None) -> None:
    """Say why JOB ran at TIME, or did not; why RUN is where it is; or why what happened last did.

    A TIME without an offset is one on the clocks of the job's time zone; 03:00 is of today, and -2h is two
    hours ago. JOB may also be a node such as datastore:mail: then it is said how new its data is, and which
    job before it is the first that is not well.
    """
    from jeeves_runner.cli.server import catching_up, server_of
    from jeeves_runner.views.why import is_number, why_view
    from jeeves_runner.views.why_node import node_why_view

    if ":" in job_id and when is not None:
        raise UsageError("of a node there is only what is now: leave out the time")
    run_id = int(when) if when is not None and is_number(when) else None
    spread_ms = app.settings.catch_up_spread_ms
    with closing(app.connect()) as conn:
        server = server_of(conn)
        look: _Look = {
            "served": server is not None,
            "catching_up": catching_up(server) if spread_ms else {},
            "catch_up_spread": timedelta(milliseconds=spread_ms),
        }
        now = app.clock.now()
        document: WhyDocument | NodeWhyDocument
        if ":" in job_id:
            document = node_why_view(conn, now, job_id, **look)
        else:
            at, zone = when if run_id is None else None, "UTC" if app.utc else None
            document = why_view(conn, now, job_id, at=at, run_id=run_id, zone=zone, **look)
    if app.json:
        app.print_json(document)
    else:
        app.print_paragraph(document["text"])
