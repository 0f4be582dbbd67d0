"""What requests for the schedule may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import MAX_LIMIT, Cursor, Moment, Text, Whole
from jeeves_runner.core.values import PAGE


class ScheduleQuery(NamedTuple):
    """A page of occurrences, the earliest first."""

    from_: Annotated[str | None, Moment()] = None
    """The earliest time, or a length of time from now; without it now."""
    to: Annotated[str | None, Moment()] = None
    """The latest time, likewise; without it there is no end. Both are included, and are times as of the
    commands: ``2h`` from now, ``-2h`` before, ``18:00`` the next there is, as an end the first after the
    beginning; the ``+`` of an offset is written ``%2B``."""
    job: Annotated[str | None, Text()] = None
    """Only those of this job; without it of all jobs."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    cursor: Annotated[str | None, Cursor()] = None
    """The ``next_cursor`` of the page before; without it from the first."""
