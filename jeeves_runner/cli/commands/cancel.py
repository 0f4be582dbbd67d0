"""``cancel``: the end of a run, by its server or in the place of one that is gone."""

from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.named_run import RUN_OR_JOB, run_to_end
from jeeves_runner.cli.server import ask_to_cancel, server_of
from jeeves_runner.cli.waiting import take_lock
from jeeves_runner.core.model import CancelCause, Reason, RunStatus
from jeeves_runner.db import audit
from jeeves_runner.db.connection import transaction
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.db.run_ends import end_waiting
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.runner import RunnerLock, runner_row
from jeeves_runner.db.runs import LeftRun, cancel_cause, ended_already, left_running
from jeeves_runner.db.transaction import PATIENCE
from jeeves_runner.errors import Conflict, DatabaseBusy, RunnerActive

if TYPE_CHECKING:
    import apsw

_WRITING: Final = 0.2
"""Seconds that a request waits for the lock; writers in their turn hold it for less."""


@click.command("cancel")
@click.argument("word", metavar="RUN|JOB", type=RUN_OR_JOB, shell_complete=completion.ACTIVE_RUNS_AND_JOBS)
@json_option
@pass_app
def command(app: App, word: int | str) -> None:
    """End RUN, whether it runs or waits; or the one of JOB, if there is only one.

    A server that runs does it. Without one, a waiting run is cancelled at once, and of a run whose server
    died all processes are killed and the run is recorded as interrupted; a session is ended at the gateway.
    """
    from jeeves_runner.views.runs import run_view

    with closing(app.connect()) as conn:
        run_id = run_to_end(conn, word)
        before = run_view(conn, run_id)["run"]
        if before["finished_at"] is not None:
            raise ended_already(run_id, before["status"])
        lock = RunnerLock(app.database, command="cancel")
        try:
            # Held meanwhile, so that no server starts and takes the run up.
            take_lock(lock, app.clock)
        except RunnerActive:
            done = _ask(app, conn, run_id, runs=before["status"] == RunStatus.RUNNING)
        else:
            try:
                done = _settle(app, conn, run_id)
            finally:
                lock.release()
        document = run_view(conn, run_id)
    if app.json:
        app.print_json(document)
    else:
        app.print(done)


def _ask(app: App, conn: "apsw.Connection", run_id: int, *, runs: bool) -> str:
    """Ask by a row; over HTTP if the database is locked: no signal waits for it."""
    asked = f"The server is asked to end run {run_id}"
    try:
        _write_request(app, conn, run_id, _WRITING)
    except DatabaseBusy:
        server = server_of(conn) if runs else None
        if server is not None and ask_to_cancel(server, run_id):
            return f"{asked}; the database is locked by another process, and shows it once it is free."
        _write_request(app, conn, run_id, PATIENCE)
    return f"{asked}; `jeeves-runner run {run_id}` shows it."


def _write_request(app: App, conn: "apsw.Connection", run_id: int, patience: float) -> None:
    with announced_transaction(conn, app.clock, patience=patience) as tx:
        if request_cancel(tx, run_id, CancelCause.CANCEL) is None:
            raise Conflict(f"run {run_id} has just ended")
        audit.record(tx, actor=app.actor, action="cancel", target=f"run {run_id}")


def _settle(app: App, conn: "apsw.Connection", run_id: int) -> str:
    """End a run that no server looks after."""
    leftover = next((left for left in left_running(conn) if left.run.id == run_id), None)
    if leftover is not None:
        return _settle_leftover(app, conn, leftover)
    with transaction(conn, app.clock) as tx:
        request_cancel(tx, run_id, CancelCause.CANCEL)
        if end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL) is None:
            raise Conflict(f"run {run_id} has just ended")
        audit.record(tx, actor=app.actor, action="cancel", target=f"run {run_id}")
    return f"Run {run_id} will not start."


def _settle_leftover(app: App, conn: "apsw.Connection", left: LeftRun) -> str:
    """End what is left of the run and record that as a server does that finds it at its start.

    It is not tried again, because a person wants its end.
    """
    # Costly to import, and needed after a crash alone.
    import asyncio

    from jeeves_runner.cli.log_lines import log_as_lines
    from jeeves_runner.core.outcome import UNCONFIRMED, Cancelled, Lost
    from jeeves_runner.executors import make_executors
    from jeeves_runner.runs.outcomes import record_outcome
    from jeeves_runner.runs.settle import end_left_run

    executors = make_executors(app.settings, app.clock)
    with log_as_lines():
        report = asyncio.run(end_left_run(executors, left, str(app.settings.data_dir)))
    left_alive: str | None = None
    match report.ending:
        case Lost():
            left_alive = report.ending.left_alive
        case Cancelled(confirmed=False):
            left_alive = report.ending.message or UNCONFIRMED
    try:
        with transaction(conn, app.clock) as tx:
            runner = runner_row(tx.conn)
            cause = cancel_cause(tx.conn, left.run.id)
            if isinstance(report.ending, Cancelled):  # it could go on without its server
                cause = request_cancel(tx, left.run.id, CancelCause.CANCEL)
            ended = record_outcome(
                tx, left.run.id, report, None, epoch=runner.epoch if runner else 0, cause=cause
            )
            audit.record(tx, actor=app.actor, action="cancel", target=f"run {left.run.id}")
    except DatabaseBusy as error:
        done = left_alive or f"what ran of run {left.run.id} is ended"
        raise DatabaseBusy(
            f"{done}, and that is not recorded yet: {error.message}",
            hint="the next server records it, or `cancel` once that process has finished",
        ) from error
    if left_alive is not None:
        return f"Run {left.run.id} is recorded as {ended.status}; {left_alive}."
    why = "had lost its server" if left.origin is None else "was followed by no server"
    return f"Run {left.run.id} {why}; it is ended, and recorded as {ended.status}."
