"""``graph``: what reads, writes and follows what."""

from contextlib import closing
from typing import Final

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.graph_pictures import dot, mermaid
from jeeves_runner.cli.graph_text import graph_lines
from jeeves_runner.errors import UsageError

_PICTURES: Final = {"mermaid": mermaid, "dot": dot}


@click.command("graph")
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
@json_option
@pass_app
def command(app: App, form: str, impact: str | None, near: str | None) -> None:
    """Show the live graph: what jobs read, write and use, and what they follow.

    NODE is KIND:NAME, such as datastore:mail, or the id of a job.
    """
    from jeeves_runner.core.graph.outline import outline
    from jeeves_runner.db.connection import snapshot
    from jeeves_runner.db.graph import live_graph
    from jeeves_runner.views.graph import document_of, key_in, part_of

    if impact is not None and near is not None:
        raise UsageError("--impact and --around are two questions: leave out one of them")
    with closing(app.connect()) as conn, snapshot(conn):
        whole = live_graph(conn)
        part = part_of(whole, impact=impact, near=near)
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
