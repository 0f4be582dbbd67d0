"""The starts per minute as people read them: a chart, the worst minute, and what ``H`` would spread."""

from datetime import datetime, tzinfo
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.context import App
from jeeves_runner.cli.formats import moment, timestamp
from jeeves_runner.cli.load_chart import BLOCKS, PLAIN, load_chart
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import can_show
from jeeves_runner.clock import from_text
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.load import Load

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.views.load import (
        JobStartsDocument,
        MinuteDocument,
        PeakDocument,
        SpreadDocument,
    )

_WIDTH: Final = 78
_NAMED: Final = 10
"""How many of the jobs that start in the worst minute are named."""
_PROPOSED: Final = 10
"""How many of the proposals are shown."""


def print_load(
    app: App,
    conn: "apsw.Connection",
    now: datetime,
    begin: datetime,
    end: datetime,
    job_id: str | None,
    zone: tzinfo,
) -> None:
    """The load of [``begin``, ``end``); NotFound for an unknown job."""
    from jeeves_runner.views.job_lookup import live_job
    from jeeves_runner.views.load import load_view

    if job_id is not None:
        live_job(conn, job_id)
    document = load_view(conn, now, begin=begin, end=end, job_id=job_id)
    if app.json:
        app.print_json(document)
        return
    span = f"from {timestamp(on_clocks(begin, zone))} to {timestamp(on_clocks(end, zone))}"
    if document["peak"] is None:
        app.print(f"Nothing starts {span}.")
        return
    app.print(f"{document['starts']:,} {'run starts' if document['starts'] == 1 else 'runs start'} {span}.")
    app.print()
    load = {from_text(each["minute"]): each["starts"] for each in document["minutes"]}
    print_chart(app, load, begin, end, zone)
    app.print()
    _print_peak(app, document["peak"], zone)
    if document["spread"] is not None:
        _print_spread(app, document["spread"], zone)
    if begin < now:
        app.print()
        app.print("Times that have passed are by the schedules of now.")


def peak_sentence(peak: "MinuteDocument", zone: tzinfo) -> str:
    """Which minute is the worst, and how bad."""
    return f"Most start in the minute of {moment(peak['minute'], zone)}: {peak['starts']:,}."


def print_chart(app: App, load: Load, begin: datetime, end: datetime, zone: tzinfo) -> None:
    """The chart in characters that the terminal has."""
    levels = BLOCKS if can_show(BLOCKS) else PLAIN
    app.print_lines((line,) for line in load_chart(load, begin, end, zone, levels))


def _print_peak(app: App, peak: "PeakDocument", zone: tzinfo) -> None:
    app.print(peak_sentence(peak, zone))
    jobs = peak["jobs"]
    names = ", ".join(map(_job, jobs[:_NAMED]))
    more = f" and {len(jobs) - _NAMED:,} more" if len(jobs) > _NAMED else ""
    for line in wrap(names + more, _WIDTH, break_long_words=False, break_on_hyphens=False):
        app.print(f"  {line}")


def _job(each: "JobStartsDocument") -> str:
    return each["job_id"] if each["starts"] == 1 else f"{each['job_id']} ({each['starts']} times)"


def _print_spread(app: App, spread: "SpreadDocument", zone: tzinfo) -> None:
    peak, proposals = spread["peak"], spread["proposals"]
    app.print()
    app.print(
        f"With H, {peak['starts']:,} would start in the worst minute, at {moment(peak['minute'], zone)}:"
    )
    app.print()
    app.print_table(
        ("JOB", "FILE", Prose("SCHEDULE"), Prose("INSTEAD")),
        [
            (each["job_id"], f"{each['file']}:{each['line']}", each["written"], each["proposed"])
            for each in proposals[:_PROPOSED]
        ],
    )
    if len(proposals) > _PROPOSED:
        app.print(f"and {len(proposals) - _PROPOSED:,} more, which --json lists")
