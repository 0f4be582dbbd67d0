"""What requests for backfills may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import Whole


class BackfillPath(NamedTuple):
    """A backfill."""

    backfill: Annotated[int, Whole()]
    """Its number."""
