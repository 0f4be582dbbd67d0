"""``validate``: check every manifest. It needs no database."""

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import INVALID, OK
from jeeves_runner.cli.formats import counted
from jeeves_runner.cli.github import annotations
from jeeves_runner.cli.plan_text import declared_text, problem_lines, problem_summary
from jeeves_runner.core.live import Live


@click.command("validate")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    help="How problems are printed.",
)
@click.option("--staged", is_flag=True, help="Check what git's index has, and not the files.")
@json_option
@pass_app
def command(app: App, strict: bool, form: str, staged: bool) -> int:
    """Check every manifest without touching a database.

    Shells read the texts of jobs without running them, and programs that are not there are warned of.

    Exit code 0: no errors. 1: errors (with --strict: or warnings). 2: could not look.
    """
    from jeeves_runner.reconcile.script_checks import script_problems
    from jeeves_runner.reconcile.setup import files_of, plan_of

    plan, _ = plan_of(app.project, Live.nothing(), staged=staged)
    found = script_problems(plan, files_of(app.config, staged=staged))
    problems = sorted((*plan.problems, *found), key=lambda each: (each.file, each.line, each.column))
    failed = any(p.is_error or strict for p in problems)
    code = INVALID if failed else OK
    if app.json:
        app.print_json({"ok": not failed, "problems": [p.as_json() for p in problems]})
        return code
    if form == "github":
        for line in annotations(problems, app.config.root):
            app.print_command(line)
    else:
        app.print_lines(problem_lines(problems))
    what = f"{counted(plan.manifests, 'manifest')}, {declared_text(plan)} declared"
    app.print(f"{'Invalid' if failed else 'Valid'}: {what}, {problem_summary(problems)}.")
    return code
