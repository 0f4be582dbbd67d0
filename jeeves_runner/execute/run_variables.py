"""The variables that a run has wherever it is carried out."""

from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.model import Secret
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.contract import RunFacts
from jeeves_runner.execute.faults import Fault
from jeeves_runner.execute.local.secret_values import secret_value


def facts_as_variables(run: RunFacts) -> dict[str, str | None]:
    """What a run is told of itself wherever it is carried out; None for what it has not."""
    return {
        "JR_JOB_ID": run.job_id,
        "JR_RUN_ID": str(run.run_id),
        "JR_ATTEMPT": str(run.attempt),
        "JR_TRIGGER": run.trigger,
        "JR_SCHEDULED_FOR": run.scheduled_for,
        "JR_CAUSED_BY": run.caused_by,
        "JR_NAMESPACE": run.namespace,
        "JR_API_URL": run.api_url,
        "JR_TOKEN": run.token,
    }


def resolved(name: str, secret: Secret, project_dir: str, environment: Mapping[str, str]) -> str:
    """The value of a secret in ``env``; InvalidValue, which names the variable, for one that has none."""
    ref = secret.ref if secret.kind == "from_env" else Path(project_dir, secret.ref)
    value = secret_value(secret.kind, ref, environment)
    if isinstance(value, Fault):
        raise InvalidValue(f"env {name}: {value.message}", hint=value.hint)
    return value
