"""What a job says of how people are told: of what, how often, and what they expect of its runs."""

from typing import NamedTuple


class Alert(NamedTuple):
    """What people are told of a job, and how often."""

    on: tuple[str, ...] = ("failure", "missed", "interrupted", "late", "overrun", "outlasts", "stale")
    """The causes that they are told of, of ``core.alerts.words.CHOSEN``."""
    after: int = 1
    """How many failures in a row make an incident, 1 to 1000."""
    remind_ms: int | None = 6 * 3_600_000
    """Milliseconds between reminders of an incident that is still open, a minute at least; None: never."""
    on_recovery: bool = True
    """Whether they are told that it is over."""


class Expect(NamedTuple):
    """What people expect of a job's runs: what differs is told, and ends nothing."""

    start_within_ms: int | None = None
    """Milliseconds after the scheduled time in which a run has started."""
    finish_within_ms: int | None = None
    """Milliseconds after its start in which a run has ended."""
    finish_by: str | None = None
    """``HH:MM`` in the job's time zone: the first such time after the scheduled one."""
