"""Jobs and runs as rows of tables: made of the documents of ``views``, which HTTP answers as well."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final

from jeeves_runner.cli.context import App
from jeeves_runner.cli.formats import NONE, ago, duration, moment, on_one_line, shortened, time_column, when
from jeeves_runner.cli.reasons import NO_SERVER, reason_text
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.clock import from_text
from jeeves_runner.core.model import BAD
from jeeves_runner.core.reasons import CATCHES_UP
from jeeves_runner.core.schedule_entry import starting_text

if TYPE_CHECKING:
    from jeeves_runner.db.run_list import RunRow
    from jeeves_runner.views.jobs import ListedJobDocument, OverrideDocument, SkipDocument
    from jeeves_runner.views.queues import QueuePauseDocument

JOB_HEADERS: Final = ("JOB", "STATUS", Prose("SCHEDULE"), "LAST RUN", "NEXT RUN", Prose("NOTE"))
PARAM_HEADERS: Final = ("NAME", Prose("VALUE"), "DEFAULT", Prose("DESCRIPTION"))

RUN_OUT: Final = "no further occurrence"
"""In place of the next run of a job whose schedule has an end that has passed."""

OF_A_RUN: Final = "  | "
"""Stands before each line that a run wrote, so that none is taken for one of the command's own: GitHub, say,
finds its ``::error::`` behind blanks too."""

_MOST_OF_A_LINE: Final = 1_000
"""Characters of a line that are shown where a run's last lines are: some more than a screen is wide."""

#: The styles of statuses, of runs and of jobs. A word that is not listed stays plain.
STATUS_STYLES: Final[dict[str, str]] = {
    "ok": "green",
    "running": "cyan",
    "scheduled": "blue",
    **dict.fromkeys(BAD, "red"),
    "missed": "yellow",
    "skipped": "yellow",
    "cancelled": "yellow",
    "paused": "magenta",
    "held": "yellow",
    "disabled": "dim",
    "idle": "dim",
}


def last_lines(output: str, count: int) -> list[str]:
    """The last lines that a run wrote, for people: of a long line its end, and all of it is in the log."""
    return [
        f"{OF_A_RUN}{line}" if len(line) <= _MOST_OF_A_LINE else f"{OF_A_RUN}…{line[-_MOST_OF_A_LINE:]}"
        for line in output.splitlines()[-count:]
    ]


def status_cell(word: str, reason: str | None = None) -> Cell:
    """A status in its colour, with the code of its reason behind it."""
    style = STATUS_STYLES.get(word)
    text = word if reason is None else f"{word} ({reason})"
    return Styled(text, style) if style else text


def job_cells(app: App, job: "ListedJobDocument", now: datetime, *, served: bool) -> tuple[Cell, ...]:
    """A row under ``JOB_HEADERS``. ``served``: a server runs, so what waits will start."""
    last = job["last_run"]
    return (
        job["id"],
        status_cell(job["status"]),
        starting_text(job["schedule"], job["starts"]),
        NONE if last is None else ago(last["started_at"], now),
        ago(job["next_run"], now),
        job_note(app, job, now, served=served),
    )


def param_cells(name: str, param: Mapping[str, Any]) -> tuple[Cell, ...]:
    """A row under ``PARAM_HEADERS``: what a spec says of a parameter."""
    value = f"one of {', '.join(param['enum'])}" if param["enum"] else param["type"]
    if param["pattern"] is not None:
        value += f" matching {param['pattern']}"
    default = param["default"]
    return (
        name,
        f"{value}, secret" if param["secret"] else value,
        ("required" if param["required"] else NONE) if default is None else default or '""',
        shortened(param["description"] or NONE),
    )


def job_note(app: App, job: "ListedJobDocument", now: datetime, *, served: bool) -> Cell:
    """What is unusual about a job: it is late, held, paused, muted or changed by hand, skips a run, waits
    for a server, or does not occur any more."""
    notes = []
    if job["status"] == "scheduled" and not served:
        notes.append(NO_SERVER)
    if job["catches_up_at"] is not None:
        notes.append(late_text(job["catches_up_at"], now))
    if job["paused"] is not None:
        notes.append(pause_text(job["paused"], now))
    if job["muted"] is not None:
        notes.append(mute_text(job["muted"], now))
    if job["skips"]:
        notes.append(skips_text(job, now, app.zone_of(job["timezone"])))
    if job["held"]:
        notes.append(f"held: runs on as before, {job['file']} is broken")
    if job["drifted"]:
        notes.append("changed by hand")
    if has_run_out(job):
        notes.append(RUN_OUT)
    return Styled("; ".join(notes), "yellow") if notes else NONE


