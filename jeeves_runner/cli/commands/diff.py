"""``diff``: what an apply would change, and whether it would be allowed to."""

from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.comparing import Comparison, with_commit, with_database, with_nothing
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import DIFFERENT, FAILED, OK, REFUSED
from jeeves_runner.cli.forecast_text import by_job, summary_lines
from jeeves_runner.cli.formats import counted, short_sha
from jeeves_runner.cli.plan_text import named, plan_lines, plan_summary, problem_lines
from jeeves_runner.cli.syntax import confirming_options
from jeeves_runner.core.delete_guard import NOTHING_CONFIRMED, Confirmed
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    from jeeves_runner.views.comparison import AgainstDocument


@click.command("diff")
@click.option(
    "--against",
    metavar="[database|empty|REF]",
    default="database",
    show_default=True,
    help="What to compare with: the live rows, no jobs at all, or the manifests of a commit.",
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
    confirmed = Confirmed(allow_deletes, frozenset(allow_delete))
    found = _compare(app, against, confirmed, staged=staged)
    if app.json:
        _print_document(app, found)
    else:
        _print(app, found)
    if not found.plan.complete:
        return FAILED
    if found.refused:
        return REFUSED
    return DIFFERENT if found.plan.changes else OK


def _compare(app: App, against: str, confirmed: Confirmed, *, staged: bool) -> Comparison:
    match against:
        case "database":
            return with_database(app, confirmed, staged=staged)
        case "empty":
            return with_nothing(app, staged=staged)
    if confirmed != NOTHING_CONFIRMED:
        raise UsageError(
            "--allow-deletes and --allow-delete judge an apply, and not a comparison with a commit"
        )
    return with_commit(app, against, staged=staged)


def _print_document(app: App, found: Comparison) -> None:
    from jeeves_runner.views.comparison import diff_view

    app.print_json(
        diff_view(found.plan, compared=found.against, forecast=found.forecast, refused=found.refused)
    )


def _print(app: App, found: Comparison) -> None:
    plan = found.plan
    app.print_lines(problem_lines(p for p in plan.problems if p.is_error))
    app.print_lines(plan_lines(plan, by_job(found.forecast)))
    app.print_lines((line,) for line in summary_lines(found.forecast))
    where = _name(found.against)
    if plan.changes or plan.held:
        app.print(f"{'Plan' if where is None else f'Compared with {where}'}: {plan_summary(plan)}.")
    else:
        app.print("No differences." if where is None else f"No differences from {where}.")
    if errors := found.against["errors"]:
        app.print(f"{where} has {counted(errors, 'error')}: what stands there counts as new.")
    if found.refused:
        app.print(f"An apply would be refused: {found.refused}.")
    if not plan.complete:
        app.print("The plan is incomplete: mend the errors above; until then nothing is deleted.")
    if plan.suspended:
        app.print(f"Their deletes wait: {named(plan.suspended)}.")


def _name(against: "AgainstDocument") -> str | None:
    """What was compared with, where that is not what an apply would change."""
    name, commit = against["name"], against["commit"]
    if name is None:
        return None
    return name if commit is None else f"{name} ({short_sha(commit)})"
