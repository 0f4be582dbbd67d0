"""What requests for the original's routes may hold."""

from typing import Annotated, Final, NamedTuple

from jeeves_runner.api.parameters import Text
from jeeves_runner.api.v0.manner import Count

RUNS: Final = 50
ITEMS: Final = 10
STATE_ITEMS: Final = 100


class RunsQuery(NamedTuple):
    """How many runs of a job to tell of."""

    limit: Annotated[int, Count()] = RUNS
    """At most this many."""


class PeekQuery(NamedTuple):
    """How many items of a queue to tell of."""

    limit: Annotated[int, Count()] = ITEMS
    """At most this many."""


class PathQuery(NamedTuple):
    """A part of a document."""

    path: Annotated[str | None, Text()] = None
    """A JSONPath; None or nothing: the whole."""


class CollectionQuery(NamedTuple):
    """Which items of a key to tell of."""

    limit: Annotated[int, Count()] = STATE_ITEMS
    """At most this many."""
    order: Annotated[str, Text()] = "desc"
    """``asc``: the oldest first; all else: the newest first."""
    path: Annotated[str | None, Text()] = None
    """A JSONPath; None or nothing: the whole."""
