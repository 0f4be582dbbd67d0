"""Every route, once: what the application serves, the documentation lists and the tests hold answers to.

One module for each subject, as in ``api.handlers`` and ``api.requests``.
"""

from typing import Final

from jeeves_runner.api.handlers.jobs import where_job_is, where_jobs_are
from jeeves_runner.api.route import Declared, Route
from jeeves_runner.api.routes.access import ACCESS
from jeeves_runner.api.routes.alerts import ALERTS
from jeeves_runner.api.routes.backfills import BACKFILLS
from jeeves_runner.api.routes.graph import GRAPH
from jeeves_runner.api.routes.jobs import JOBS
from jeeves_runner.api.routes.queue_items import QUEUE_ITEMS
from jeeves_runner.api.routes.queues import QUEUES
from jeeves_runner.api.routes.revisions import REVISIONS
from jeeves_runner.api.routes.runner import RUNNER
from jeeves_runner.api.routes.runs import RUNS
from jeeves_runner.api.routes.schedule import SCHEDULE
from jeeves_runner.api.routes.state import STATE
from jeeves_runner.api.routes.transaction import TRANSACTION

ROUTES: Final[tuple[Route, ...]] = (
    *RUNNER,
    *JOBS,
    *SCHEDULE,
    *GRAPH,
    *RUNS,
    *BACKFILLS,
    *ALERTS,
    *REVISIONS,
    *QUEUES,
    *QUEUE_ITEMS,
    *STATE,
    *TRANSACTION,
    *ACCESS,
)

DECLARED: Final = (
    Declared(path="/jobs", where=where_jobs_are),
    Declared(path="/jobs/{job}", where=where_job_is),
    Declared(path="/jobs/{job}/{part:.+}", where=where_job_is),
)
