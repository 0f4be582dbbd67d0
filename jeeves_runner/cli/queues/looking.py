"""``queue list``, ``status``, ``peek`` and ``item``: what is in queues."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import ago, duration, json_text
from jeeves_runner.cli.queues.words import pause_sentence, queue_argument
from jeeves_runner.cli.syntax import ITEM_ID, at_most
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.core.values import check_name

if TYPE_CHECKING:
    from jeeves_runner.views.queues import QueueCountsDocument, QueueDocument

_COUNTS = ("DEPTH", "CLAIMED", "FAILED", "OLDEST")


@click.command("list")
@click.option("--detail", is_flag=True, help="With --json: objects with counts instead of ids.")
@json_option
@pass_app
def list_queues(app: App, detail: bool = False) -> None:
    """List the queues and how full they are."""
    from jeeves_runner.views.queues import queue_ids_view, queues_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        if app.json and not detail:
            app.print_json(queue_ids_view(conn, now))
            return
        document = queues_view(conn, now)
    if app.json:
        app.print_json(document)
    elif document["queues"]:
        app.print_table(
            ("QUEUE", *_COUNTS, "DECLARED"),
            [(queue["id"], *_counts_cells(queue), _origin(queue)) for queue in document["queues"]],
        )
        sentences = (pause_sentence(queue["id"], queue, now) for queue in document["queues"])
        app.print_lines([text] for text in sentences if text)
    else:
        app.print("There is no queue yet: declare one in a manifest, or push to any name.")


@click.command("status")
@queue_argument
@json_option
@pass_app
def status(app: App, queue_id: str) -> None:
    """Show how full QUEUE is."""
    from jeeves_runner.views.queues import queue_view

    check_name(queue_id, "QUEUE")
    with closing(app.connect()) as conn:
        now = app.clock.now()
        counts = queue_view(conn, now, queue_id)
    if app.json:
        app.print_json(counts)
    else:
        app.print_table(_COUNTS, [_counts_cells(counts)])
        if (text := pause_sentence(queue_id, counts, now)) is not None:
            app.print(text)


@click.command("peek")
@queue_argument
@click.option("--limit", type=at_most(100_000), default=20, show_default=True)
@click.option("--failed", is_flag=True, help="Show the dead letters instead, newest first.")
@json_option
@pass_app
def peek(app: App, queue_id: str, limit: int, failed: bool) -> None:
    """Show the items of QUEUE that wait, in the order of claims."""
    from jeeves_runner.views.queues import peek_view

    check_name(queue_id, "QUEUE")
    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = peek_view(conn, now, queue_id, limit, failed=failed)
    if app.json:
        app.print_json(document)
    elif document["items"]:
        app.print_table(
            ("ITEM", "PRIORITY", "ATTEMPT", "READY", Prose("PAYLOAD"), Prose("ERROR")),
            [
                (
                    str(item["id"]),
                    str(item["priority"]),
                    str(item["attempt"]),
                    ago(item["ready_at"] or item["created_at"], now),
                    json_text(item["payload"]),
                    item["error"] or "-",
                )
                for item in document["items"]
            ],
        )
    else:
        app.print(f"Nothing {'has failed' if failed else 'waits'} in queue {queue_id}.")


@click.command("item", short_help="Show an item and the runs that it passed.")
@click.argument("item_id", metavar="ITEM", type=ITEM_ID)
@json_option
@utc_option
@pass_app
def show_item(app: App, item_id: int) -> None:
    """Show ITEM: what is in it, and which runs, of which commits, enqueued it and claimed it last."""
    from jeeves_runner.cli.lineage_text import item_pairs
    from jeeves_runner.views.lineage import item_lineage_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        document = item_lineage_view(conn, now, item_id)
    if app.json:
        app.print_json(document)
        return
    item = document["item"]
    app.print(Styled(f"Item {item['id']} of queue {item['queue']}", "bold"))
    app.print_pairs(item_pairs(item, now, app.zone))


def _counts_cells(counts: "QueueCountsDocument") -> tuple[str, str, str, str]:
    numbers = counts["depth"], counts["claimed"], counts["failed"]
    depth, claimed, failed = map(str, numbers)
    return depth, claimed, failed, duration(counts["oldest_age_ms"])


def _origin(queue: "QueueDocument") -> str:
    if queue["deleted"]:
        return "deleted"
    return f"{queue['file']}:{queue['line']}" if queue["declared"] else "undeclared"
