"""What is to be said of a run beside its status: why it waits, did not start, or ended so."""

from jeeves_runner.core.reasons import short_reason
from jeeves_runner.db.run_list import RunRow


def note_of(run: RunRow) -> str:
    """In a line; empty if there is nothing to say."""
    notes = [run["message"] or _reason(run) or _exit(run)]
    if run["occurrences"] > 1:
        notes.append(f"{run['occurrences']:,} occurrences")
    return "; ".join(note for note in notes if note)


def _reason(run: RunRow) -> str:
    code = run["reason"]
    return "" if code is None else short_reason(run["status"], code, run["reason_ref"])


def _exit(run: RunRow) -> str:
    if run["signal"]:
        return f"ended by {run['signal']}"
    return f"exit code {run['exit_code']}" if run["exit_code"] else ""
