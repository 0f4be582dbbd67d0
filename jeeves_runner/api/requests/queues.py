"""What requests for queues may hold."""

from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Text, Whole

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


class PeekQuery(NamedTuple):
    """How many items to tell of."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = _PEEK_LIMIT
    """At most this many."""
