"""``next``: what is going to run, and what has run."""

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.formats import NONE, ago, moment, timestamp
from jeeves_runner.cli.rows import status_cell
from jeeves_runner.cli.spans import end_of
from jeeves_runner.cli.syntax import at_most
from jeeves_runner.clock import to_text
from jeeves_runner.core.instants import parse_instant

if TYPE_CHECKING:
    from jeeves_runner.cli.terminal import Cell
    from jeeves_runner.views.jobs import ListedJobDocument
    from jeeves_runner.views.occurrences import OccurrenceDocument, OccurrencesDocument

FEW: Final = 10
"""How many are listed unless said otherwise."""
MANY: Final = 1_000
"""The same up to an end that was given."""


@click.command("next")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--from", "start", metavar="TIME", help="Look from this time on; it may have passed.")
@click.option("--to", metavar="TIME", help="Look up to this time.")
@click.option("--for", "length", metavar="LENGTH", help="Look so far ahead of the beginning.")
@click.option("--count", type=at_most(100_000), help=f"At most this many: {FEW}, up to an end {MANY:,}.")
@json_option
@pass_app
def command(
    app: App, job_id: str | None, start: str | None, to: str | None, length: str | None, count: int | None
) -> None:
    """List the coming occurrences: of all jobs, or of JOB."""
    from jeeves_runner.views.jobs import job_view
    from jeeves_runner.views.occurrences import last_until, next_view

    zone = app.settings.timezone
    with closing(app.connect()) as conn:
        now = app.clock.now()
        begin = None if start is None else parse_instant(start, now, zone, "--from")
        end = end_of(begin or now, now, zone, to, length)
        job = None if job_id is None else job_view(conn, now, job_id)["job"]
        wanted = count or (FEW if end is None else MANY)
        document = next_view(conn, now, begin=begin, end=end, job_id=job_id, count=wanted)
        found = document["occurrences"]
        last = None if found or job_id is None else last_until(conn, job_id, end or begin or now)
    if app.json:
        app.print_json(document)
    elif found:
        _print(app, document, now, ZoneInfo(zone))
        if end is not None and len(found) == wanted:
            app.print("More may follow: see --count.")
    else:
        before = None if last is None else _text(last, ZoneInfo(zone))
        app.print(_why_none(job, _span(begin, end, ZoneInfo(zone)), before))


def _print(app: App, document: "OccurrencesDocument", now: datetime, zone: ZoneInfo) -> None:
    """A table; what came has its runs beside it."""
    occurrences = document["occurrences"]
    came = occurrences[0]["scheduled_for"] <= to_text(now)
    headers = ("TIME", "WHEN", "JOB", *(("RUN", "STATUS") if came else ()))
    app.print_table(headers, [_row(each, now, zone, came=came) for each in occurrences])
    if came:
        app.print()
        app.print(f"Times that have passed are by the schedules of now; {NONE}: no run of them is recorded.")


def _row(each: "OccurrenceDocument", now: datetime, zone: ZoneInfo, *, came: bool) -> "tuple[Cell, ...]":
    time = (moment(each["scheduled_for"], zone), ago(each["scheduled_for"], now), each["job_id"])
    if not came:
        return time
    if each["status"] is None:
        return (*time, NONE, NONE)
    return (*time, str(each["run_id"]), status_cell(each["status"], each["reason"]))


def _span(begin: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    """What was looked at, as the end of a sentence; empty if no time was given."""
    first = "" if begin is None else f"from {_text(begin, zone)} "
    return first + (f"to {_text(end, zone)}" if end is not None else "on" if first else "")


def _text(time: datetime, zone: ZoneInfo) -> str:
    return timestamp(time.astimezone(zone))


def _why_none(job: "ListedJobDocument | None", span: str, last: str | None) -> str:
    """A sentence for an empty list. ``span``: what was looked at; ``last``: what the job has before that."""
    if job is None:
        return f"Nothing is scheduled {span}".rstrip() + "."
    if job["status"] == "disabled":
        return f"{job['id']} is declared `enabled: false` in {job['file']}."
    if job["schedule"] is None:
        return f"{job['id']} has no schedule; it runs when triggered."
    if job["paused"] and job["paused"]["until"] is None:
        return f"{job['id']} is paused until resumed."
    what = span or "any more"
    if last is None:
        return f"{job['id']} has no occurrence {what}, nor had it one before."
    return f"{job['id']} has no occurrence {what}; its last one before is at {last}."
