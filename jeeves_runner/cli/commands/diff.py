"""``diff``: what an apply would change, and whether it would be allowed to."""

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import DIFFERENT, FAILED, OK, REFUSED
from jeeves_runner.cli.forecast_text import by_job, summary_lines
from jeeves_runner.cli.plan_text import named, plan_lines, plan_summary, problem_lines
from jeeves_runner.cli.syntax import confirming_options
from jeeves_runner.core.delete_guard import Confirmed
from jeeves_runner.core.live import Live
from jeeves_runner.core.origin import AppliedBy


@click.command("diff")
@click.option(
    "--against",
    type=click.Choice(["database", "empty"]),
    default="database",
    help="What to compare with: the live rows, or no jobs at all (needs no database).",
)
@confirming_options
@click.option("--staged", is_flag=True, help="Compare what git's index has, and not the files.")
@json_option
@pass_app
def command(
    app: App, against: str, allow_deletes: int | None, allow_delete: tuple[str, ...], staged: bool
) -> int:
    """Show what an apply would change, with the same deletes confirmed.

    Exit code 0: in sync. 1: differences. 2: an error, or a manifest is broken. 4: apply would refuse.
    """
    from jeeves_runner.db.queues import check_known
    from jeeves_runner.reconcile.allowances import with_allowances
    from jeeves_runner.reconcile.apply import ApplyOptions, read_live, refusal_of, with_fields
    from jeeves_runner.reconcile.setup import plan_of, source_of
    from jeeves_runner.views.forecast import forecast_between, forecast_of_live
    from jeeves_runner.views.sync import plan_view

    reason = None
    now = app.clock.now()
    if against == "empty" or app.has_no_database():
        plan, _ = plan_of(app.config, Live.nothing(), staged=staged)
        forecast = forecast_between(plan, {}, now)
    else:
        conn = app.connect_declared()
        check_known(conn, allow_delete)
        plan, trace = plan_of(app.config, read_live(conn), staged=staged)
        plan = with_fields(conn, plan)
        options = ApplyOptions(
            applied_by=AppliedBy.CLI,
            source=source_of(app.config),
            confirmed=Confirmed(allow_deletes, frozenset(allow_delete)),
        )
        if trace is not None:
            options = with_allowances(conn, plan, options, trace, now)
        reason = refusal_of(conn, plan, options, app.clock)
        forecast = forecast_of_live(conn, plan, now)
    if app.json:
        app.print_json({**plan_view(plan), "forecast": forecast, "refused": reason})
    else:
        app.print_lines(problem_lines(p for p in plan.problems if p.is_error))
        app.print_lines(plan_lines(plan, by_job(forecast)))
        app.print_lines((line,) for line in summary_lines(forecast))
        app.print(f"Plan: {plan_summary(plan)}." if plan.changes or plan.held else "No differences.")
        if reason:
            app.print(f"An apply would be refused: {reason}.")
        if not plan.complete:
            app.print("The plan is incomplete: mend the errors above; until then nothing is deleted.")
        if plan.suspended:
            app.print(f"Their deletes wait: {named(plan.suspended)}.")
    if not plan.complete:
        return FAILED
    if reason:
        return REFUSED
    return DIFFERENT if plan.changes else OK
