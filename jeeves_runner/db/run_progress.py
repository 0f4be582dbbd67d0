"""What happens to a run between its entry and its end: why it waits, its start, what it is asked for.

Each change is guarded by the status it follows from; one that finds another status writes nothing.
"""

import json
from collections.abc import Sequence

from jeeves_runner.core.model import CancelCause, JobSpec, Reason
from jeeves_runner.core.params import refreshed
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.run_states import ACTIVE, RUNNING
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.runs import RUN_COLUMNS, Start, returned_run
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict

_START = f"""
UPDATE runs SET status = 'running', started_at = :at, reason = NULL, reason_ref = NULL, mark = :mark,
  handle = :handle, deadline = :deadline, timeout_ms = :timeout_ms, origin = :origin, token_digest =
  :token_digest, epoch = :epoch, spec_hash = :spec_hash, params = :params, (revision_id, file) = (SELECT
  revision_id, file FROM jobs WHERE id = job_id), told_by_items = true
WHERE id = :id AND status = 'scheduled' AND (SELECT spec_hash FROM jobs WHERE id = job_id) = :spec_hash
RETURNING {RUN_COLUMNS}
"""


def start_waiting(
    tx: Tx, run_id: int, start: Start, *, spec: JobSpec, spec_hash: str, epoch: int
) -> Run | None:
    """Turn a waiting run into a running one, under the spec it was admitted by. Parameters that it was not
    given have the defaults of that spec."""
    row = tx.conn.execute("SELECT params, given_params FROM runs WHERE id = ?", (run_id,)).fetchone()
    params, given = (None, None) if row is None else row
    bindings = {
        "at": tx.at,
        "id": run_id,
        "params": refreshed(spec.params, params, given),
        "spec_hash": spec_hash,
        "epoch": epoch,
    }
    return returned_run(tx, _START, bindings | start.bindings(tx))


def note_waiting(tx: Tx, run_ids: Sequence[int], reason: Reason | None, ref: str | None, epoch: int) -> None:
    """Say why runs wait, and that the runner of this epoch has decided so."""
    tx.conn.execute(
        "UPDATE runs SET reason = ?, reason_ref = ?, epoch = ?"
        " WHERE id IN (SELECT value FROM json_each(?)) AND status = 'scheduled'",
        (reason, ref, epoch, json.dumps(run_ids)),
    )


def request_cancel(tx: Tx, run_id: int, cause: CancelCause) -> CancelCause | None:
    """Record why an active run is to end; the cause that was recorded first, None if it has ended."""
    row = tx.conn.execute(
        "UPDATE runs SET cancel_cause = coalesce(cancel_cause, ?),"
        " cancel_requested_at = coalesce(cancel_requested_at, ?)"
        f" WHERE id = ? AND {ACTIVE} RETURNING cancel_cause",
        (cause, tx.at, run_id),
    ).fetchone()
    return None if row is None else CancelCause(row[0])


_REPLACE = f"""
UPDATE runs SET cancel_cause = coalesce(cancel_cause, :cause),
  cancel_requested_at = coalesce(cancel_requested_at, :at),
  reason = iif(coalesce(cancel_cause, :cause) = :cause, reason, :reason),
  reason_ref = iif(coalesce(cancel_cause, :cause) = :cause, reason_ref, :by)
WHERE {RUNNING} AND job_id = :job_id AND id <> :id AND backfill_id IS NULL
"""


def request_end_of_replaced(tx: Tx, by: Run) -> None:
    """Record that what runs of a job is to end for another run of it, but for what belongs to a backfill.

    The first cause stays. Where that is another one, it is the reason that says that the run was replaced.
    """
    tx.conn.execute(
        _REPLACE,
        {
            "cause": CancelCause.REPLACED,
            "reason": Reason.REPLACED,
            "at": tx.at,
            "by": str(by.id),
            "job_id": by.job_id,
            "id": by.id,
        },
    )


def begin_main_part(tx: Tx, run_id: int, start: Start, epoch: int) -> None:
    """Record that the main part of a running run starts now, after its precheck. Raises Fenced, and Conflict
    where another program has ended the run meanwhile."""
    check_epoch(tx, epoch)
    tx.conn.execute(
        "UPDATE runs SET started_at = max(:at, started_at), handle = :handle, deadline = :deadline,"
        " timeout_ms = :timeout_ms, origin = :origin WHERE id = :id AND status = 'running'",
        {"at": tx.at, "id": run_id} | start.bindings(tx),
    )
    if not tx.conn.changes():
        raise Conflict(f"run {run_id} was ended by another program while its precheck ran")


def note_handle(tx: Tx, run_id: int, handle: str, record: RunRecord) -> None:
    """Add to a running run what its executor needs to find it again, and where its log is.

    A note that comes when the row names another executor already, that of the main part, writes nothing.
    """
    tx.conn.execute(
        "UPDATE runs SET handle = :handle, script_hash = :script_hash, log_path = :log_path"
        " WHERE id = :id AND status = 'running' AND handle ->> '$.executor' IS :handle ->> '$.executor'",
        {
            "handle": handle,
            "script_hash": record.script_hash,
            "log_path": record.log_path,
            "id": run_id,
        },
    )


def note_progress(tx: Tx, run_id: int, message: str | None, tokens: int | None, *, epoch: int) -> None:
    """Note what is said of a run while it runs; without tokens their number stays. Raises Fenced."""
    check_epoch(tx, epoch)
    tx.conn.execute(
        "UPDATE runs SET message = ?, tokens = coalesce(?, tokens) WHERE id = ? AND status = 'running'",
        (message, tokens, run_id),
    )
