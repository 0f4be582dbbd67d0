"""What requests for the schedule may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Text, Whole
from jeeves_runner.core.values import PAGE


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
