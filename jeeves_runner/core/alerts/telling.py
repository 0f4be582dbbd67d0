"""What a message tells of: the facts, as the database had them when the message was written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import RunStatus, Trigger


class ToldJob(NamedTuple):
    """The job that it is about."""

    id: str
    """Its id."""
    name: str
    """What people call it; its id where it has no name."""
    owner: str | None
    """Who looks after it."""
    timezone: str
    """The IANA zone of its schedule."""
    coming: datetime | None
    """Its next occurrence; None: there is none, or the job is disabled or deleted."""
    usual_ms: int | None
    """How long its runs usually take: the median of the last ones that were ok; None: too few."""


class ToldRun(NamedTuple):
    """The run that it is about: the last attempt of its chain. Times are UTC."""

    id: int
    """Its id."""
    status: RunStatus
    """How it ended, or that it waits or runs."""
    trigger: Trigger
    """Why the first attempt of its chain exists, as far as that is known."""
    attempt: int
    """1 for a first attempt."""
    attempts: int
    """How many there could have been."""
    scheduled_for: datetime | None
    """The occurrence; of several the first."""
    last_for: datetime | None
    """Of several the last."""
    occurrences: int
    """For how many it stands."""
    started_at: datetime | None
    """When it began."""
    duration_ms: int | None
    """How long it took."""
    exit_code: int | None
    """Of a process that exited."""
    signal: str | None
    """Of one that was ended by a signal."""
    message: str | None
    """What it said of its end."""
    reason: str | None
    """Of ``core.model.Reason``."""
    stdout: str | None
    """Its last lines, masked."""
    stderr: str | None
    """Its last lines, masked."""


class Changed(NamedTuple):
    """What is different from the run that was ok last."""

    fields: tuple[str, ...]
    """The keys of the manifest, and ``script`` where its text is another one."""
    commit: str | None
    """The commit that brought it; None: it is of none."""
    author: str | None
    """Of that commit."""
    subject: str | None
    """The first line of its message."""


class Lasting(NamedTuple):
    """The incident that it is about."""

    id: int
    """Its number in this database."""
    opened_at: datetime
    """When the first of it happened."""
    times: int
    """How often it has happened."""
    closed_at: datetime | None
    """When it ended; None: it has not."""


class Telling(NamedTuple):
    """All that one row of the outbox says."""

    said: Said
    """What kind of thing is said."""
    cause: Cause | None
    """What it is about; None for outputs and tests."""
    at: datetime
    """When it was to be said."""
    job: ToldJob | None = None
    """The job; None: of no job."""
    run: ToldRun | None = None
    """The run; None: of none, or it has been deleted."""
    incident: Lasting | None = None
    """The incident; None: it is none."""
    changed: Changed | None = None
    """What has changed since the last success; None: nothing, or there was none."""
    facts: Mapping[str, Any] = {}
    """What was noted with it: ``words`` (what happened, the end of a sentence that begins with its subject),
    ``subject`` (where it is no job), ``lines`` (pairs of a name and a text)."""
    now: datetime | None = None
    """When it is said; None: at once."""
