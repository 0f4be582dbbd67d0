"""Server-sent events as text, as the HTML standard has them (section 9.2)."""

from collections.abc import Mapping
from typing import Final

from jeeves_runner.api.responses import encode

BEGINNING: Final = b"retry: 1000\n\n"
"""What a stream begins with: after how many milliseconds to connect again once it has ended."""


def event_text(kind: str, document: Mapping[str, object], id_: str | None = None) -> bytes:
    """One event. ``id_``: what a client shows to go on behind it."""
    # JSON has no line breaks of its own, so the data is one line.
    event = b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(document))
    return event if id_ is None else b"id: %b\n%b" % (id_.encode(), event)
