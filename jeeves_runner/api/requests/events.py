"""What requests for events may hold."""

from typing import Annotated, NamedTuple, get_args

from jeeves_runner.api.parameters import Flag, Text, Words
from jeeves_runner.views.events import EventKind


class EventsQuery(NamedTuple):
    """Which events, and from where on."""

    kind: Annotated[frozenset[EventKind] | None, Words(get_args(EventKind))] = None
    """Only these kinds."""
    job: Annotated[str | None, Text()] = None
    """Only runs and incidents of this job."""
    after: Annotated[str | None, Text()] = None
    """The id of the last event that is known. A header `Last-Event-ID` counts before it."""
    brief: Annotated[bool, Flag()] = False
    """Say only what has changed, once a second at most, in `changed`."""
