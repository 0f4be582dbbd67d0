"""``diff``: what an apply would change, and whether it would be allowed to."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from jeeves_runner.cli.comparing import Comparison, with_commit, with_database, with_nothing, with_server
from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.diff_text import changes, github, markdown, sentences
from jeeves_runner.cli.exits import DIFFERENT, FAILED, OK, REFUSED
from jeeves_runner.cli.plan_text import problem_lines
from jeeves_runner.cli.syntax import confirming_options
from jeeves_runner.core.delete_guard import NOTHING_CONFIRMED, Confirmed
from jeeves_runner.errors import UsageError


@click.command("diff")
@click.option(
    "--against",
    metavar="[database|empty|REF]",
    default="database",
    show_default=True,
    help="What to compare with: the live rows, no jobs at all, or the manifests of a commit.",
)
@click.option("--server", metavar="URL", help="Compare with what is live on another server.")
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="A file with the token that this server takes."
)
@confirming_options
@click.option("--staged", is_flag=True, help="Compare what git's index has, and not the files.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "github"]),
    default="text",
    help="How it is printed.",
)
@json_option
@utc_option
@pass_app
def command(
    app: App,
    against: str,
    server: str | None,
    token_file: Path | None,
    allow_deletes: int | None,
    allow_delete: tuple[str, ...],
    staged: bool,
    form: str,
) -> int:
    """Show what an apply would change, with the same deletes confirmed.

    Exit code 0: in sync. 1: differences. 2: an error, or a manifest is broken. 4: apply would refuse.
    """
    if server is not None and against != "database":
        raise UsageError("--server and --against both say what to compare with: leave out one of them")
    if server is None and token_file is not None:
        raise UsageError("--token-file goes with --server")
    _ = app.project  # all ways to compare need it
    confirmed = Confirmed(allow_deletes, frozenset(allow_delete))
    elsewhere = None if server is None else partial(with_server, app, server, token_file)
    found = _compare(app, against, elsewhere, confirmed, staged=staged)
    if app.json:
        _print_document(app, found)
    else:
        _print(app, found, form)
    if not found.plan.complete:
        return FAILED
    if found.refused:
        return REFUSED
    return DIFFERENT if found.plan.changes else OK


def _compare(
    app: App, against: str, elsewhere: Callable[..., Comparison] | None, confirmed: Confirmed, *, staged: bool
) -> Comparison:
    if elsewhere is None and against == "database":
        return with_database(app, confirmed, staged=staged)
    if confirmed != NOTHING_CONFIRMED:
        raise UsageError("--allow-deletes and --allow-delete judge an apply to the project's database alone")
    if elsewhere is not None:
        return elsewhere(staged=staged)
    if against == "empty":
        return with_nothing(app, staged=staged)
    return with_commit(app, against, staged=staged)


def _print_document(app: App, found: Comparison) -> None:
    from jeeves_runner.views.comparison import diff_view

    app.print_json(
        diff_view(
            found.plan,
            compared=found.against,
            forecast=found.forecast,
            edges=found.edges,
            refused=found.refused,
        )
    )


def _print(app: App, found: Comparison, form: str) -> None:
    zone = app.config.timezone
    match form:
        case "markdown":
            app.print_lines((line,) for line in markdown(found, zone, app.zone_of))
        case "github":
            for line in github(found, app.config.root):
                app.print_command(line)
            app.print_lines(changes(found, zone, app.zone_of))
        case _:
            app.print_lines(problem_lines(p for p in found.plan.problems if p.is_error))
            app.print_lines(changes(found, zone, app.zone_of))
    if form != "markdown":
        app.print_lines((line,) for line in sentences(found))
