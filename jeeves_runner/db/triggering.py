"""Runs that ask for others: which jobs the script of a run may trigger, and what their runs follow from."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import apsw

from jeeves_runner.core.causes import Causes
from jeeves_runner.core.model import RunStatus
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.errors import Conflict


class TriggeringRun(NamedTuple):
    """A run whose script asks for others."""

    id: int
    """Its number."""
    job_id: str
    """Its job."""
    depth: int
    """Over how many runs it follows from what people, times and starts have brought."""
    triggers: frozenset[str]
    """The jobs that the manifest lets it trigger."""

    def asks_for(self, request: RunRequest) -> RunRequest:
        """The request as one that this run has caused; Conflict for a job that it may not trigger."""
        if request.job_id not in self.triggers:
            raise Conflict(
                f"a run of {self.job_id} may not trigger {request.job_id}",
                hint=f"name it in the manifest: `triggers: [{request.job_id}]` of {self.job_id}",
            )
        by = None if request.by is None else request.by._replace(name=f"run {self.id}")
        return request._replace(caused_by=Causes(runs=(self.id,)), depth=self.depth + 1, by=by)


def triggering_run(conn: apsw.Connection, run_id: str, mark: str | None) -> TriggeringRun:
    """The run by what its environment says of it: its number and its mark. Conflict unless it runs."""
    row = conn.execute(
        f"{_RUN} AND mark = :mark", {"id": run_id, "status": RunStatus.RUNNING, "mark": mark}
    ).fetchone()
    if row is None:
        raise Conflict(
            f"run {run_id}, of which JR_RUN_ID and JR_RUN_MARK speak, is not running",
            hint="unset JR_RUN_ID to trigger a job by hand",
        )
    return _made(row)


def triggering(conn: apsw.Connection, run_id: int) -> TriggeringRun:
    """The run of this number, which has shown its token. Conflict if it has ended since."""
    row = conn.execute(_RUN, {"id": run_id, "status": RunStatus.RUNNING}).fetchone()
    if row is None:
        raise Conflict(f"run {run_id} has ended", hint="only a run that runs may trigger others")
    return _made(row)


def _made(row: Sequence[Any]) -> TriggeringRun:
    number, job_id, depth, triggers = row
    return TriggeringRun(number, job_id, depth, frozenset(json.loads(triggers or "[]")))


def may_trigger(conn: apsw.Connection, job_id: str, other: str) -> bool:
    """Whether the manifest of a job lets its runs trigger another one."""
    triggers: str | None = conn.execute("SELECT spec -> '$.triggers' FROM jobs WHERE id = ?", (job_id,)).get
    return other in json.loads(triggers or "[]")


_RUN = f"""
SELECT id, {JOB_OF_RUN}, depth, (SELECT spec -> '$.triggers' FROM jobs WHERE jobs.id = {JOB_OF_RUN})
FROM runs WHERE id = CAST(:id AS INTEGER) AND status = :status
"""
