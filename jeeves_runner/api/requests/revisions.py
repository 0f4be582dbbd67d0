"""What requests for revisions may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import Whole


class RevisionPath(NamedTuple):
    """A revision."""

    revision: Annotated[int, Whole()]
    """Its number."""
