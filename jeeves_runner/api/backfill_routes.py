"""The routes of backfills."""

from typing import Final

from jeeves_runner.api import backfill_handlers
from jeeves_runner.api import requests as of
from jeeves_runner.api.route import AnyRoute, Role, Route
from jeeves_runner.views.backfills import BackfillDocument, BackfillsDocument

BACKFILLS: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/backfills",
        role=Role.READ,
        summary="What is made up for, newest first",
        query=of.PageQuery,
        answers={200: BackfillsDocument},
        handler=backfill_handlers.backfills,
    ),
    Route(
        method="GET",
        path="/backfills/{backfill}",
        role=Role.READ,
        summary="How far a backfill is",
        path_values=of.BackfillPath,
        answers={200: BackfillDocument},
        problems=frozenset({404}),
        handler=backfill_handlers.backfill,
    ),
)
