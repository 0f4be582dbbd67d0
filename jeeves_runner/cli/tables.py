"""How jobs and runs look in tables and in detail, made of the documents of the views."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from jeeves_runner.cli.context import App
from jeeves_runner.cli.reasons import reason_text
from jeeves_runner.cli.render import (
    NONE,
    Cell,
    Prose,
    Styled,
    duration,
    printable,
    relative,
    status,
    timestamp,
)
from jeeves_runner.clock import from_text

Document = Mapping[str, Any]

JOB_HEADERS: Final = ("JOB", "STATUS", Prose("SCHEDULE"), "LAST RUN", "NEXT RUN", Prose("NOTE"))
RUN_HEADERS: Final = ("RUN", "JOB", "STATUS", "TRIGGER", "WHEN", "TOOK", Prose("NOTE"))
_LONGEST: Final = 100
_SHA_LENGTH: Final = 10


def job_cells(job: Document, now: datetime, *, served: bool) -> tuple[Cell, ...]:
    """A row under ``JOB_HEADERS``; ``served`` as for ``run_cells``."""
    last = job["last_run"]
    return (
        job["id"],
        status(job["status"]),
        schedule_text(job),
        NONE if last is None else ago(last["started_at"], now),
        ago(job["next_run"], now),
        job_note(job, now, served=served),
    )


def job_note(job: Document, now: datetime, *, served: bool) -> Cell:
    """What is unusual about a job: held, paused, changed by hand, in want of a server."""
    notes = []
    if job["status"] == "scheduled" and not served:
        notes.append("waits for a server")
    if job["paused"] is not None:
        notes.append(pause_text(job["paused"], now))
    if job["held"]:
        notes.append(f"held: {job['file']} is broken")
    if job["drifted"]:
        notes.append("changed by hand")
    return Styled("; ".join(notes), "yellow") if notes else NONE


def pause_text(paused: Document, now: datetime) -> str:
    """``paused, ends in 2h: maintenance``."""
    until = f"ends {ago(paused['until'], now)}" if paused["until"] else "until resumed"
    reason = f": {printable(paused['reason'])}" if paused["reason"] else ""
    return f"paused, {until}{reason}"


def schedule_text(job: Document) -> str:
    """The expressions of a job, separated by semicolons as they may hold commas."""
    schedule = job["schedule"]
    if schedule is None:
        return "when triggered"
    return schedule if isinstance(schedule, str) else "; ".join(schedule)


def run_cells(run: Document, now: datetime, *, served: bool) -> tuple[Cell, ...]:
    """A row under ``RUN_HEADERS``; ``served``: a server is there to start what waits."""
    when = run["started_at"] or run["scheduled_for"] or run["created_at"]
    return (
        str(run["id"]),
        run["job_id"],
        status(run["status"]),
        run["trigger"],
        ago(when, now),
        took(run, now),
        run_note(run, served=served) or NONE,
    )


def took(run: Document, now: datetime) -> str:
    """How long a run took, or has taken so far."""
    if run["status"] == "running":
        started = from_text(run["started_at"])
        return f"{duration(max(0, round((now - started).total_seconds() * 1000)))} so far"
    if run["started_at"] is not None and run["duration_ms"] is None:
        return "unknown"  # its runner died with it
    return duration(run["duration_ms"])


def run_note(run: Document, *, served: bool) -> str:
    """Why a run ended badly, waits or did not run, on one short line."""
    notes = [run["message"] or reason_text(run, served=served) or _exit_text(run)]
    if run["occurrences"] > 1:
        notes.append(f"{run['occurrences']} occurrences")
    if run["attempt"] > 1:
        notes.append(f"attempt {run['attempt']}")
    return shortened("; ".join(note for note in notes if note))


def _exit_text(run: Document) -> str:
    if run["signal"]:
        return f"ended by {run['signal']}"
    return f"exit code {run['exit_code']}" if run["exit_code"] else ""


def shortened(text: str) -> str:
    """One line of at most 100 characters."""
    line = printable(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def ago(text: str | None, now: datetime) -> str:
    """A time of a document as seen from now."""
    return relative(None if text is None else from_text(text), now)


def moment(text: str, zone: ZoneInfo) -> str:
    """A time of a document on the clocks of a zone."""
    return timestamp(from_text(text).astimezone(zone))


def when(text: str | None, now: datetime) -> str:
    """A time of a document, both ways: ``2026-03-01 12:00:00Z (3h ago)``."""
    return NONE if text is None else f"{timestamp(from_text(text))} ({ago(text, now)})"


def print_pairs(app: App, pairs: Iterable[tuple[str, Cell | None]]) -> None:
    """Names and values in two columns; pairs without a value are left out."""
    given = [(name, value) for name, value in pairs if value is not None]
    widest = max(len(name) for name, _ in given)
    for name, value in given:
        text, style = value if isinstance(value, Styled) else (value, "")
        app.print(f"  {name.ljust(widest)}  ", Styled(printable(text), style))


def heading(app: App, text: str) -> None:
    """An empty line and a title."""
    app.print()
    app.print(Styled(text, "bold"))


def json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def short_sha(sha: str) -> str:
    """As much of a commit as people read, and whether the files differed from it."""
    head, dirty, _ = sha.partition("+dirty")
    return head[:_SHA_LENGTH] + dirty


def command_text(words: Sequence[str]) -> str:
    """An argv as one would type it."""
    import shlex

    return shlex.join(words)
