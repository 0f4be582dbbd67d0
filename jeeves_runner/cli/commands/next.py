"""``next``: what is going to run, and what has run."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import NONE, ago, time_column, timestamp
from jeeves_runner.cli.load_text import print_load
from jeeves_runner.cli.rows import status_cell
from jeeves_runner.cli.spans import end_of
from jeeves_runner.cli.syntax import at_most
from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.instants import coming_instant, on_clocks
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.cli.terminal import Cell
    from jeeves_runner.views.jobs import OverrideDocument
    from jeeves_runner.views.occurrences import OccurrenceDocument, OccurrencesDocument

FEW: Final = 10
"""How many are listed unless said otherwise."""
MANY: Final = 1_000
"""The same up to an end that was given."""
A_DAY: Final = "24h"
_INSTANT: Final = timedelta(microseconds=1)


@click.command("next")
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.JOBS)
@click.option("--from", "start", metavar="TIME", help="Look from this time on; it may have passed.")
@click.option("--to", metavar="TIME", help="Look up to this time.")
@click.option("--for", "length", metavar="LENGTH", help="Look so far ahead of the beginning.")
@click.option("--count", type=at_most(100_000), help=f"At most this many: {FEW}, up to an end {MANY:,}.")
@click.option("--load", is_flag=True, help="Show how many start in each minute: of 24 hours unless said.")
@json_option
@utc_option
@pass_app
def command(
    app: App,
    job_id: str | None,
    start: str | None,
    to: str | None,
    length: str | None,
    count: int | None,
    load: bool,
) -> None:
    """List the coming occurrences: of all jobs, or of JOB."""
    with closing(app.connect()) as conn:
        now = app.clock.now()
        zone = _clocks(app, conn, job_id)
        begin = None if start is None else coming_instant(start, now, zone, "--from")
        end = end_of(begin or now, now, zone, to, length)
        if not load:
            _list(app, conn, now, begin, end, job_id, count, zone)
        elif count is not None:
            raise UsageError("--load counts all there are", hint="leave out --count")
        else:
            first = begin or now
            last = end or end_of(first, now, zone, None, A_DAY) or first
            print_load(app, conn, now, first, last, job_id, zone)


def _clocks(app: App, conn: "apsw.Connection", job_id: str | None) -> tzinfo:
    """Those of the job, if one is named; NotFound."""
    from jeeves_runner.views.job_lookup import live_job, timezone_of

    return app.zone if job_id is None else app.zone_of(timezone_of(conn, live_job(conn, job_id).id))


def _list(
    app: App,
    conn: "apsw.Connection",
    now: datetime,
    begin: datetime | None,
    end: datetime | None,
    job_id: str | None,
    count: int | None,
    zone: tzinfo,
) -> None:
    """What comes, and what came."""
    from jeeves_runner.views.occurrences import next_view

    wanted = count or (FEW if end is None else MANY)
    document = next_view(conn, now, begin=begin, end=end, job_id=job_id, count=wanted)
    found = document["occurrences"]
    if app.json:
        app.print_json(document)
    elif found:
        _print(app, document, now, zone)
        if end is not None and len(found) == wanted:
            app.print("More may follow: see --count.")
        if job_id is not None:
            last = from_text(found[-1]["scheduled_for"]) if len(found) == wanted else end
            app.print_lines([text] for text in _left_out(conn, now, job_id, begin or now, last, zone))
    else:
        app.print(_why_none(conn, now, job_id, begin, end, zone))


def _print(app: App, document: "OccurrencesDocument", now: datetime, zone: tzinfo) -> None:
    """A table; what came has its runs beside it."""
    occurrences = document["occurrences"]
    came = occurrences[0]["scheduled_for"] <= to_text(now)
    times = time_column("TIME", [each["scheduled_for"] for each in occurrences], zone)
    headers = (times.header, "WHEN", "JOB", *(("RUN", "STATUS") if came else ()))
    rows = [_row(each, at, now, came=came) for each, at in zip(occurrences, times.cells, strict=True)]
    app.print_table(headers, rows)
    if came:
        app.print()
        app.print(f"Times that have passed are by the schedules of now; {NONE}: no run of them is recorded.")


def _row(each: "OccurrenceDocument", at: str, now: datetime, *, came: bool) -> "tuple[Cell, ...]":
    time = (at, ago(each["scheduled_for"], now), each["job_id"])
    if not came:
        return time
    if each["status"] is None:
        return (*time, NONE, NONE)
    return (*time, str(each["run_id"]), status_cell(each["status"], each["reason"]))


def _span(begin: datetime | None, end: datetime | None, zone: tzinfo) -> str:
    """What was looked at, as the end of a sentence; empty if no time was given."""
    first = "" if begin is None else f"from {_text(begin, zone)} "
    return first + (f"to {_text(end, zone)}" if end is not None else "on" if first else "")


def _text(time: datetime, zone: tzinfo) -> str:
    return timestamp(on_clocks(time, zone))


def _why_none(
    conn: "apsw.Connection",
    now: datetime,
    job_id: str | None,
    begin: datetime | None,
    end: datetime | None,
    zone: tzinfo,
) -> str:
    """A sentence for an empty list of what comes from ``begin`` to ``end``."""
    span = _span(begin, end, zone)
    if job_id is None:
        from jeeves_runner.core.model import OverrideKind
        from jeeves_runner.views.jobs import override_of_all

        pause = override_of_all(conn, OverrideKind.PAUSE, now)
        none = f"Nothing is scheduled {span}".rstrip()
        return f"{none}." if pause is None else f"{none}; {_paused('all jobs are', pause, zone)}."
    from jeeves_runner.views.jobs import job_view
    from jeeves_runner.views.occurrences import last_until

    job = job_view(conn, now, job_id)["job"]
    if job["status"] == "disabled":
        return f"{job_id} is declared `enabled: false` in {job['file']}."
    if job["schedule"] is None:
        from jeeves_runner.core.why.of_job import without_schedule

        return without_schedule(job_id, on_start=bool(job["spec"].get("on_start")))
    if job["paused"] and _pauses(conn, now, job_id, begin or now, end, job["paused"]):
        return f"{_paused(f'{job_id} is', job['paused'], zone)}."
    none = f"{job_id} has no occurrence {span or 'any more'}"
    last = last_until(conn, job_id, end or begin or now)
    for skip in job["skips"]:
        when = from_text(skip["scheduled_for"])
        if skip["is_occurrence"] and (begin or now) <= when <= (end or when):
            return f"{none} but that of {_text(when, zone)}, which is skipped."
    return (
        f"{none}, nor had it one before."
        if last is None
        else f"{none}; its last one before is at {_text(last, zone)}."
    )


def _left_out(
    conn: "apsw.Connection", now: datetime, job_id: str, begin: datetime, end: datetime | None, zone: tzinfo
) -> "Iterator[str]":
    """Sentences about what comes from ``begin`` to ``end`` and is not in the list."""
    from jeeves_runner.views.jobs import job_view

    job = job_view(conn, now, job_id)["job"]
    if job["paused"] and _pauses(conn, now, job_id, begin, end, job["paused"]):
        yield f"{_paused(f'{job_id} is', job['paused'], zone)}: what is due before is left out."
    for skip in job["skips"]:
        when = from_text(skip["scheduled_for"])
        if skip["is_occurrence"] and begin <= when and (end is None or when <= end):
            yield f"That of {_text(when, zone)} is skipped, and left out."


def _pauses(
    conn: "apsw.Connection",
    now: datetime,
    job_id: str,
    begin: datetime,
    end: datetime | None,
    pause: "OverrideDocument",
) -> bool:
    """Whether an occurrence from ``begin`` to ``end`` that is to come falls into a pause."""
    from jeeves_runner.views.occurrences import last_until

    over = None if pause["until"] is None else from_text(pause["until"]) - _INSTANT
    ends = [each for each in (over, end) if each is not None]
    if not ends:
        return True
    last = last_until(conn, job_id, min(ends))
    return last is not None and last >= begin and last > now


def _paused(who: str, pause: "OverrideDocument", zone: tzinfo) -> str:
    until = "resumed" if pause["until"] is None else _text(from_text(pause["until"]), zone)
    return f"{who} paused until {until}"
