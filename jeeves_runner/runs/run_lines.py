"""The lines that the log of a server has of runs: one when a run starts, and one when it has ended.

With ``log.format: json`` the parts of a line are fields of its object as well.
"""

import logging
from typing import Any, Final

from jeeves_runner.core.durations import in_units
from jeeves_runner.core.model import BAD
from jeeves_runner.core.outcome import last_line
from jeeves_runner.core.reasons import short_reason
from jeeves_runner.core.run import Run

log = logging.getLogger(__name__)

_STARTED: Final = "started"


def tell_start(run: Run, word: str = _STARTED) -> None:
    """``run 3 of nightly started (schedule)``. ``word``: what happens where no run starts anew."""
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    facts = {**_named(run), "event": word, "trigger": run.trigger}
    log.info("run %d of %s %s (%s%s)", run.id, run.job_id, word, run.trigger, attempt, extra={"facts": facts})


def tell_end(run: Run) -> None:
    """``run 3 of nightly ended error after 2m 10s: exit code 3: disk quota exceeded``: a warning if it ended
    badly, with the last line of its error output, or of its output where that is empty."""
    error = last_line((run.stderr, run.stdout)) if run.status in BAD else None
    took = "" if run.duration_ms is None else f" after {in_units(run.duration_ms)}"
    said = [text for text in (_how(run), error) if text]
    facts = {
        **_named(run),
        "event": "ended",
        "status": run.status,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "duration_ms": run.duration_ms,
        "reason": run.message or run.reason,
        "error": error,
    }
    log.log(
        logging.WARNING if run.status in BAD else logging.INFO,
        "run %d of %s ended %s%s%s",
        run.id,
        run.job_id,
        run.status,
        took,
        f": {': '.join(dict.fromkeys(said))}" if said else "",
        extra={"facts": {name: value for name, value in facts.items() if value is not None}},
    )


def _named(run: Run) -> dict[str, Any]:
    return {"run": run.id, "job": run.job_id, "attempt": run.attempt}


def _how(run: Run) -> str | None:
    """What there is to say of an end beside its status."""
    if run.message:
        return run.message
    if run.reason is not None:
        return short_reason(run.status, run.reason, run.reason_ref)
    if run.signal:
        return f"ended by {run.signal}"
    return f"exit code {run.exit_code}" if run.exit_code else None
