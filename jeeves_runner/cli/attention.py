"""What asks for attention, as rows: what ``views.attention`` finds, and what people have set for jobs."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from shlex import quote
from typing import Final, Literal

import apsw

from jeeves_runner.cli.formats import ago, shortened
from jeeves_runner.cli.rows import RUN_OUT, may_run_out, mute_text, pause_text, skips_text
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.config import Config
from jeeves_runner.views.attention import Attention, first_of, said
from jeeves_runner.views.jobs import ListedJobDocument, OverrideDocument, jobs_view
from jeeves_runner.views.occurrences import next_runs
from jeeves_runner.views.runner import StatusDocument

Row = tuple[Cell, Cell, Cell]
"""What it is, which it is, and why with what to do."""

_COLOURS: Final = {"bad": "red", "warn": "yellow"}


def attention_rows(found: Iterable[Attention], now: datetime) -> Iterator[Row]:
    """Rows of what was found, with how long ago it was."""
    for each in found:
        why = said(each.why, lambda text: ago(text, now))
        yield Styled(each.what, _COLOURS[each.tone]), each.which, why


def access_rows(config: Config, status: StatusDocument) -> Iterator[Row]:
    """Files and folders that more people may use than the config says."""
    removed = "go-rwx" if config.data_mode == "0700" else "o-rwx"
    for path, mode in ((each["path"], each["mode"]) for each in status["health"]["too_open"]):
        why = f"its mode {mode} lets more people in than data_mode {config.data_mode}"
        yield Styled("too open", "yellow"), Path(path).name, f"{why}: `chmod {removed} {quote(path)}`"


def set_rows(conn: apsw.Connection, now: datetime, zone_of: Callable[[str], tzinfo]) -> Iterator[Row]:
    """What people have set for jobs, and schedules that have run out. ``zone_of``: the clocks of a job, by
    the name of its zone."""
    jobs = jobs_view(conn, now, lambda _: None)["jobs"]
    yield from _set_rows(jobs, "paused", "resume", pause_text, now)
    yield from _set_rows(jobs, "muted", "unmute", mute_text, now)
    for job in jobs:
        if job["skips"]:
            text = shortened(skips_text(job, now, zone_of(job["timezone"])))
            why = f"{text}; `jeeves-runner unskip {job['id']}` ends it"
            yield Styled("skips", "magenta"), job["id"], why
    yield from _run_out_rows(conn, jobs, now)


def _set_rows(
    jobs: list[ListedJobDocument],
    key: Literal["paused", "muted"],
    command: str,
    text: Callable[[OverrideDocument, datetime], str],
    now: datetime,
) -> Iterator[Row]:
    """What people have set for jobs, and what ends it."""
    found = [(job["id"], override) for job in jobs if (override := job[key])]
    everything = "all jobs" if key == "paused" else "everything"
    of_all = [(everything, override, "--all") for _, override in found if override["all"]][:1]
    of_one = [(job_id, override, job_id) for job_id, override in found if not override["all"]]
    for which, override, word in (*of_all, *of_one):
        why = f"{shortened(text(override, now))}; `jeeves-runner {command} {word}` ends it"
        yield Styled(key, "magenta"), which, why


def _run_out_rows(conn: apsw.Connection, jobs: list[ListedJobDocument], now: datetime) -> Iterator[Row]:
    """One row for all jobs whose schedules have run out: nothing is wrong with them, and there may be many.

    Only schedules that can run out are searched; that of many cron expressions would take long.
    """
    ids = [job["id"] for job in jobs if may_run_out(job)]
    coming = next_runs(conn, now, ids) if ids else None
    over = [job_id for job_id in ids if coming is not None and coming(job_id) is None]
    if over:
        why = f"{RUN_OUT}; `jeeves-runner job {over[0]}` has its schedule"
        yield Styled("run out", "dim"), shortened(first_of(over)), why
