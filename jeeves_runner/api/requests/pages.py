"""A page of a list, as several subjects take it."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Whole
from jeeves_runner.core.values import PAGE


class PageQuery(NamedTuple):
    """A page of what has numbers, the newest first: runs of a job, revisions, or backfills."""

    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    before: Annotated[int | None, Whole()] = None
    """Only those with smaller numbers; without it from the newest."""
