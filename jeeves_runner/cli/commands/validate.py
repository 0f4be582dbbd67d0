"""``validate``: check every manifest. It needs no database."""

import os
import posixpath
from pathlib import Path

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import INVALID, OK
from jeeves_runner.cli.formats import counted
from jeeves_runner.cli.plan_text import problem_lines, problem_summary
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

    Exit code 0: no errors. 1: errors (with --strict: or warnings). 2: could not look.
    """
    from jeeves_runner.reconcile.setup import plan_of

    plan, _ = plan_of(app.config, Live.nothing(), staged=staged)
    problems = plan.problems
    failed = any(p.is_error or strict for p in problems)
    code = INVALID if failed else OK
    if app.json:
        app.print_json({"ok": not failed, "problems": [p.as_json() for p in problems]})
        return code
    if form == "github":
        above = _below_the_repository(app.config.root)
        for p in problems:
            text = f"{p.message}. {p.hint}" if p.hint else p.message
            file = _property(posixpath.normpath(posixpath.join(above, p.file)))
            app.print_command(f"::{p.severity} file={file},line={p.line},col={p.column}::{_escaped(text)}")
    else:
        app.print_lines(problem_lines(problems))
    declared = f"{counted(plan.manifests, 'manifest')}, {plan.declared} declared"
    app.print(f"{'Invalid' if failed else 'Valid'}: {declared}, {problem_summary(problems)}.")
    return code


def _below_the_repository(root: Path) -> str:
    """The project's path in the git repository around it: GitHub names files relative to the repository."""
    top = next((place for place in (root, *root.parents) if os.path.lexists(place / ".git")), root)
    return root.relative_to(top).as_posix()


def _escaped(text: str) -> str:
    """``text`` with the characters escaped that GitHub's workflow commands reserve, as its toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The value of a property: there, the characters that separate properties are reserved too."""
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
