"""What requests for alerts may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.bodies import FormField
from jeeves_runner.api.parameters import MAX_LIMIT, Flag, Whole
from jeeves_runner.core.values import PAGE


class AlertsQuery(NamedTuple):
    """A page of what is wrong and of what is said, the newest first."""

    all: Annotated[bool, Flag()] = False
    """What is over, and what was sent, too."""
    limit: Annotated[int, Whole(1, MAX_LIMIT)] = PAGE
    """At most this many of each."""
    before_incident: Annotated[int | None, Whole()] = None
    """Only incidents with smaller numbers; without it from the newest."""
    before_message: Annotated[int | None, Whole()] = None
    """Only messages with smaller numbers; without it from the newest."""


class TestBody(NamedTuple):
    """A message by which a person sees whether a channel works."""

    channel: Annotated[str | None, FormField()] = None
    """Its address; it must be given."""
