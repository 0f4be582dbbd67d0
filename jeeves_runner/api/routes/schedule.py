"""The routes of what comes, and of what came."""

from typing import Final

from jeeves_runner.api.handlers import runner, schedule
from jeeves_runner.api.route import Route, look
from jeeves_runner.views.occurrences import OccurrencesDocument
from jeeves_runner.views.runner import CatchingUpDocument

SCHEDULE: Final[tuple[Route, ...]] = (
    look(
        "/schedule",
        "What comes, and what came",
        schedule.schedule,
        {200: OccurrencesDocument},
        description=(
            "Times that have passed are those of the jobs and schedules of now, with the run of each, or "
            "the row that says why it did not run. What comes is left out where a pause covers it or it "
            "is skipped. The next page is asked for with the same `from` and `to`."
        ),
        problems={404},
    ),
    look(
        "/catching-up",
        "The jobs that are late and wait for their moment",
        runner.catching_up,
        {200: CatchingUpDocument},
        description="What being late is, is said under [schedules](schedule.md#late-occurrences).",
    ),
)
