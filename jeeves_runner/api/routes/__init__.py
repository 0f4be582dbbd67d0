"""Every route, once: what the application serves, the documentation lists and the tests hold answers to.

One module for each subject, as in ``api.handlers`` and ``api.requests``.
"""

from typing import Final

from jeeves_runner.api.handlers.jobs import where_job_is, where_jobs_are
from jeeves_runner.api.handlers.queues import where_queue_is, where_queues_are
from jeeves_runner.api.route import Declared, Route, Subject
from jeeves_runner.api.routes.access import ACCESS
from jeeves_runner.api.routes.alerts import ALERTS
from jeeves_runner.api.routes.backfills import BACKFILLS
from jeeves_runner.api.routes.events import EVENTS
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

SUBJECTS: Final = (
    Subject(name="Runner", about="How the runner is, and what it goes by.", routes=RUNNER),
    Subject(
        name="Jobs",
        about=(
            "Jobs are declared in manifests. Any other method that writes to /jobs, to a job or to what is "
            "below it answers 405 and names the file to edit.\n\n"
            "The `status` of a job is the first that fits: `disabled`, `paused`, `running`, `scheduled` (a "
            "run waits), the outcome of its last run, `idle` (it never ran). Its columns are told under "
            "[the database](database.md#jobs)."
        ),
        routes=JOBS,
    ),
    Subject(
        name="Runs",
        about=(
            "A run has the columns of its [table](database.md#runs). Its `params` hold the defaults too, "
            "each value as the text that the script gets, and `***` for a "
            "[secret](manifest.md#secret-parameters) one."
        ),
        routes=RUNS,
    ),
    Subject(name="Schedule", about="When jobs ran, and when they will.", routes=SCHEDULE),
    Subject(name="Backfills", about="Times of the past that are made up for.", routes=BACKFILLS),
    Subject(name="Graph", about="Jobs, and what they read, write and use.", routes=GRAPH),
    Subject(name="Alerts", about="What is wrong, and what people hear of it.", routes=ALERTS),
    Subject(name="Events", about="What happens, as it happens.", routes=EVENTS),
    Subject(name="Revisions", about="What was applied, and what is live by it.", routes=REVISIONS),
    Subject(
        name="Queues",
        about=(
            "What waits to be worked on. Queues are declared in manifests: what else would write to "
            "`/queues` or to a queue itself answers 405 and names the file to edit.\n\n"
            "A `lease`, `delay` or `retry_in` is a text such as `5m`, or a "
            "number of seconds. What a run does with its own token names that run, as if its script had "
            "written to the database."
        ),
        routes=(*QUEUES, *QUEUE_ITEMS),
    ),
    Subject(
        name="State",
        about=(
            "What scripts keep from one run to the next. Names in paths are percent-encoded, a `/` in them "
            "too. A `ttl` is a text such as `5m`, or a number of seconds."
        ),
        routes=STATE,
    ),
    Subject(
        name="Transaction",
        about="State and queues written by several operations at once.",
        routes=TRANSACTION,
    ),
    Subject(name="Access", about="How people let their browser in, and who has done what.", routes=ACCESS),
)

ROUTES: Final[tuple[Route, ...]] = tuple(route for subject in SUBJECTS for route in subject.routes)

DECLARED: Final = (
    Declared(path="/jobs", where=where_jobs_are, acts="/jobs/{job}"),
    Declared(path="/jobs/{job}", where=where_job_is, acts="/jobs/{job}"),
    Declared(path="/jobs/{job}/{part:.+}", where=where_job_is, acts="/jobs/{job}"),
    Declared(path="/queues", where=where_queues_are, acts="/queues/{queue}"),
    Declared(path="/queues/{queue}", where=where_queue_is, acts="/queues/{queue}"),
)
