"""What people are told of the ends of runs, in the transaction that records them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.core.alerts.ends import (
    PROVEN_WELL,
    cause_of,
    facts_of,
    has_output,
    leaves_failure,
    was_stopped,
)
from jeeves_runner.core.alerts.policy import addresses_of, expect_of
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import CancelCause, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db import alerting, outbox
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.late_ends import HAS_EXPECT, may_matter
from jeeves_runner.db.outbox import Saying
from jeeves_runner.db.overrides import is_muted
from jeeves_runner.db.runs import RUN_COLUMNS, run_from_row
from jeeves_runner.db.transaction import Tx

STOP_WAIT: Final = timedelta(seconds=5)
"""How long the first run that a stop interrupts waits for the others, which end one after another."""


def tell_end(tx: Tx, run: Run, *, is_last: bool) -> None:
    """Tell people of the end of a run; and of the end of its chain, if it was the last attempt.

    Of an ok end that is not to be told this costs one read by index.
    """
    wanted = None if run.started_at is None else _wanted(tx.conn, run.job_id)
    if wanted is not None and may_matter(
        tx.conn, run, expect_of(wanted.expect), wanted.decided_until, is_open=wanted.is_open
    ):
        # It loads what knows of schedules, which commands that end a run need not wait for.
        from jeeves_runner.db.lateness import judge_end

        judge_end(tx, run)
    if not is_last:
        return
    if leaves_failure(run.status, run.attempt, has_started=run.started_at is not None):
        _tell_of_attempt_before(tx, run)
    elif (cause := cause_of(run)) is not None:
        _tell_of_bad(tx, run, cause, wanted)
    elif run.status is RunStatus.OK and wanted is not None:
        _tell_of_ok(tx, run, wanted)


def _tell_of_attempt_before(tx: Tx, retry: Run) -> None:
    """Tell of the attempt after which a retry was skipped, and why it was."""
    bindings = {"chain": retry.chain_id, "attempt": retry.attempt}
    row = tx.conn.execute(_BEFORE, bindings).fetchone()
    before = None if row is None else run_from_row(row)
    if before is not None and (cause := cause_of(before)) is not None:
        why = retry.message or retry.reason or "it was skipped"
        facts = {"lines": [["Not tried again", why]]}
        _tell_of_bad(tx, before, cause, _wanted(tx.conn, retry.job_id), facts)


# Of several the last one that is kept: the first stays as long as its retries do.
_BEFORE: Final = f"""
SELECT {RUN_COLUMNS} FROM runs WHERE (id = :chain OR chain_id = :chain) AND attempt < :attempt
ORDER BY attempt DESC LIMIT 1
"""


def _tell_of_bad(
    tx: Tx, run: Run, cause: Cause, wanted: "_Wanted | None", facts: Mapping[str, Any] | None = None
) -> None:
    if not _is_of_the_past(tx.conn, run):
        _tell_of(tx, run, cause, {**facts_of(run), **(facts or {})})
        _pass_on_output(tx, run, wanted)


def _tell_of_ok(tx: Tx, run: Run, wanted: "_Wanted") -> None:
    is_to_be_told = wanted.is_open or wanted.success_is_wanted or wanted.output_channel is not None
    if not is_to_be_told or _is_of_the_past(tx.conn, run):
        return
    if wanted.is_open:
        alerting.went_well(tx, run.job_id, PROVEN_WELL, run_id=run.id, facts=facts_of(run))
    if wanted.success_is_wanted:
        alerting.report(tx, Happened(Cause.SUCCESS, run.job_id, run_id=run.id, facts=facts_of(run)))
    _pass_on_output(tx, run, wanted)


class _Wanted(NamedTuple):
    """What people want to hear of a job that is not deleted."""

    is_open: bool
    """Whether something is wrong with it by now."""
    success_is_wanted: bool
    output_channel: str | None
    """Where its output goes, as the spec has it."""
    expect: str | None
    """The ``expect`` of its spec."""
    decided_until: str | None
    """Its watermark."""


def _wanted(conn: apsw.Connection, job_id: str) -> _Wanted | None:
    row: tuple[Any, ...] | None = conn.execute(_WANTED, {"job": job_id}).fetchone()
    return None if row is None else _Wanted(*row)


# The columns say whether there is any, so that the spec is parsed only where there is.
_WANTED: Final = f"""
SELECT EXISTS (SELECT 1 FROM incidents WHERE coalesce(job_id, '') = :job AND closed_at IS NULL),
       on_success IS NOT NULL, CASE WHEN output_channel IS NOT NULL THEN spec -> '$.output_channel' END,
       CASE WHEN {HAS_EXPECT} THEN spec -> '$.expect' END, decided_until
FROM jobs WHERE id = :job AND deleted_at IS NULL
"""


def _pass_on_output(tx: Tx, run: Run, wanted: _Wanted | None) -> None:
    """To where the job says, if it says so and the run has written something."""
    channels = None if wanted is None else wanted.output_channel
    if channels is not None and has_output(run) and not is_muted(tx.conn, run.job_id, tx.now):
        saying = Saying(Said.OUTPUT, job_id=run.job_id, run_id=run.id, facts=facts_of(run))
        outbox.put(tx, saying, addresses_of(channels))


def _tell_of(tx: Tx, run: Run, cause: Cause, facts: Mapping[str, Any]) -> None:
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
            facts=facts,
            since=run.scheduled_for if cause is Cause.MISSED else None,
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