def has_run_out(job: "ListedJobDocument") -> bool:
    """Whether it has a schedule by which it does not occur any more."""
    return _is_due(job) and job["next_run"] is None


def may_run_out(job: "ListedJobDocument") -> bool:
    """Whether its schedule may have an end: cron expressions and ``every`` go on for good."""
    schedule = job["schedule"]
    entries = schedule if isinstance(schedule, list) else [schedule]
    return _is_due(job) and all(isinstance(each, dict) and "every" not in each for each in entries)


def _is_due(job: "ListedJobDocument") -> bool:
    return job["schedule"] is not None and job["status"] != "disabled" and job["paused"] is None


def late_text(catches_up_at: str, now: datetime) -> str:
    """``late: catches up in 5m (catch_up_spread)``."""
    return CATCHES_UP.short.format(ref=ago(catches_up_at, now))


def pause_text(
    paused: "OverrideDocument | QueuePauseDocument", now: datetime, zone: tzinfo | None = None
) -> str:
    """``paused, ends in 2h: maintenance``; with the clocks of a zone when that is, too."""
    return _override_text("paused", "until resumed", paused, now, zone)


def mute_text(muted: "OverrideDocument", now: datetime, zone: tzinfo | None = None) -> str:
    """``muted, ends in 2h: known``, likewise."""
    return _override_text("muted", "until unmuted", muted, now, zone)


def skip_text(skip: "SkipDocument", zone: tzinfo, now: datetime) -> str:
    """``2026-12-24 02:30:00+01:00 (in 3h): closed``, on the clocks of the job."""
    at = moment(skip["scheduled_for"], zone)
    none = "" if skip["is_occurrence"] else ", at which it does not occur any more"
    reason = f": {skip['reason']}" if skip["reason"] else ""
    return f"{at} ({ago(skip['scheduled_for'], now)}){none}{reason}"


def skips_text(job: "ListedJobDocument", now: datetime, zone: tzinfo) -> str:
    """``skips 2026-12-24 …``: the first of what is skipped of a job, and how many follow."""
    first, *more = job["skips"]
    others = f"; {len(more)} more" if more else ""
    return f"skips {skip_text(first, zone, now)}{others}"


def _override_text(
    word: str,
    without_end: str,
    override: "OverrideDocument | QueuePauseDocument",
    now: datetime,
    zone: tzinfo | None,
) -> str:
    end = override["until"]
    until = without_end if end is None else f"ends {ago(end, now) if zone is None else when(end, now, zone)}"
    reason = f": {override['reason']}" if override["reason"] else ""
    return f"{word}, {until}{reason}"


def print_runs(app: App, runs: "Sequence[RunRow]", now: datetime, zone: tzinfo, *, served: bool) -> None:
    """A table of runs, with the times of their starts; of what has not started, when it was due or asked for.

    ``served``: a server runs, so what waits will start.
    """
    times = time_column(
        "TIME", [run["started_at"] or run["scheduled_for"] or run["created_at"] for run in runs], zone
    )
    headers = ("RUN", "JOB", "STATUS", "TRIGGER", times.header, "TOOK", Prose("NOTE"))
    rows = [
        (
            str(run["id"]),
            run["job_id"],
            status_cell(run["status"]),
            run["trigger"],
            at,
            took(run, now),
            run_note(run, now, served=served) or NONE,
        )
        for run, at in zip(runs, times.cells, strict=True)
    ]
    app.print_table(headers, rows)


def took(run: "RunRow", now: datetime) -> str:
    """How long a run took, or has taken so far."""
    if run["started_at"] is None or run["duration_ms"] is not None:
        return duration(run["duration_ms"])
    if run["status"] != "running":
        return "unknown"  # its runner died with it
    try:
        started = from_text(run["started_at"])
    except ValueError:  # changed by hand
        return "unknown"
    return f"{duration(max(0, round((now - started).total_seconds() * 1000)))} so far"


def run_note(run: "RunRow", now: datetime, *, served: bool) -> str:
    """Why a run ended badly, waits or did not run: one line of at most 100 characters."""
    return shortened(whole_run_note(run, now, served=served))


def whole_run_note(run: "RunRow", now: datetime, *, served: bool) -> str:
    """The same in one line, however long."""
    notes = [run["message"] or reason_text(run, now, served=served) or _exit_text(run)]
    if run["occurrences"] > 1:
        notes.append(f"{run['occurrences']} occurrences")
    if run["attempt"] > 1:
        notes.append(f"attempt {run['attempt']}")
    return on_one_line("; ".join(note for note in notes if note))


def _exit_text(run: "RunRow") -> str:
    if run["signal"]:
        return f"ended by {run['signal']}"
    return f"exit code {run['exit_code']}" if run["exit_code"] else ""
