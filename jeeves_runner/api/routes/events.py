"""The route of events."""

from typing import Final

from jeeves_runner.api.event_kinds import EventsStream
from jeeves_runner.api.handlers import events
from jeeves_runner.api.route import Route, look

EVENTS: Final[tuple[Route, ...]] = (
    look(
        "/events",
        "What happens, as it happens",
        events.events,
        {200: EventsStream},
        problems={404},
        description=(
            "Of any process, once it has been committed. [What they say](../explanation/events.md), and how "
            "a client that was away goes on where it was."
        ),
    ),
)
