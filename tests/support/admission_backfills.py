"""Backfills in the model of admission: which times get a run, one after the other."""

from collections.abc import Sequence
from datetime import datetime

from support.admission_model import AdmissionModel, Refused
from support.admission_state import BackfillState, Row

from jeeves_runner.core.model import RunStatus, Trigger

PRIORITY = -100


def begin(model: AdmissionModel, job_id: str, times: Sequence[datetime], parallel: int) -> None:
    """People ask for these times. Raises Refused for a job that is not there or disabled."""
    if not model.jobs[job_id].is_wanted:
        raise Refused
    number = len(model.backfills) + 1
    model.backfills.append(BackfillState(id=number, job=job_id, left=[*times], parallel=parallel))


def go_further(model: AdmissionModel) -> None:
    """The runner takes each as far as it goes now."""
    for each in model.backfills:
        while each.is_active and _step(model, each):
            model.look()


def _step(model: AdmissionModel, its: BackfillState) -> bool:
    """Whether there may be more to do."""
    job = model.jobs[its.job]
    if job.deleted:
        its.is_active = False
        model.cancel_those(lambda row: row.backfill == its.id, "cancel")
        return True
    before = len(its.left), len(its.chains)
    its.chains = [row for row in its.chains if not _last_of(model, row).status.is_final]
    while its.left:
        if not _has_run(model, its.job, its.left[0]):
            if not job.enabled or len(its.chains) >= its.parallel or model.is_paused(its.job):
                break
            facts = {"scheduled_for": its.left[0], "backfill": its.id, "priority": PRIORITY}
            its.chains.append(model.enter_past(its.job, **facts))
        its.left.pop(0)
    its.is_active = bool(its.left or its.chains)
    return (len(its.left), len(its.chains)) != before or not its.is_active


def _has_run(model: AdmissionModel, job_id: str, when: datetime) -> bool:
    """Whether this time of the job has had a run that was not cut off, or has one that waits."""
    return any(
        row.job == job_id
        and row.scheduled_for == when
        and (row.started or row.waits)
        and _last_of(model, row).status is not RunStatus.INTERRUPTED
        and (row.backfill is not None or row.trigger in (Trigger.SCHEDULE, Trigger.CATCH_UP))
        for row in model.rows
    )


def _last_of(model: AdmissionModel, first: Row) -> Row:
    chain = first.chain or first.id
    return [row for row in model.rows if chain in (row.id, row.chain)][-1]


def check(model: AdmissionModel) -> None:
    """Never more chains of a backfill are open than were asked for."""
    for each in model.backfills:
        chains = {row.chain or row.id for row in model.rows if row.backfill == each.id and row.is_open}
        assert len(chains) <= each.parallel, each
