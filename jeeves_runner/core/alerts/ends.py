"""What the end of a run means for people."""

from typing import Any, Final

from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import BAD, CancelCause, Reason, RunStatus
from jeeves_runner.core.run import Run

PROVEN_WELL: Final = (Cause.FAILURE, Cause.INTERRUPTED, Cause.MISSED)
"""What is over once a run has ended ok."""


def cause_of(run: Run) -> Cause | None:
    """What is wrong when this was the last attempt; None: nothing. Skipped and cancelled runs say nothing,
    and neither do occurrences that a later one has stood for."""
    if run.status is RunStatus.MISSED:
        return None if run.reason is Reason.SUPERSEDED else Cause.MISSED
    if run.status is RunStatus.INTERRUPTED:
        return Cause.INTERRUPTED
    return Cause.FAILURE if run.status in BAD else None


def leaves_failure(status: RunStatus, attempt: int, *, has_started: bool) -> bool:
    """Whether it is a retry that was skipped before it started: its chain ended as the attempt before it did.
    One that was cancelled is not: a person has decided about it."""
    return status is RunStatus.SKIPPED and attempt > 1 and not has_started


def has_output(run: Run) -> bool:
    """Whether it did its work, or a part of it, and wrote something."""
    did_work = run.status is RunStatus.OK or cause_of(run) is not None
    return did_work and run.stdout is not None and bool(run.stdout.strip())


def was_stopped(run: Run, epoch: int | None) -> bool:
    """Whether it was interrupted with its runner, and with all that this one carried: the runner stopped, or
    another one, of number ``epoch``, has found that it died."""
    if run.status is not RunStatus.INTERRUPTED or run.epoch is None:
        return False
    is_asked = run.cancel_cause in (CancelCause.SHUTDOWN, CancelCause.FENCED)
    return is_asked or (epoch is not None and epoch > run.epoch)


def facts_of(run: Run) -> dict[str, Any]:
    """What is known of it in lists of alerts when its row is gone: JSON values, none of them null."""
    facts = {
        "status": run.status,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "reason": run.reason,
        "occurrences": run.occurrences if run.occurrences > 1 else None,
    }
    return {name: value for name, value in facts.items() if value is not None}
