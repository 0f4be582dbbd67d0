"""What an executor is told of a run: made from its row and its job."""

import json

from jeeves_runner.clock import to_text
from jeeves_runner.core.run import Run
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.runs.jobs import Job


def order_of(job: Job, run: Run, mark: str, api_url: str | None = None) -> Order:
    """The order of a run that is recorded as running, by the spec of its job."""
    facts = RunFacts(
        run_id=run.id,
        job_id=run.job_id,
        mark=mark,
        attempt=run.attempt,
        trigger=str(run.trigger),
        scheduled_for=None if run.scheduled_for is None else to_text(run.scheduled_for),
        namespace=job.row.namespace,
        params={} if run.params is None else json.loads(run.params),
        api_url=api_url,
    )
    return Order(job.spec, facts)
