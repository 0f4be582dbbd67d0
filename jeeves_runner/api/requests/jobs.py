"""What requests for jobs may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.bodies import FormField, TextField
from jeeves_runner.api.parameters import MAX_LIMIT, Moment, Name, Text, Whole


class JobPath(NamedTuple):
    """A job."""

    job: Annotated[str, Text()]
    """Its id."""


class JobsQuery(NamedTuple):
    """A page of jobs."""

    limit: Annotated[int | None, Whole(1, MAX_LIMIT)] = None
    """At most this many; without it all."""
    cursor: Annotated[str | None, Name()] = None
    """The ``next_cursor`` of the page before; without it from the first."""


class WhyQuery(NamedTuple):
    """What is asked of a job; nothing: what happened last."""

    at: Annotated[str | None, Moment()] = None
    """A time, on the clocks of the job's zone where it has no offset; without it, and without ``run``, what
    happened last."""
    run: Annotated[int | None, Whole()] = None
    """One of its runs, in the place of a time."""


class SkipBody(NamedTuple):
    """An occurrence that is not to run."""

    time: Annotated[str | None, FormField()] = None
    """When it is, on the job's clocks; without it the next one that would run."""
    reason: Annotated[str | None, TextField()] = None
    """Shown wherever the skip is, and by the row of the occurrence."""


class UnskipBody(NamedTuple):
    """An occurrence whose skip is taken back."""

    time: Annotated[str | None, FormField()] = None
    """When it is, on the job's clocks; without it all that are skipped and yet to come."""
