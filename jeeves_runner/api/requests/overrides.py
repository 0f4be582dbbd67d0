"""What people set for a while, of jobs and of queues."""

from datetime import timedelta
from typing import Annotated, NamedTuple

from jeeves_runner.api.bodies import FormField, LengthField, TextField


class OverrideBody(NamedTuple):
    """A pause or a mute. It has one end at most: ``until`` or ``for``."""

    until: Annotated[str | None, FormField()] = None
    """When it ends: a time, the next `18:00`, or a length of time from now."""
    for_: Annotated[timedelta | None, LengthField()] = None
    """How long it lasts."""
    reason: Annotated[str | None, TextField()] = None
    """Shown wherever it is."""
