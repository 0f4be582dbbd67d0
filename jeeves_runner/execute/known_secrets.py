"""The secrets of a run that another runner has started, found again to be masked."""

from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.model import Secret
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.faults import Fault
from jeeves_runner.execute.local.secret_values import secret_value


def known_secrets(order: Order, project_dir: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values that the secrets in the ``env`` of the run's job have now; one that has none is left out.

    Paths are relative to ``project_dir``; variables are those of ``environment``. It reads files: call it in
    a thread.
    """
    values: list[str | Fault] = []
    for _, value in order.spec.env:
        if isinstance(value, Secret):
            ref = value.ref if value.kind == "from_env" else Path(project_dir, value.ref)
            values.append(secret_value(value.kind, ref, environment))
    return tuple(value for value in values if not isinstance(value, Fault))
