"""What requests for queues may hold."""

from datetime import timedelta
from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.bodies import FlagField
from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Name, Text, Whole
from jeeves_runner.api.requests.runs import A_WHILE
from jeeves_runner.errors import InvalidValue

_PEEK_LIMIT: Final = 20
_KINDS: Final = "at least one of failed, completed and pending must be true"


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
    """Which items go. One kind is named at least."""

    failed: Annotated[bool, FlagField()] = False
    """Those that have failed for good."""
    completed: Annotated[bool, FlagField()] = False
    """Those that are done."""
    pending: Annotated[bool, FlagField()] = False
    """Those that wait."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that are named. InvalidValue for none."""
        named = tuple(kind for kind, is_named in self._asdict().items() if is_named)
        if not named:
            raise InvalidValue("the body names nothing to delete", hint=_KINDS)
        return named


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
