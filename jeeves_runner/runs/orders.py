"""What an executor is told of a run: made from its row and its job."""

from collections.abc import Callable, Mapping

from jeeves_runner.clock import to_text
from jeeves_runner.core.params import Settled, row_values, settle
from jeeves_runner.core.run import Run
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.runs.api_access import ApiAccess
from jeeves_runner.runs.jobs import Job

Secrets = Callable[[int], Mapping[str, str]]
"""Reads the secret parameters of the chain that begins with a run, by name. Raises DatabaseError."""


def order_of(job: Job, run: Run, mark: str, secrets: Secrets, api: ApiAccess | None = None) -> Order:
    """The order of a run that is recorded as running, by the spec of its job.

    Raises InvalidValue when the job does not take the run's parameters any more, DatabaseError.
    """
    return _order(job, run, mark, _params(job, run, secrets), api)


def order_to_mask(job: Job, run: Run, mark: str, secrets: Secrets) -> Order:
    """The order of a run that an earlier runner has started, for the question what is to be masked in what it
    says. By then its job may take other parameters, or none. Raises DatabaseError."""
    kept = secrets(run.chain_id or run.id)
    values = {**_readable(run.params), **kept}
    hidden = {*kept, *(param.name for param in job.spec.params if param.secret)}
    params = Settled(
        shown={name: value for name, value in values.items() if name not in hidden},
        secret={name: value for name, value in values.items() if name in hidden},
    )
    return _order(job, run, mark, params, None)


def hides_what_is_lost(run: Run, order: Order) -> bool:
    """Whether the run was given secret parameters whose values are not kept any more, so that they cannot be
    masked."""
    try:
        held = row_values(run.params)
    except InvalidValue:
        return True
    return any(value is None and name not in order.run.secret_params for name, value in held.items())


def _order(job: Job, run: Run, mark: str, params: Settled, api: ApiAccess | None) -> Order:
    facts = RunFacts(
        run_id=run.id,
        job_id=run.job_id,
        mark=mark,
        attempt=run.attempt,
        trigger=str(run.trigger),
        scheduled_for=None if run.scheduled_for is None else to_text(run.scheduled_for),
        namespace=job.row.namespace,
        params={**params.shown, **params.secret},
        secret_params=frozenset(params.secret),
        api_url=None if api is None else api.url,
        token=None if api is None else api.token(run.id, mark),
        caused_by=run.caused_by,
    )
    return Order(job.spec, facts)


def _readable(text: str | None) -> dict[str, str]:
    """What the row of a run tells of its parameters but the secret ones; nothing if it cannot be read."""
    try:
        held = row_values(text)
    except InvalidValue:
        return {}
    return {name: value for name, value in held.items() if isinstance(value, str)}


def _params(job: Job, run: Run, secrets: Secrets) -> Settled:
    """What the run was accepted with, by the spec that it starts under: that may have changed since."""
    held = row_values(run.params)
    secret = [name for name, value in held.items() if value is None]
    values = {**held, **(secrets(run.chain_id or run.id) if secret else {})}
    if lost := [name for name in secret if values[name] is None]:
        raise InvalidValue(
            f"the value of the secret parameter {brief(lost[0])} is not kept any more",
            hint="trigger the job again",
        )
    try:
        return settle(job.spec.params, values, secret=secret)
    except InvalidValue as error:
        raise InvalidValue(
            f"the job does not take the parameters of this run any more: {error.message}",
            hint="its manifest has changed since the run was asked for; trigger the job again",
        ) from error
