"""The routes of backfills."""

from typing import Final

from jeeves_runner.api.handlers import backfills
from jeeves_runner.api.route import Route, look
from jeeves_runner.views.backfills import BackfillDocument, BackfillsDocument

BACKFILLS: Final[tuple[Route, ...]] = (
    look(
        "/backfills",
        "What is made up for, newest first",
        backfills.backfills,
        {200: BackfillsDocument},
        description=(
            "What a backfill is, is said under [the life of a "
            "run](../explanation/run-lifecycle.md#backfills)."
        ),
    ),
    look(
        "/backfills/{backfill}",
        "How far a backfill is",
        backfills.backfill,
        {200: BackfillDocument},
        problems={404},
    ),
)
