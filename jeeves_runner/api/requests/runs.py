"""What requests for runs may hold."""

from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.bodies import FlagField, ParamsField
from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Length, Moment, Text, Whole, Word
from jeeves_runner.core.instants import end_of_span, past_instant
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.values import PAGE

_STATUSES: Final = tuple(status.value for status in RunStatus)


A_WHILE: Final = Length("1m", "ask again when it has passed")
"""For how long a request may wait for something."""


class RunPath(NamedTuple):
    """A run."""

    run: Annotated[int, Whole()]
    """Its number."""


class RunsQuery(NamedTuple):
    """A page of runs, chosen among all."""

    job: Annotated[str | None, Text()] = None
    """Only runs of this job, deleted or not; without it of all jobs."""
    status: Annotated[str | None, Word(_STATUSES)] = None
    """Only runs of this status; without it of any."""
    since: Annotated[str | None, Moment()] = None
    """Only those that were entered from then on: a time, or a length of time before now such as `-2h`;
    without it from the first."""
    until: Annotated[str | None, Moment()] = None
    """Only those that were entered before then, likewise; without it to the last."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    before: Annotated[int | None, Whole()] = None
    """Only runs with smaller numbers; without it from the newest."""

    def span(self, now: datetime, zone: str) -> tuple[datetime | None, datetime | None]:
        """The times of ``since`` and ``until``. InvalidValue for what is no time."""
        since = None if self.since is None else past_instant(self.since, now, zone, "since")
        until = None if self.until is None else end_of_span(self.until, since, now, zone, "until")
        return since, until


class LookQuery(NamedTuple):
    """How patient a look at a run is."""

    wait: Annotated[timedelta, A_WHILE] = timedelta()
    """For how long to wait for its end, or for what `until` says."""
    until: Annotated[str, Word(("end", "decision"))] = "end"
    """What is waited for: its end, or the runner's decision that it runs, waits for something or is
    left out."""


class LogsQuery(NamedTuple):
    """How a log is read."""

    follow: Annotated[bool, Flag()] = False
    """Whether to go on until the run has ended, as events."""
    after: Annotated[str | None, Text()] = None
    """Of a log that is followed, the id of the last event that is known. A header
    `Last-Event-ID` counts before it."""


class RunJobQuery(NamedTuple):
    """How patient a run by hand is."""

    wait: Annotated[timedelta | None, Length()] = None
    """For how long to wait for its end; without it as long as it takes."""


class RunJobBody(NamedTuple):
    """A run by hand."""

    params: Annotated[dict[str, object] | None, ParamsField()] = None
    """Its parameters by name."""
    force: Annotated[bool, FlagField()] = False
    """Although the job is paused, another run of it is active, or its tokens are used up."""
