"""How runs enter the ``runs`` table that the schedule does not bring: each as a request that waits.

Every program may ask for a run, so this module decides nothing and loads nothing that does. The runner takes
the row up, and decides.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from jeeves_runner.clock import to_text
from jeeves_runner.core.causes import Causes
from jeeves_runner.core.model import JobSpec, Param, Trigger
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.params import Settled, given_text, row_text, settle
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db import audit, secret_params
from jeeves_runner.db.jobs import damaged_job, unknown_job
from jeeves_runner.db.overrides import job_is_paused, pauses
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, InvalidValue


class RunRequest(NamedTuple):
    """A run that is asked for, and not by the schedule."""

    job_id: str
    """The job."""
    trigger: Trigger
    """What asks for it; no occurrence."""
    params: Mapping[str, object] | None = None
    """What it is given: JSON values by name. Some may be secret: keep it out of texts."""
    forced: bool = False
    """It overrides pauses and the overlap policy."""
    caused_by: Causes | None = None
    """What it follows from."""
    depth: int = 0
    """Over how many runs."""
    scheduled_for: datetime | None = None
    """The occurrence that it belongs to, aware; it is none itself."""
    backfill_id: int | None = None
    """The backfill that it belongs to."""
    priority: int | None = None
    """Its own priority; None: that of the job."""
    by: Actor | None = None
    """Who asks for it; None: the runner itself."""


class KnownSpec(NamedTuple):
    """What a request takes from its job's spec, for a caller that has read it."""

    spec_hash: str
    """The spec's hash; under another one nothing of this counts."""
    priority: int
    """Its ``priority``."""
    pool: str | None
    """Its ``pool``."""
    params: Sequence[Param] = ()
    """Its ``params``."""


_REQUEST = """
INSERT INTO runs (job_id, status, trigger, created_at, params, given_params, forced, priority, pool,
                  spec_hash, revision_id, file, epoch, caused_by, depth, scheduled_for, backfill_id)
SELECT id, 'scheduled', :trigger, :at, :params, :given, :forced, :priority, :pool, spec_hash, revision_id,
       file, :epoch, :caused_by, :depth, :scheduled_for, :backfill
FROM jobs WHERE id = :job_id
"""

_WITHOUT_QUESTION = f"""
{_REQUEST} AND deleted_at IS NULL AND spec_hash = :spec_hash
AND (NOT :is_refused OR NOT EXISTS (SELECT 1 FROM overrides WHERE kind = 'pause' AND ended_at IS NULL))
RETURNING id
"""
"""In one statement, where the job is as it was known and nothing is paused. It is by far the most frequent
case, and each statement less lets the event loop go on sooner."""


def request_run(
    tx: Tx, request: RunRequest, *, epoch: int | None = None, known: KnownSpec | None = None
) -> int:
    """Enter a request as a row that waits; its id. ``epoch``: the runner that decides about it in this
    transaction. ``known``: what the caller has read of the job's spec.

    A request of another program (``epoch`` None) is taken up by the runner. Nothing is entered, and
    raised is: NotFound for a job that is not there, Conflict for a paused one unless the request is
    forced or lapses in a pause, and for one whose row cannot be read; InvalidValue for parameters that
    the job does not take.
    """
    bindings = {
        "job_id": request.job_id,
        "trigger": request.trigger,
        "at": tx.at,
        "given": given_text(request.params or {}),
        "forced": request.forced,
        "epoch": epoch,
        "caused_by": request.caused_by and request.caused_by.as_text(),
        "depth": request.depth,
        "scheduled_for": request.scheduled_for and to_text(request.scheduled_for),
        "backfill": request.backfill_id,
    }
    is_refused = not (request.forced or request.trigger.lapses)
    if known is not None and (settled := _fitting(known, request)) is not None:
        place = {
            "priority": _priority(request, known.priority),
            "pool": known.pool,
            "spec_hash": known.spec_hash,
        }
        run_id = _enter(tx, _WITHOUT_QUESTION, {**bindings, **place, "is_refused": is_refused}, settled)
        if run_id is not None:
            return _noted(tx, run_id, request)
    spec = _requested_spec(tx, request, is_refused)
    settled = settle(spec.params, request.params or {})
    place = {"priority": _priority(request, spec.priority), "pool": spec.pool}
    run_id = _enter(tx, f"{_REQUEST} RETURNING id", {**bindings, **place}, settled)
    if run_id is None:  # the row was read in this very transaction
        raise not_recorded(request.job_id)
    return _noted(tx, run_id, request)


def _priority(request: RunRequest, of_job: int) -> int:
    return of_job if request.priority is None else request.priority


def _noted(tx: Tx, run_id: int, request: RunRequest) -> int:
    """Note who asks, and let the runs that brought the request about be asked what they caused."""
    if request.by is not None:
        target, detail = f"job {request.job_id}", f"run {run_id}"
        audit.record(tx, actor=request.by, action="run", target=target, detail=detail)
    if request.caused_by is not None and request.caused_by.runs:
        pairs = ((cause, run_id) for cause in request.caused_by.runs)
        tx.conn.executemany("INSERT OR IGNORE INTO run_causes VALUES (?, ?)", pairs)
    return run_id


def answered_instead(tx: Tx, job_id: str, run_id: int, status: int) -> None:
    """Note that a request for this run was answered so."""
    audit.correct(tx, action="run", target=f"job {job_id}", detail=f"run {run_id}", answer=status)


def _fitting(known: KnownSpec, request: RunRequest) -> Settled | None:
    """The parameters of a request; None if they do not fit: the job may have changed, and is read again."""
    try:
        return settle(known.params, request.params or {})
    except InvalidValue:
        return None


def _enter(tx: Tx, statement: str, bindings: Mapping[str, Any], settled: Settled) -> int | None:
    run_id: int | None = tx.conn.execute(statement, {**bindings, "params": row_text(settled)}).get
    if run_id is not None:
        secret_params.keep(tx, run_id, settled.secret)
    return run_id


def _requested_spec(tx: Tx, request: RunRequest, is_refused: bool) -> JobSpec:
    """The spec of the job, as it is now. Raises what is wrong with the request."""
    text: str | None = tx.conn.execute(
        "SELECT spec FROM jobs WHERE id = ? AND deleted_at IS NULL", (request.job_id,)
    ).get
    if text is None:
        raise unknown_job(tx.conn, request.job_id)
    if is_refused and job_is_paused(tx.conn, request.job_id, tx.now):
        of_all = pauses(tx.conn, tx.now).of_all is not None
        wanted = "end the pause of all jobs with `jeeves-runner resume --all`" if of_all else "resume it"
        raise Conflict(f"job {request.job_id} is paused", hint=f"{wanted}, or force the run")
    try:
        return job_from_text(text)
    except SpecError as error:
        raise damaged_job(request.job_id) from error


def withdraw_force(tx: Tx) -> None:
    """Let no run that waits start in spite of a pause: those that were forced wait like all others."""
    tx.conn.execute("UPDATE runs SET forced = 0 WHERE status = 'scheduled' AND forced")


def not_recorded(job_id: str) -> RuntimeError:
    """The error for a statement that has entered nothing, which is a bug."""
    return RuntimeError(f"the request for a run of {job_id} was not recorded")
