"""The words of alerts: what they are about, and what is said of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What an alert is about; the closed list.

    An incident lasts: it opens, people are reminded of it, and it closes. An event is said once.
    """

    FAILURE = "failure"
    MISSED = "missed"
    INTERRUPTED = "interrupted"
    LATE = "late"
    OVERRUN = "overrun"
    OUTLASTS = "outlasts"
    STALE = "stale"
    HELD = "held"
    BLOCKED = "blocked"
    DISK_FULL = "disk_full"
    CLOCK = "clock"
    DOWN = "down"
    DEAD_LETTERS = "dead_letters"
    SUCCESS = "success"

    @property
    def is_event(self) -> bool:
        """Whether it is said once, and nothing stays open."""
        return self in (Cause.CLOCK, Cause.DOWN, Cause.DEAD_LETTERS, Cause.SUCCESS)


CHOSEN: Final = (
    Cause.FAILURE,
    Cause.MISSED,
    Cause.INTERRUPTED,
    Cause.LATE,
    Cause.OVERRUN,
    Cause.OUTLASTS,
    Cause.STALE,
)
"""The causes that a job's ``alert.on`` chooses from; all of them by default."""

SUBJECTS: Final[Mapping[str | None, str]] = {
    Cause.BLOCKED: "changes of the manifests",
    Cause.DISK_FULL: "the disk",
    Cause.CLOCK: "the clock",
    Cause.DOWN: "the runner",
}
"""What those are about that have neither a job nor a subject, as the beginning of a sentence;
by the words of causes, as rows have them too."""


class Said(StrEnum):
    """What a row of the outbox says."""

    OPENED = "opened"
    """An incident is open: the first message about it."""
    REMINDER = "reminder"
    """It is still open."""
    RECOVERED = "recovered"
    """It is over."""
    EVENT = "event"
    """Something happened that does not last."""
    OUTPUT = "output"
    """The output of a run, for the job's ``output_channel``."""
    TEST = "test"
    """A person wants to see whether a message arrives."""


class ClosedBy(StrEnum):
    """How an incident ended."""

    RECOVERED = "recovered"
    DISABLED = "disabled"
    DELETED = "deleted"
