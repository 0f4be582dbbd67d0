"""``next``: what is going to run."""

from contextlib import closing
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.formats import ago, moment, timestamp
from jeeves_runner.cli.syntax import at_most
from jeeves_runner.core.instants import parse_instant

if TYPE_CHECKING:
    from jeeves_runner.views.jobs import ListedJobDocument


@click.command("next")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--from", "start", metavar="TIME", help="Look from this time, or from a length of time ahead.")
@click.option("--count", type=at_most(100_000), default=10, show_default=True)
@json_option
@pass_app
def command(app: App, job_id: str | None, start: str | None, count: int) -> None:
    """List the coming occurrences: of all jobs, or of JOB."""
    from jeeves_runner.views.jobs import job_view
    from jeeves_runner.views.occurrences import next_view

    zone = app.settings.timezone
    with closing(app.connect()) as conn:
        now = app.clock.now()
        after = now if start is None else parse_instant(start, now, zone, "--from")
        job = None if job_id is None else job_view(conn, now, job_id)["job"]
        document = next_view(conn, now, after=after, job_id=job_id, count=count)
    if app.json:
        app.print_json(document)
    elif document["occurrences"]:
        rows = [
            (moment(o["scheduled_for"], ZoneInfo(zone)), ago(o["scheduled_for"], now), o["job_id"])
            for o in document["occurrences"]
        ]
        app.print_table(("TIME", "WHEN", "JOB"), rows)
    else:
        app.print(_why_none(job, None if start is None else timestamp(after.astimezone(ZoneInfo(zone)))))


def _why_none(job: "ListedJobDocument | None", after: str | None) -> str:
    """A sentence for an empty list. ``after``: the time that was asked for, if one was."""
    if job is None:
        return "Nothing is scheduled." if after is None else f"Nothing is scheduled after {after}."
    if job["status"] == "disabled":
        return f"{job['id']} is declared `enabled: false` in {job['file']}."
    if job["schedule"] is None:
        return f"{job['id']} has no schedule; it runs when triggered."
    if job["paused"]:
        return f"{job['id']} is paused until resumed."
    return f"{job['id']} has no occurrence {'for years' if after is None else f'after {after}'}."
