"""What a run that is carried out elsewhere is given when it claims its work: its variables, with secrets."""

from collections.abc import Mapping
from typing import NamedTuple

from jeeves_runner.core.model import Secret
from jeeves_runner.core.params import param_variables
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.run_variables import facts_as_variables, resolved


class ClaimedWork(NamedTuple):
    """What a claimant begins with. It holds secrets: keep it out of texts."""

    env: Mapping[str, str]
    """The variables that the manifest sets, those of the parameters, and what the run is told of itself."""
    secrets: tuple[str, ...]
    """The secret values among them, but for the run's own token."""


def claimed_work(
    order: Order, project_dir: str, environment: Mapping[str, str], api_url: str | None
) -> ClaimedWork:
    """The work of an order, on another machine: no path of this one is in it.

    Secrets are files of ``project_dir`` or variables of ``environment``: call this in a thread. ``api_url``:
    where the runner is reached from there. Raises InvalidValue for a secret that cannot be read.
    """
    env: dict[str, str] = {}
    secrets: list[str] = []
    for name, value in order.spec.env:
        if isinstance(value, Secret):
            env[name] = resolved(name, value, project_dir, environment)
            secrets.append(env[name])
        else:
            env[name] = value
    run = order.run
    secrets += [run.params[name] for name in sorted(run.secret_params)]
    own = facts_as_variables(run) | {"JR_API_URL": api_url}
    env |= {name: value for name, value in own.items() if value is not None}
    return ClaimedWork(env | param_variables(run.params), tuple(secrets))
