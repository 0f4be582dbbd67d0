"""``apply``: make the declared jobs and queues the live ones, in one transaction."""

import gc
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.arguments import DELETES
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.errors import BaseMoved, PlanIncomplete

if TYPE_CHECKING:
    from jeeves_runner.core.plan import Plan
    from jeeves_runner.reconcile import Applied, Terms

INCOMPLETE = 3
_ATTEMPTS = 5


@click.command("apply")
@click.option("--keep-going", is_flag=True, help="Apply what is valid although some manifests are broken.")
@click.option("--allow-deletes", type=DELETES, metavar="N", help="Confirm up to N deletes.")
@click.option("--take-over", is_flag=True, help="Switch the database to this folder of manifests.")
@json_option
@pass_app
def command(app: App, keep_going: bool, allow_deletes: int | None, take_over: bool) -> int:
    """Make the declared jobs and queues the live ones.

    Exit code 0: applied, or nothing to do. 2: an error, nothing applied. 3: applied with
    --keep-going while manifests are broken. 4: refused by a guard.
    """
    from jeeves_runner.project import source_of
    from jeeves_runner.reconcile import Terms

    # One short pass over data that all stays alive: collecting cycles would only cost time.
    gc.disable()
    source = source_of(app.config)
    source.check()  # before a database is made for it
    terms = Terms(
        applied_by="cli",
        source=source.location,
        allow_deletes=allow_deletes,
        take_over=take_over,
    )
    for attempt in range(_ATTEMPTS):
        try:
            applied = _apply(app, terms, keep_going)
            break
        except BaseMoved:
            if attempt == _ATTEMPTS - 1:
                raise
    _report(app, applied)
    return 0 if applied.plan.complete else INCOMPLETE


def _apply(app: App, terms: "Terms", keep_going: bool) -> "Applied":
    from jeeves_runner.db.connection import transaction
    from jeeves_runner.project import planner_of
    from jeeves_runner.reconcile import (
        Applied,
        apply_plan,
        check_source,
        needs_writing,
        read_live,
        with_fields,
    )
    from jeeves_runner.sources.commit import commit_of

    planner = planner_of(app.config)
    conn = app.connect(create=True)
    if not terms.take_over:
        check_source(conn, terms.source)
    plan = with_fields(conn, planner.plan(read_live(conn)))
    if not plan.complete and not keep_going:
        _refuse(app, plan)
    if not needs_writing(conn, plan, terms.source):
        return Applied(revision=None, plan=plan)
    commit = commit_of(app.config.jobs_dir) if plan.changes else None
    with transaction(conn, app.clock) as tx:
        return apply_plan(tx, plan, terms, commit)


def _refuse(app: App, plan: "Plan") -> None:
    from jeeves_runner.cli.plans import problem_lines, problem_summary

    if app.json:
        app.print_json({**plan.as_json(), "revision": None})
    else:
        app.print_lines(problem_lines(p for p in plan.problems if p.is_error))
    raise PlanIncomplete(
        f"nothing was applied: {problem_summary(plan.problems)}",
        hint="mend the manifests, or apply the valid rest with --keep-going",
    )


def _report(app: App, applied: "Applied") -> None:
    from jeeves_runner.cli.plans import plan_lines, problem_lines, problem_summary
    from jeeves_runner.core.plan import summary

    plan = applied.plan
    if app.json:
        app.print_json({**plan.as_json(), "revision": applied.revision})
        return
    app.print_lines(problem_lines(p for p in plan.problems if p.is_error))
    app.print_lines(plan_lines(plan))
    if applied.revision is not None:
        head = f"Applied as revision {applied.revision}: {summary(plan)}."
    elif plan.complete:
        head = f"Nothing to do: {plan.declared} declared, all live."
    else:
        head = "Nothing to do: what can be read is live already."
    noted = f" {problem_summary(plan.problems)}; see `jeeves-runner validate`." if plan.problems else ""
    app.print(head + noted)
