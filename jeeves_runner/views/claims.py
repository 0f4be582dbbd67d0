"""What a run that is carried out elsewhere is given, once."""

from collections.abc import Mapping
from typing import Annotated, TypedDict

from jeeves_runner.core.model import JobSpec, SourceType


class ClaimedRun(TypedDict):
    """The work of a run. It holds secrets."""

    run_id: int
    """The run."""
    job_id: str
    """Its job."""
    env: dict[str, str]
    """All variables it is to have besides those of its machine: what the manifest sets, secrets too,
    parameters, and `JR_TOKEN`, which lets it in here while it runs."""
    source_type: Annotated[str, SourceType]
    """How `script` says what runs."""
    script: str
    """What runs."""
    args: list[str]
    """What the script is called with."""
    cwd: str
    """The folder it runs in, as the manifest has it."""
    timeout_ms: int | None
    """After how long it is ended; null: never."""


class ClaimDocument(TypedDict):
    """A run that was claimed."""

    claim: ClaimedRun
    """Its work."""


def claim_view(spec: JobSpec, run_id: int, env: Mapping[str, str]) -> ClaimDocument:
    """``{claim}``."""
    return {
        "claim": {
            "run_id": run_id,
            "job_id": spec.id,
            "env": dict(env),
            "source_type": spec.source_type,
            "script": spec.script,
            "args": list(spec.args),
            "cwd": spec.cwd,
            "timeout_ms": spec.timeout_ms,
        }
    }
