"""The streams that there are, each with the names of its events."""

from jeeves_runner.api.route import Stream


class EventsStream(Stream):
    """What happens."""

    events = ("ready", "reset", "run", "sync", "queue", "alert", "changed", "closed")


class LogStream(Stream):
    """The log of a run as it grows."""

    events = ("reset", "text", "cut", "end", "closed")
