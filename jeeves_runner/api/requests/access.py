"""What a browser shows to be let in, and what is asked of the audit."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.bodies import FormField
from jeeves_runner.api.parameters import MAX_LIMIT, Moment, Text, Whole
from jeeves_runner.core.values import PAGE


class LoginBody(NamedTuple):
    """A token. Keep it out of texts."""

    token: Annotated[str | None, FormField()] = None
    """It must be given."""


class AuditQuery(NamedTuple):
    """A page of the audit."""

    actor: Annotated[str | None, Text()] = None
    """Only what this one did: `cli`, `token NAME`, `run NUMBER`; without it of all."""
    target: Annotated[str | None, Text()] = None
    """Only what was done to this: `job ID`, `run NUMBER`; without it to anything."""
    since: Annotated[str | None, Moment()] = None
    """Only from then on: a time, or a length of time before now such as `-2h`; without it from the first."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many."""
    before: Annotated[int | None, Whole()] = None
    """Only those with smaller numbers; without it from the newest."""
