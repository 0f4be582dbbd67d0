"""The precheck of a job: what is carried out of it, and what its end means.

It is the first part of each run and runs as a script does, with the job's own environment, whatever carries
out the rest.
"""

import json
from typing import Final

from jeeves_runner.core.model import JobSpec, JobType, Precheck, SourceType

LIMIT_MS: Final = 30_000
"""Milliseconds that a precheck may take; less if the job's own timeout is shorter."""

GO: Final = 0
"""The exit code that says that the main part is to run."""

NOTHING_TO_DO: Final = 10
"""The exit code that says that the run is to be skipped."""


def precheck_spec(spec: JobSpec) -> JobSpec | None:
    """A job whose work is the precheck of this one; None if it has none.

    It has the same environment, folder and parameters, and no arguments. Its timeout is how long the precheck
    may take.
    """
    if spec.precheck is None:
        return None
    source_type, script = _source(spec.precheck)
    return spec._replace(
        type=JobType.SCRIPT,
        source_type=source_type,
        script=script,
        args=(),
        precheck=None,
        timeout_ms=LIMIT_MS if spec.timeout_ms is None else min(spec.timeout_ms, LIMIT_MS),
        retries=None,
        exit_codes=None,
    )


def _source(precheck: Precheck) -> tuple[SourceType, str]:
    if precheck.script is not None:
        return SourceType.PATH, precheck.script
    if precheck.run is not None:
        return SourceType.INLINE, precheck.run
    return SourceType.COMMAND, json.dumps(precheck.command or ())
