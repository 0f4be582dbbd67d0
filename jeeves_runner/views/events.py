"""What those who follow the runner are told: one document for each kind of event."""

from collections.abc import Mapping
from typing import Final, Literal, NotRequired, TypedDict

from jeeves_runner.db.incident_list import IncidentRow
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.views.queues import QueueCountsDocument
from jeeves_runner.views.sync import SyncSummary

EventKind = Literal["run", "sync", "queue", "alert"]
"""What an event is about."""

BriefKind = Literal["run", "sync", "queue", "alert", "other", "lock"]
"""The same, and ``other``: something was committed of which no event tells, such as a pause or state; and
``lock``: another process has locked the database, or has ended that."""

RunChange = Literal["entered", "waits", "started", "progress", "ended"]
"""What has become of a run. ``waits``: its reason or its time has changed. ``ended``: also that more became
known of it later."""


class RunEvent(TypedDict):
    """A run has changed."""

    change: RunChange
    """The newest that became of it."""
    run: RunRow
    """As lists have it, when it was looked at."""


class QueueEvent(QueueCountsDocument):
    """The counts or the pause of a queue have changed."""

    id: str
    """The queue."""


class AlertEvent(TypedDict):
    """An incident was opened or closed."""

    change: Literal["opened", "closed"]
    """Which of these."""
    incident: IncidentRow
    """The incident."""


class ChangedEvent(TypedDict):
    """That something has changed, to those who would rather look for themselves."""

    kinds: list[BriefKind]
    """What it is about."""
    jobs: list[str] | None
    """The jobs that it is about, as far as it is about jobs; null: more than 50."""


class PositionEvent(TypedDict):
    """Where a stream begins: ``ready``; or where it begins anew, because it cannot go on: ``reset``.

    What is there by now is read from the other routes, once this has come. A log is sent whole from here on.
    """

    epoch: NotRequired[int]
    """The number of the runner; of a log there is none."""


class ClosedEvent(TypedDict):
    """The last event of a stream that the server ends."""

    reason: Literal["slow", "stopping", "not_allowed", "unreadable"]
    """Why."""
    message: str
    """The same in a sentence."""


class LogTextEvent(TypedDict):
    """More of a log."""

    text: str
    """Whole characters."""


class LogCutEvent(TypedDict):
    """A place of a log at which something is missing, because it had no room."""

    bytes: int
    """How much."""


class LogEndEvent(TypedDict):
    """A run has ended, and its log with it."""

    run: RunRow
    """The run."""
    retry: RunRow | None
    """The attempt that follows; null: none does."""


CLOSED: Final[dict[str, str]] = {
    "slow": "what was sent was not taken in time; connect again and go on from the last id",
    "stopping": "the server stops; connect again once it is back",
    "not_allowed": "what let you in counts no more",
    "unreadable": "the server cannot read what it is to send; its log says why",
}
"""What is said at the end, by its reason."""

DOCUMENTS: Final[Mapping[str, type]] = {
    "ready": PositionEvent,
    "reset": PositionEvent,
    "run": RunEvent,
    "sync": SyncSummary,
    "queue": QueueEvent,
    "alert": AlertEvent,
    "changed": ChangedEvent,
    "text": LogTextEvent,
    "cut": LogCutEvent,
    "end": LogEndEvent,
    "closed": ClosedEvent,
}
"""The data of each kind of event, by its name."""
