"""What requests for queues may hold."""

from datetime import timedelta
from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.body_kinds import ItemIdsField, WordsField
from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Name, Text, Whole
from jeeves_runner.api.requests.runs import A_WHILE
from jeeves_runner.db import queue_purge

_PEEK_LIMIT: Final = 20


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

    @property
    def id(self) -> int:
        return self.item


class NamedQueuePath(NamedTuple):
    """A queue that need not be there yet."""

    queue: Annotated[str, Name()]
    """Its id."""


class ClaimQuery(NamedTuple):
    """How patient a claim is."""

    wait: Annotated[timedelta, A_WHILE] = timedelta()
    """For how long to wait for an item."""


class PurgeQueueBody(NamedTuple):
    """Which items go."""

    kinds: Annotated[tuple[str, ...], WordsField(tuple(queue_purge.FINDS))]
    """`failed`: for good; `completed`; `pending`: those that wait."""


class RetryBody(NamedTuple):
    """Which dead letters are tried again."""

    items: Annotated[tuple[int, ...] | None, ItemIdsField()] = None
    """Their numbers: all of these, or none; without it all that the queue has."""


class QueuesQuery(NamedTuple):
    """How much to tell of queues."""

    detail: Annotated[bool, Flag()] = False
    """Objects in the place of ids."""
    limit: Annotated[int | None, Whole(1, MAX_LIMIT)] = None
    """At most this many; without it all queues."""
    cursor: Annotated[str | None, Name()] = None
    """The ``next_cursor`` of the page before; without it from the first."""


class PeekQuery(NamedTuple):
    """How many items to tell of."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = _PEEK_LIMIT
    """At most this many."""
