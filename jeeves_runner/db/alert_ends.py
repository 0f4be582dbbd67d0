"""What people are told of the ends of runs, in the transaction that records them."""

from datetime import timedelta
from typing import Final

import apsw

from jeeves_runner.core.alerts.ends import PROVEN_WELL, cause_of, facts_of, has_output, was_stopped
from jeeves_runner.core.alerts.policy import addresses_of
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import CancelCause, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db import alerting, outbox
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.outbox import Saying
from jeeves_runner.db.overrides import is_muted
from jeeves_runner.db.transaction import Tx

STOP_WAIT: Final = timedelta(seconds=5)
"""How long the first run that a stop interrupts waits for the others, which end one after another."""


def tell_end(tx: Tx, run: Run) -> None:
    """Tell people of the end of a chain, whose last attempt this was.

    Of an ok end that nobody waits to hear of this costs one read by index.
    """
    cause = cause_of(run)
    if cause is not None:
        if not _is_of_the_past(tx.conn, run):
            _tell_of(tx, run, cause)
            if has_output(run):
                _pass_on_output(tx, run, tx.conn.execute(_OUTPUT, (run.job_id,)).get)
    elif run.status is RunStatus.OK:
        _tell_of_ok(tx, run)


def _tell_of_ok(tx: Tx, run: Run) -> None:
    row = tx.conn.execute(_WANTED, {"job": run.job_id}).fetchone()
    if row is None:
        return
    is_open, success_is_wanted, output_channel = row
    is_to_be_told = is_open or success_is_wanted or output_channel is not None
    if not is_to_be_told or _is_of_the_past(tx.conn, run):
        return
    if is_open:
        alerting.went_well(tx, run.job_id, PROVEN_WELL, run_id=run.id, facts=facts_of(run))
    if success_is_wanted:
        alerting.report(tx, Happened(Cause.SUCCESS, run.job_id, run_id=run.id, facts=facts_of(run)))
    if has_output(run):
        _pass_on_output(tx, run, output_channel)


# The columns say whether there is any, so that the spec is read only where there is.
_WANTED: Final = """
SELECT EXISTS (SELECT 1 FROM incidents WHERE coalesce(job_id, '') = :job AND closed_at IS NULL),
       on_success IS NOT NULL, CASE WHEN output_channel IS NOT NULL THEN spec -> '$.output_channel' END
FROM jobs WHERE id = :job AND deleted_at IS NULL
"""
_OUTPUT: Final = """
SELECT spec -> '$.output_channel' FROM jobs
WHERE id = ? AND deleted_at IS NULL AND output_channel IS NOT NULL
"""


def _pass_on_output(tx: Tx, run: Run, channels: str | None) -> None:
    """``channels``: those of the job, as the spec has them; None: it has none."""
    if channels is not None and not is_muted(tx.conn, run.job_id, tx.now):
        saying = Saying(Said.OUTPUT, job_id=run.job_id, run_id=run.id, facts=facts_of(run))
        outbox.put(tx, saying, addresses_of(channels))


def _tell_of(tx: Tx, run: Run, cause: Cause) -> None:
    bundle: str | None = None
    wait: timedelta | None = None
    if cause is Cause.INTERRUPTED and was_stopped(run, tx.conn.execute("SELECT max(epoch) FROM runner").get):
        bundle = f"stop {run.epoch}"
        wait = STOP_WAIT if run.cancel_cause is CancelCause.SHUTDOWN else None
    alerting.report(
        tx,
        Happened(
            cause,
            run.job_id,
            run_id=run.id,
            times=run.occurrences if cause is Cause.MISSED else 1,
            facts=facts_of(run),
            bundle=bundle,
            not_before=wait,
        ),
    )


def _is_of_the_past(conn: apsw.Connection, run: Run) -> bool:
    """Whether its chain makes up for a time long past: it says nothing of how the job does now."""
    if run.chain_id is None:
        return run.trigger.is_of_the_past
    first: str | None = conn.execute("SELECT trigger FROM runs WHERE id = ?", (run.chain_id,)).get
    return first is not None and Trigger(first).is_of_the_past
