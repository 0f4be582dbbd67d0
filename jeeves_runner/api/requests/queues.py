"""What requests for queues may hold."""

from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Name, Text, Whole

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
