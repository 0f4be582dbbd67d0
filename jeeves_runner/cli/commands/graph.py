"""``graph``: what reads, writes and follows what."""

import gc
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli import completion, exits
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.formats import NONE, ago, duration
from jeeves_runner.cli.graph_pictures import dot, mermaid
from jeeves_runner.cli.graph_text import graph_lines
from jeeves_runner.cli.syntax import at_most
from jeeves_runner.cli.tables import Prose
from jeeves_runner.core.graph.reach import FARTHEST
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    from jeeves_runner.views.freshness import StaleNodeDocument

_PICTURES: Final = {"mermaid": mermaid, "dot": dot}


@click.command("graph")
@click.argument("what", type=click.Choice(["stale"]), metavar="[stale]", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot", "json"]),
    default="text",
    show_default=True,
    help="How it is printed.",
)
@click.option(
    "--impact",
    metavar="NODE",
    shell_complete=completion.NODES,
    help="Only this node and all that a change of it reaches.",
)
@click.option(
    "--around",
    "near",
    metavar="NODE",
    shell_complete=completion.NODES,
    help="Only this node and its neighbours.",
)
@click.option(
    "--distance",
    type=at_most(FARTHEST),
    default=1,
    show_default=True,
    help="How many steps away neighbours are, at most.",
)
@json_option
@pass_app
@click.pass_context
def command(
    ctx: click.Context,
    app: App,
    what: str | None,
    form: str,
    impact: str | None,
    near: str | None,
    distance: int,
) -> None:
    """Show the live graph: what jobs read, write and use, and what they follow.

    NODE is KIND:NAME, such as datastore:mail, or the id of a job. With `stale`: list the data that is older
    than its `fresh_within`, and exit 1 if there is any.
    """
    from jeeves_runner.core.graph.outline import outline
    from jeeves_runner.db.connection import snapshot
    from jeeves_runner.db.graph import live_graph
    from jeeves_runner.views.graph import document_of, key_in, part_of

    if what is not None:
        if (form, impact, near, distance) != ("text", None, None, 1):
            raise UsageError("`graph stale` takes no options but --json")
        ctx.exit(_print_stale(app))
    if impact is not None and near is not None:
        raise UsageError("--impact and --around are two questions: leave out one of them")
    gc.disable()  # a graph of thousands of nodes makes hundreds of thousands of objects, and the process ends
    with closing(app.connect()) as conn, snapshot(conn):
        whole = live_graph(conn)
        part = part_of(whole, impact=impact, near=near, distance=distance)
        document = document_of(conn, app.clock.now(), part)
    if app.json or form == "json":
        app.print_json(document)
    elif form in _PICTURES:
        app.print_lines((line,) for line in _PICTURES[form](document))
    elif not document["nodes"]:
        app.print("There are no jobs, queues and nodes yet.")
    else:
        first = None if impact is None else key_in(part, impact)
        app.print_lines(graph_lines(document, outline(part, first)))


def _print_stale(app: App) -> int:
    """List the data that is stale; the exit code."""
    from jeeves_runner.views.freshness import stale_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = stale_view(conn, now)
    if app.json:
        app.print_json(document)
    elif not document["stale"]:
        app.print("Nothing is stale.")
    else:
        app.print_table(
            ("NODE", "WITHIN", "WRITTEN", Prose("BY"), "WRITERS"),
            [
                (
                    each["id"],
                    duration(each["fresh_within_ms"]),
                    "never" if each["fresh_at"] is None else ago(each["fresh_at"], now),
                    _by(each),
                    ", ".join(each["writers"]) or "-",
                )
                for each in document["stale"]
            ],
        )
    return exits.STALE if document["stale"] else exits.OK


def _by(each: "StaleNodeDocument") -> str:
    """Which run wrote it last, or found nothing to write."""
    if each["run_id"] is None:
        return NONE
    only_looked = ", which found nothing to write" if each["found_nothing"] else ""
    return f"run {each['run_id']} of {each['job_id']}{only_looked}"
