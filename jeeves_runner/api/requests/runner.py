"""What requests for the runner itself may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import Selection


class ConfigQuery(NamedTuple):
    """All settings, or a part of them."""

    path: Annotated[str | None, Selection()] = None
    """A JSONPath (RFC 9535): the answer is what it selects; without it all."""
