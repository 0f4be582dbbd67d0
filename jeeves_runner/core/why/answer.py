"""What comes out: an answer in a word, and sentences that make a paragraph."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Answer(StrEnum):
    """What became of the time or the run that was asked about, or what will; one word for programs."""

    RAN = "ran"
    RUNS = "runs"
    WAITS = "waits"
    SKIPPED = "skipped"
    MISSED = "missed"
    CANCELLED = "cancelled"
    PRUNED = "pruned"
    TO_CATCH_UP = "to_catch_up"
    UNDECIDED = "undecided"
    NOT_YET_DUE = "not_yet_due"
    TO_BE_SKIPPED = "to_be_skipped"
    EXCLUDED = "excluded"
    NO_OCCURRENCE = "no_occurrence"
    NO_SCHEDULE = "no_schedule"
    NOT_DECLARED = "not_declared"
    PAUSED = "paused"
    DISABLED = "disabled"
    DELETED = "deleted"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"
    NEVER_RAN = "never_ran"


_OF_RUNS = (Answer.RAN, Answer.RUNS, Answer.WAITS, Answer.SKIPPED, Answer.MISSED, Answer.CANCELLED)


class About(StrEnum):
    """What a sentence is about."""

    CAUSE = "cause"
    OUTCOME = "outcome"
    WAIT = "wait"
    REASON = "reason"
    ATTEMPTS = "attempts"
    DECLARED = "declared"
    TIME = "time"
    CLOCK = "clock"
    NEAREST = "nearest"
    KEPT = "kept"
    NEXT = "next"
    PAUSE = "pause"
    MUTE = "mute"
    HELD = "held"
    STATE = "state"
    SERVER = "server"


class Part(NamedTuple):
    """One sentence, or two that belong together."""

    about: About
    """What it is about."""
    text: str
    """For people. It may hold what people and scripts wrote, on one line each."""


class Why(NamedTuple):
    """Why a job ran or did not."""

    answer: Answer
    """What became of what was asked about."""
    parts: tuple[Part, ...]
    """The reasons, in the order in which they are told."""
    scheduled_for: datetime | None = None
    """The occurrence; None: there is none at that time, or the run is of none."""
    before: datetime | None = None
    """Of a time without an occurrence, the nearest one before it."""
    after: datetime | None = None
    """And the nearest one after it."""

    @property
    def is_of_run(self) -> bool:
        """Whether it is about a run, or about a row that says why there is none."""
        return self.answer in _OF_RUNS

    @property
    def text(self) -> str:
        """All of it as one paragraph."""
        return " ".join(part.text for part in self.parts)

    def with_parts(self, *parts: Part | None) -> "Why":
        """The same, with these told after it."""
        return self._replace(parts=(*self.parts, *(part for part in parts if part is not None)))
