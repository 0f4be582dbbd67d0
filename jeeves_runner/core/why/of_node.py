"""Why data is as it is: when it was written, and which job before it is the first that is not well."""

from datetime import datetime

from jeeves_runner.core.alerts.texts import between, short_moment
from jeeves_runner.core.graph.freshness import Expected, Written, stale_now
from jeeves_runner.core.model import BAD, RunStatus
from jeeves_runner.core.run import Run
from jeeves_runner.core.why.facts import JobFacts

_ENDS = {
    RunStatus.SCHEDULED: "waits",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.MISSED: "missed its time",
    RunStatus.SKIPPED: "was skipped",
}


def not_well(job: JobFacts, newest: Run | None) -> str | None:
    """What is not well with a job, as the end of a sentence; None: nothing. ``newest``: its newest run."""
    if job.declared is not None and not job.declared.enabled:
        return "is disabled"
    if job.pause is not None:
        return "is paused"
    if job.held is not None:
        return "is held back"
    if newest is None:
        return "never ran"
    if newest.status in BAD:
        return f"ended {newest.status}"
    if newest.status in _ENDS and not newest.found_nothing_to_do:
        return _ENDS[newest.status]
    return None if job.mute is None else "is muted"


def written_sentence(key: str, expected: Expected | None, written: Written | None, now: datetime) -> str:
    """How new the data of a node is. ``expected``: what is expected of it, if anything."""
    if expected is not None and expected.is_stale(now):
        return f"{key} {stale_now(expected, now)}."
    state = "is fresh" if expected is not None else "has no `fresh_within`"
    if written is None:
        return f"{key} {state}; nothing has written it yet."
    at = f"{between(written.at, now)} ago, at {short_moment(written.at, 'UTC', now)} UTC"
    did = "found nothing to write" if written.found_nothing else "wrote it"
    return f"{key} {state}; run {written.run_id} of {written.job_id} {did} {at}."


def unwritten_sentence(key: str) -> str:
    """Of a node whose data has no time."""
    return f"Of datastores and sinks it is recorded when they were written; {key} is neither."


def queue_sentence(depth: int, claimed: int, failed: int) -> str:
    """How full a queue is."""
    return f"Items that wait in it: {depth}; claimed: {claimed}; failed: {failed}."


def upstream_sentence(job_id: str, word: str, steps: int, writers: int, *, is_job: bool = False) -> str:
    """Which job is the first that is not well. ``steps``: how far it is from the node; ``writers``: how many
    jobs come before the node in all; ``is_job``: whether the node is a job, which nothing writes."""
    where = f"{steps} steps before it"
    if steps == 1:
        where = "right before it" if is_job else "which writes it"
    return (
        f"Of the {writers} jobs before it, {job_id}, {where}, {word}."
        if writers > 1
        else (f"The one job before it, {job_id}, {word}.")
    )


def seldom_sentence(job_id: str, newest: Run | None) -> str:
    """What there is to say of stale data where all jobs before it are well; ``job_id`` writes it, and is the
    nearest of those."""
    if newest is not None and newest.status is RunStatus.RUNNING:
        return f"All is well with the jobs before it: {job_id}, which writes it, runs now."
    return f"All is well with the jobs before it, but {job_id}, which writes it, does not run often enough."
