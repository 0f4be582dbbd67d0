"""The title of a message: which job it is, and what happened.

The reader has just been woken, and sees this line first.
"""

from typing import Final

from jeeves_runner.core.alerts.telling import Lasting, Telling, ToldJob, ToldRun
from jeeves_runner.core.alerts.texts import between, clean, short_moment
from jeeves_runner.core.alerts.words import SUBJECTS, Cause, Said
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.model import Reason, RunStatus
from jeeves_runner.core.wording import one_line

_OVER: Final = {
    Cause.FAILURE: "is ok again",
    Cause.MISSED: "runs again",
    Cause.INTERRUPTED: "is ok again",
    Cause.LATE: "has started in time again",
    Cause.OVERRUN: "has ended in time again",
    Cause.OUTLASTS: "fits between its times again",
    Cause.STALE: "is fresh again",
    Cause.HELD: "is no longer held back",
    Cause.BLOCKED: "are no longer held up",
    Cause.DISK_FULL: "has room again",
}
_STILL: Final = {
    Cause.FAILURE: "still fails",
    Cause.MISSED: "missed its time and has not been ok",
    Cause.INTERRUPTED: "was interrupted and has not been ok",
    Cause.LATE: "is still late",
    Cause.OVERRUN: "still takes too long",
    Cause.OUTLASTS: "still takes longer than the time between its runs",
    Cause.STALE: "is still stale",
    Cause.HELD: "is still held back",
    Cause.BLOCKED: "are still not applied",
    Cause.DISK_FULL: "is still full",
}
_MISSED: Final = {
    Reason.LATE: "no runner was there until it was too late",
    Reason.SUPERSEDED: "no runner was there, and only the latest of them is made up for",
    Reason.NO_CATCH_UP: "no runner was there, and the job has catch_up: none",
}


def title_of(telling: Telling, host: str) -> str:
    """One line: who, and what happened. A job is known by its id; of all else it says on which host."""
    return one_line(_title(telling, host))


def _title(telling: Telling, host: str) -> str:
    who = _who(telling, host)
    match telling.said:
        case Said.TEST:
            return f"This is a test: messages from {who} arrive here"
        case Said.OUTPUT:
            return f"{who}: output of run {'?' if telling.run is None else telling.run.id}"
        case Said.RECOVERED:
            return f"{who} {_of(_OVER, telling)}{_lasted(telling.incident)}"
        case Said.REMINDER:
            return f"{who} {_of(_STILL, telling)}{_since(telling)}"
        case _:
            return f"{who} {_what(telling)}"


def _who(telling: Telling, host: str) -> str:
    subject = telling.facts.get("subject")
    if telling.job is not None:
        return f"{subject} (job {telling.job.id})" if subject else telling.job.id
    if telling.cause is Cause.DEAD_LETTERS:
        return f"queue {subject} on {host}:"
    return f"{subject or SUBJECTS.get(telling.cause, 'jeeves-runner')} on {host}"


def _of(words: dict[Cause, str], telling: Telling) -> str:
    return words[telling.cause] if telling.cause in words else str(telling.facts.get("words", ""))


def _lasted(incident: Lasting | None) -> str:
    if incident is None or incident.closed_at is None:
        return ""
    times = f", {incident.times} times" if incident.times > 1 else ""
    return f" after {between(incident.opened_at, incident.closed_at)}{times}"


def _since(telling: Telling) -> str:
    incident = telling.incident
    if incident is None:
        return ""
    zone = "UTC" if telling.job is None else telling.job.timezone
    times = f", {incident.times} times" if incident.times > 1 else ""
    since = short_moment(incident.opened_at, zone, telling.at)
    return f" since {since} ({between(incident.opened_at, telling.at)}{times})"


def _what(telling: Telling) -> str:
    """What happened, as the end of a sentence that begins with its subject."""
    run, words = telling.run, telling.facts.get("words")
    if words:
        return str(words)
    if run is None:
        return {Cause.FAILURE: "failed", Cause.SUCCESS: "is ok"}.get(
            telling.cause,  # type: ignore[arg-type]
            "needs attention",
        )
    if run.status is RunStatus.MISSED:
        return _missed(telling, run)
    count = 1 if telling.incident is None else telling.incident.times
    in_a_row = f" ({count} times in a row)" if count > 1 else ""
    ended, why = _ended(run)
    return f"{ended}{_took(run, telling.job)}{in_a_row}{why}"


def _missed(telling: Telling, run: ToldRun) -> str:
    zone = "UTC" if telling.job is None else telling.job.timezone
    why = _MISSED.get(run.reason)  # type: ignore[call-overload]
    because = "" if why is None else f": {why}"
    if run.scheduled_for is None:
        return f"missed a run{because}"
    first = short_moment(run.scheduled_for, zone, telling.at)
    if run.occurrences == 1:
        return f"missed its run of {first}{because}"
    return f"missed {run.occurrences} runs since {first}{because}"


def _ended(run: ToldRun) -> tuple[str, str]:
    """How it ended; and why, as far as that is a sentence, behind which nothing more can be said."""
    match run.status:
        case RunStatus.OK:
            return "is ok", ""
        case RunStatus.TIMEOUT:
            return "timed out", ""
        case RunStatus.INTERRUPTED:
            return "was interrupted", ""
        case RunStatus.ERROR if run.signal is not None:
            return f"failed: ended by {run.signal}", ""
        case RunStatus.ERROR if run.exit_code is not None:
            return f"failed: exit code {run.exit_code}", ""
        case RunStatus.ERROR if run.message:
            return "failed", f": {brief_line(run.message)}"
        case RunStatus.ERROR:
            return "failed", ""
        case _:
            return f"is {run.status}", ""


def _took(run: ToldRun, job: ToldJob | None) -> str:
    if run.duration_ms is None:
        return ""
    usual = None if job is None or job.usual_ms is None else f", usually {in_units(job.usual_ms)}"
    return f" after {in_units(run.duration_ms)}{usual or ''}"


def brief_line(text: str) -> str:
    """A text of a run in one line of 200 characters at most."""
    line = " ".join(clean(text).split())
    return line if len(line) <= 200 else line[:199] + "…"
