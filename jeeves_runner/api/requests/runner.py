"""What requests for the runner itself may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import Text


class ConfigQuery(NamedTuple):
    """All settings, or a part of them."""

    path: Annotated[str | None, Text()] = None
    """A JSONPath (RFC 9535): the answer is what it selects; without it all."""
