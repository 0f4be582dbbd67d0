"""What people are told of the ends of runs, in the transaction that records them."""

from datetime import timedelta
from typing import Final

import apsw

from jeeves_runner.core.alerts.ends import PROVEN_WELL, cause_of, facts_of, has_output, was_stopped
from jeeves_runner.core.alerts.policy import addresses_of, expect_of
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import CancelCause, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db import alerting, lateness, outbox
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.outbox import Saying
from jeeves_runner.db.overrides import is_muted
from jeeves_runner.db.transaction import Tx

STOP_WAIT: Final = timedelta(seconds=5)
"""How long the first run that a stop interrupts waits for the others, which end one after another."""


def tell_end(tx: Tx, run: Run, *, is_last: bool) -> None:
    """Tell people of the end of a run; and of the end of its chain, if it was the last attempt.

    Of an ok end that nobody waits to hear of this costs one read by index.
    """
    cause = cause_of(run) if is_last else None
    says_something = is_last and (run.status is RunStatus.OK or cause is not None)
    if not says_something and run.started_at is None:
        return
    row = tx.conn.execute(_WANTED, {"job": run.job_id}).fetchone()
    if row is None:
        return
    is_open, success_is_wanted, output_channel, expect, decided_until = row
    if lateness.may_matter(tx.conn, run, expect_of(expect), decided_until, is_open=bool(is_open)):
        lateness.judge_end(tx, run)
    if not says_something:
        return
    is_to_be_told = cause is not None or is_open or success_is_wanted or output_channel is not None
    if not is_to_be_told or _is_of_the_past(tx.conn, run):
        return
    if cause is not None:
        _tell_of(tx, run, cause)
    else:
        if is_open:
            alerting.went_well(tx, run.job_id, PROVEN_WELL, run_id=run.id, facts=facts_of(run))
        if success_is_wanted:
            success = Happened(Cause.SUCCESS, run.job_id, run_id=run.id, facts=facts_of(run))
            alerting.report(tx, success)
    if output_channel is not None and has_output(run) and not is_muted(tx.conn, run.job_id, tx.now):
        saying = Saying(Said.OUTPUT, job_id=run.job_id, run_id=run.id, facts=facts_of(run))
        outbox.put(tx, saying, addresses_of(output_channel))


# The columns say whether there is any, so that the spec is parsed only where there is.
_WANTED: Final = f"""
SELECT EXISTS (SELECT 1 FROM incidents WHERE coalesce(job_id, '') = :job AND closed_at IS NULL),
       on_success IS NOT NULL, CASE WHEN output_channel IS NOT NULL THEN spec -> '$.output_channel' END,
       CASE WHEN {lateness.HAS_EXPECT} THEN spec -> '$.expect' END, decided_until
FROM jobs WHERE id = :job AND deleted_at IS NULL
"""


def _tell_of(tx: Tx, run: Run, cause: Cause) -> None:
    bundle: str | None = None
    wait: timedelta | None = None
    if was_stopped(run, tx.conn.execute("SELECT max(epoch) FROM runner").get):
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
