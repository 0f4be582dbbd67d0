"""What requests may hold: the values of paths, queries and bodies, each as its handler gets it."""

from datetime import timedelta
from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.bodies import FlagField, LengthField, ParamsField, TextField
from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Length, Name, Text, Whole, Word
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.values import PAGE

PEEK_LIMIT: Final = 20
_STATUSES: Final = tuple(status.value for status in RunStatus)


class Nothing(NamedTuple):
    """Nothing at all."""


# Paths


class JobPath(NamedTuple):
    """A job."""

    job: Annotated[str, Text()]
    """Its id."""


class RunPath(NamedTuple):
    """A run."""

    run: Annotated[int, Whole()]
    """Its number."""


class RevisionPath(NamedTuple):
    """A revision."""

    revision: Annotated[int, Whole()]
    """Its number."""


class BackfillPath(NamedTuple):
    """A backfill."""

    backfill: Annotated[int, Whole()]
    """Its number."""


class NodePath(NamedTuple):
    """A node of the graph."""

    node: Annotated[str, Text()]
    """``KIND:NAME``."""


class QueuePath(NamedTuple):
    """A queue."""

    queue: Annotated[str, Text()]
    """Its id."""


class QueueItemPath(NamedTuple):
    """An item of a queue."""

    queue: Annotated[str, Text()]
    """The queue's id."""
    item: Annotated[int, Whole()]
    """The item's number."""


class NamespacePath(NamedTuple):
    """A namespace of state."""

    namespace: Annotated[str, Text()]
    """Its name."""


class StatePath(NamedTuple):
    """A key of a namespace."""

    namespace: Annotated[str, Text()]
    """The namespace's name."""
    key: Annotated[str, Text()]
    """The key."""


# Queries


class JobsQuery(NamedTuple):
    """A page of jobs."""

    limit: Annotated[int | None, Whole(1, MAX_LIMIT)] = None
    """At most this many; None: all."""
    cursor: Annotated[str | None, Name()] = None
    """The ``next_cursor`` of the page before."""


class WhyQuery(NamedTuple):
    """What is asked of a job; nothing: what happened last."""

    at: Annotated[str | None, Text()] = None
    """A time, on the clocks of the job's zone where it has no offset."""
    run: Annotated[int | None, Whole()] = None
    """One of its runs."""


class PageQuery(NamedTuple):
    """A page of what has numbers, the newest first: runs of a job, revisions, or backfills."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    before: Annotated[int | None, Whole()] = None
    """Only those with smaller numbers."""


class RunsQuery(NamedTuple):
    """A page of runs, chosen among all."""

    job: Annotated[str | None, Text()] = None
    """Only runs of this job, deleted or not."""
    status: Annotated[str | None, Word(_STATUSES)] = None
    """Only runs of this status."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    before: Annotated[int | None, Whole()] = None
    """Only runs with smaller numbers."""


class LookQuery(NamedTuple):
    """How patient a look at a run is."""

    wait: Annotated[timedelta, Length("1m", "ask again when it has passed")] = timedelta()
    """For how long to wait for its end."""


class RunJobQuery(NamedTuple):
    """How patient a run by hand is."""

    wait: Annotated[timedelta | None, Length()] = None
    """For how long to wait for its end; None: as long as it takes."""


class AlertsQuery(NamedTuple):
    """A page of what is wrong and of what is said, the newest first."""

    all: Annotated[bool, Flag()] = False
    """What is over, and what was sent, too."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many of each."""
    before_incident: Annotated[int | None, Whole()] = None
    """Only incidents with smaller numbers."""
    before_message: Annotated[int | None, Whole()] = None
    """Only messages with smaller numbers."""


class ScheduleQuery(NamedTuple):
    """A page of occurrences, the earliest first."""

    from_: Annotated[str | None, Text()] = None
    """The earliest time, or a length of time from now; None: now."""
    to: Annotated[str | None, Text()] = None
    """The latest time, likewise; None: any."""
    job: Annotated[str | None, Text()] = None
    """Only those of this job."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    cursor: Annotated[str | None, Text()] = None
    """The ``next_cursor`` of the page before."""


class GraphQuery(NamedTuple):
    """Which part of the graph; nothing: the whole."""

    impact: Annotated[str | None, Text()] = None
    """Only this node and all that a change of it reaches: ``KIND:NAME``, or the id of a job."""
    around: Annotated[str | None, Text()] = None
    """Only this node and its neighbours, likewise."""


class QueuesQuery(NamedTuple):
    """How much to tell of queues."""

    detail: Annotated[bool, Flag()] = False
    """Objects in the place of ids."""


class KeysQuery(NamedTuple):
    """A page of what has names, in their order."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = MAX_LIMIT
    """At most this many."""
    cursor: Annotated[str | None, Name()] = None
    """The last name of the page before."""


class ItemsQuery(NamedTuple):
    """A page of the items of a key."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = MAX_LIMIT
    """At most this many."""
    cursor: Annotated[str | None, Text()] = None
    """The ``next_cursor`` of the page before."""


class PeekQuery(NamedTuple):
    """How many items to tell of."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PEEK_LIMIT
    """At most this many."""


# Bodies


class RunJobBody(NamedTuple):
    """A run by hand."""

    params: Annotated[dict[str, object] | None, ParamsField()] = None
    """Its parameters by name."""
    force: Annotated[bool, FlagField()] = False
    """Although the job is paused, another run of it is active, or its tokens are used up."""


class TestBody(NamedTuple):
    """A message by which a person sees whether a channel works."""

    channel: Annotated[str | None, TextField()] = None
    """Its address; it must be given."""


class SkipBody(NamedTuple):
    """An occurrence that is not to run."""

    time: Annotated[str | None, TextField()] = None
    """When it is, on the job's clocks; None: the next one that would run."""
    reason: Annotated[str | None, TextField()] = None
    """Shown wherever the skip is, and by the row of the occurrence."""


class UnskipBody(NamedTuple):
    """An occurrence that is to run after all."""

    time: Annotated[str | None, TextField()] = None
    """When it is, likewise; None: all that are skipped and yet to come."""


class OverrideBody(NamedTuple):
    """A pause or a mute. It has one end at most: ``until`` or ``for``."""

    until: Annotated[str | None, TextField()] = None
    """When it ends: a time, or a length of time from now."""
    for_: Annotated[timedelta | None, LengthField()] = None
    """How long it lasts."""
    reason: Annotated[str | None, TextField()] = None
    """Shown wherever it is."""
