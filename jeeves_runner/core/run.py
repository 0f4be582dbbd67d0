"""The nouns of what happened: a run, how it ended, when a job was paused, and what is skipped."""

from datetime import datetime
from typing import NamedTuple

from jeeves_runner.core.model import CancelCause, Reason, RunStatus, Trigger


class Run(NamedTuple):
    """One row of ``runs``: an attempt, a wait, or an occurrence that did not run. Times are UTC."""

    id: int
    """Given once, in the order of entering, and never again."""
    job_id: str
    """The job, which may be a tombstone by now."""
    status: RunStatus
    """Where it stands, or how it ended."""
    trigger: Trigger
    """Why it exists."""
    attempt: int
    """1 for a first attempt, one more for each retry."""
    chain_id: int | None
    """The first attempt's id; None for a first attempt."""
    scheduled_for: datetime | None
    """The occurrence; of rows that stand for several, the first. A retry has its first attempt's."""
    last_for: datetime | None
    """The last occurrence of a row that stands for several."""
    occurrences: int
    """How many occurrences the row stands for."""
    not_before: datetime | None
    """A retry does not start before."""
    created_at: datetime
    """When the row was entered."""
    started_at: datetime | None
    """When the work began; while it runs, when its start was recorded. None for what never started."""
    finished_at: datetime | None
    """When the end was recorded."""
    duration_ms: int | None
    """How long the work took, in milliseconds of awake time."""
    exit_code: int | None
    """0 to 255, of a process that exited."""
    signal: str | None
    """``SIGKILL`` and the like, of a process that was killed."""
    message: str | None
    """What there is to say about the end, in words; while it runs, about what it does."""
    reason: Reason | None
    """Why it waits, did not start, or ended without an outcome of its own."""
    reason_ref: str | None
    """What the reason is about, by name or id."""
    stdout: str | None
    """The last lines, masked: at most 100 lines and 64 KiB."""
    stderr: str | None
    """As ``stdout``."""
    tokens: int | None
    """What the work reported as used; while it runs, so far."""
    result_meta: str | None
    """The rest of what the script reported: a JSON object."""
    model: str | None
    """The name of the model that did the work, if one did."""
    params: str | None
    """Its parameters: a JSON object of texts, null for secret ones; see ``core.params.row_values``."""
    forced: bool
    """It overrides pauses and the overlap policy."""
    priority: int
    """Higher ones start first."""
    pool: str | None
    """The named limit it takes a place of."""
    spec_hash: str | None
    """The spec it ran under; None before its start if it is a retry."""
    revision_id: int | None
    """The revision that applied that spec."""
    file: str | None
    """The manifest of that spec."""
    script_hash: str | None
    """Of what ran: the hex of a 16-byte BLAKE2b of the file, the text or the argv's JSON."""
    cancel_cause: CancelCause | None
    """The first thing it was asked to end for."""
    cancel_requested_at: datetime | None
    """When that was."""
    epoch: int | None
    """The runner that decided about it; None while no runner has."""
    caused_by: str | None = None
    """What it follows from: a JSON object, see ``core.causes.Causes``; None: from nothing."""
    depth: int = 0
    """Over how many runs it follows from what people, times and starts have brought."""
    backfill_id: int | None = None
    """The backfill that it belongs to."""

    @property
    def found_nothing_to_do(self) -> bool:
        """Whether it was skipped by its own word, or that of its precheck: it has looked."""
        return self.status is RunStatus.SKIPPED and self.reason in (Reason.EXIT_CODE, Reason.PRECHECK)


class Outcome(NamedTuple):
    """How a run ended, ready to record. The fields go to the columns of ``Run`` that have their names."""

    status: RunStatus
    """A final one."""
    exit_code: int | None = None
    """0 to 255, of a process that exited."""
    signal: str | None = None
    """``SIGKILL`` and the like, of a process that a signal ended."""
    message: str | None = None
    """What there is to say about the end, for people; None where the status says all."""
    reason: Reason | None = None
    """Why it had nothing to do, if it says so itself."""
    tokens: int | None = None
    """What the work reported as used, 0 at least."""
    result_meta: str | None = None
    """The rest of what it reported, a JSON object; None if that is empty."""
    model: str | None = None
    """The name of the model that did the work, if one did."""
    confirmed: bool = True
    """False: what carried the work out has not said that it ended."""


class PausedTime(NamedTuple):
    """A time in which a job was paused, by a pause of its own or of all jobs."""

    begin: datetime
    """When it began; aware, UTC. An occurrence at this moment is paused."""
    end: datetime
    """When it ended or will end. An occurrence at this moment is not paused."""


class SkippedTime(NamedTuple):
    """An occurrence of a job that a person does not want to run."""

    when: datetime
    """The occurrence; aware, UTC."""
    reason: str | None = None
    """Why, in that person's words."""
