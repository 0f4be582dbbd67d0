"""``apply``: make the declared jobs, queues and nodes the live ones, in one transaction."""

import gc
import os
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import INCOMPLETE, OK
from jeeves_runner.cli.plan_text import declared_text, plan_lines, problem_lines, problem_summary
from jeeves_runner.cli.server import database_of_address, server_of
from jeeves_runner.cli.syntax import confirming_options
from jeeves_runner.core.delete_guard import Confirmed
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.plan import Plan, summary
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.db.queues import check_known
from jeeves_runner.db.runner import runner_row
from jeeves_runner.errors import BaseMoved, PlanIncomplete, Refused, SourceMismatch

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.reconcile.apply import Applied, ApplyOptions

_ATTEMPTS = 5


@click.command("apply")
@click.option("--keep-going", is_flag=True, help="Apply what is valid although some manifests are broken.")
@confirming_options
@click.option("--take-over", is_flag=True, help="Switch the database to these manifests.")
@json_option
@pass_app
def command(
    app: App, keep_going: bool, allow_deletes: int | None, allow_delete: tuple[str, ...], take_over: bool
) -> int:
    """Make the declared jobs, queues and nodes the live ones.

    Exit code 0: applied, or nothing to do. 2: an error, nothing applied. 3: applied with
    --keep-going while manifests are broken. 4: refused by a guard.
    """
    from jeeves_runner.reconcile.apply import ApplyOptions
    from jeeves_runner.reconcile.setup import source_of

    # One short pass over data that all stays alive: collecting cycles would only cost time.
    gc.disable()
    source = source_of(app.project)
    source.check()  # before a database is made for it
    options = ApplyOptions(
        applied_by=AppliedBy.CLI,
        source=source,
        confirmed=Confirmed(allow_deletes, frozenset(allow_delete)),
        take_over=take_over,
        by=app.actor,
    )
    # ``Path.exists`` raises for a folder that may not be entered; that is told where the database is opened.
    is_new = not os.path.exists(app.config.db_path)  # noqa: PTH110
    for attempt in range(_ATTEMPTS):
        try:
            applied = _apply(app, options, keep_going)
            break
        except BaseMoved:
            if attempt == _ATTEMPTS - 1:
                raise
    _report(app, applied)
    if is_new and (other := database_of_address(app.config)) is not None:
        made = f"a new database was made, {app.config.db_path}"
        app.warn(f"{made}; the running server goes by {other} until it is restarted")
    return OK if applied.plan.complete else INCOMPLETE


def _apply(app: App, options: "ApplyOptions", keep_going: bool) -> "Applied":
    from jeeves_runner.reconcile.allowances import with_allowances
    from jeeves_runner.reconcile.apply import (
        Applied,
        apply_plan,
        check_source,
        needs_writing,
        read_live,
        with_fields,
    )
    from jeeves_runner.reconcile.setup import planner_of

    planner = planner_of(app.config)
    conn = app.connect_declared(create=True)
    check_known(conn, options.confirmed.queues)
    plan = with_fields(conn, planner.plan(read_live(conn)))
    try:
        if not options.take_over:
            check_source(conn, options.source)
        if not plan.complete and not keep_going:
            _refuse(app, plan)
        if not needs_writing(conn, plan, options):
            return Applied(revision=None, plan=plan)
        options = with_allowances(conn, plan, options, planner.trace, app.clock.now())
        commit = options.source.commit(planner.trace) if plan.changes else None
        with announced_transaction(conn, app.clock) as tx:
            applied = apply_plan(tx, plan, options, commit)
    except (Refused, SourceMismatch) as refusal:
        if app.json:
            app.print_json(_document(plan, refused=refusal.message))
        raise
    _warn_of_another_config(app, conn)
    return applied


def _warn_of_another_config(app: App, conn: "apsw.Connection") -> None:
    """A running server that reads the manifests by another config will undo what was applied."""
    from jeeves_runner.reconcile.setup import planner_setup

    row = runner_row(conn)
    if row is None or row.stopped_at or row.planner_digest in (None, planner_setup(app.config).digest):
        return
    if server_of(conn) is not None:
        app.warn("the running server uses another config or version, and will undo this: restart it")


def _document(plan: Plan, *, revision: int | None = None, refused: str | None = None) -> dict[str, object]:
    from jeeves_runner.views.sync import plan_view

    return {**plan_view(plan), "revision": revision, "refused": refused}


def _refuse(app: App, plan: Plan) -> None:
    if app.json:
        app.print_json(_document(plan))
    else:
        app.print_lines(problem_lines(p for p in plan.problems if p.is_error))
    raise PlanIncomplete(
        f"nothing was applied: {problem_summary(plan.problems)}",
        hint="fix the manifests, or apply the valid rest with --keep-going",
    )


def _report(app: App, applied: "Applied") -> None:
    plan = applied.plan
    if app.json:
        app.print_json(_document(plan, revision=applied.revision))
        return
    app.print_lines(problem_lines(p for p in plan.problems if p.is_error))
    app.print_lines(plan_lines(plan))
    if applied.revision is not None:
        head = f"Applied as revision {applied.revision}: {summary(plan)}."
    elif plan.complete:
        head = f"Nothing to do: {declared_text(plan)} declared, all live."
    else:
        head = "Nothing to do: what can be read is live already."
    noted = f" {problem_summary(plan.problems)}; see `jeeves-runner validate`." if plan.problems else ""
    app.print(head + noted)
