"""``queue pause``, ``resume``, ``purge`` and ``delete``: what people do to a queue, and to what is in it."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.context import App, json_option, pass_app, say, utc_option
from jeeves_runner.cli.formats import counted
from jeeves_runner.cli.queues.words import pause_sentence, queue_argument
from jeeves_runner.cli.syntax import ITEM_ID, ends
from jeeves_runner.core.values import check_name
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.queue_purge import Purgeable
    from jeeves_runner.views.queues import PurgedDocument


@click.command("pause", short_help="Let nothing be claimed from QUEUE, and let it start nothing.")
@queue_argument
@ends("pause")
@json_option
@utc_option
@pass_app
def pause(app: App, queue_id: str, until: str | None, length: str | None, reason: str | None) -> None:
    """Let nothing be claimed from QUEUE, and let it start no job, until a time or until resumed.

    Items still enter, and what is claimed already can be answered. Another pause replaces it.
    """
    from jeeves_runner.cli.overriding import end_at
    from jeeves_runner.db import queue_pauses

    check_name(queue_id, "QUEUE")
    with closing(app.connect()) as conn:
        end = end_at(app.zone, until, length, app.clock.now())
        with announced_transaction(conn, app.clock) as tx:
            queue_pauses.pause(tx, queue_id, until=end, reason=reason, by=app.actor)
        _show_pause(app, conn, queue_id, f"Queue {queue_id} is paused.")


@click.command("resume")
@queue_argument
@json_option
@pass_app
def resume(app: App, queue_id: str) -> None:
    """End the pause of QUEUE."""
    from jeeves_runner.db import queue_pauses

    check_name(queue_id, "QUEUE")
    with closing(app.connect()) as conn:
        with announced_transaction(conn, app.clock) as tx:
            was_paused = queue_pauses.resume(tx, queue_id, by=app.actor)
        _show_pause(app, conn, queue_id, f"Queue {queue_id} is {'resumed' if was_paused else 'not paused'}.")


@click.command("purge", short_help="Delete the items of a queue that are not claimed.")
@queue_argument
@click.option("--failed", is_flag=True, help="Those that have failed for good.")
@click.option("--completed", is_flag=True, help="Those that are done.")
@click.option("--pending", is_flag=True, help="Those that wait.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_app
def purge(app: App, queue_id: str, failed: bool, completed: bool, pending: bool, yes: bool) -> None:
    """Delete the items of QUEUE for good: of the kinds that are named, or all that are not claimed.

    Items that are claimed stay, and so do those that come in after the question.
    """
    from jeeves_runner.db import queue_purge

    check_name(queue_id, "QUEUE")
    asked = {"failed": failed, "completed": completed, "pending": pending}
    kinds = [kind for kind, is_asked in asked.items() if is_asked or not any(asked.values())]
    with closing(app.connect()) as conn:
        with announced_transaction(conn, app.clock) as tx:
            found = queue_purge.purgeable(tx, queue_id)
        if not yes and any(found.items[kind] for kind in kinds):
            _ask(queue_id, found, kinds)
        document: PurgedDocument = {"deleted": dict.fromkeys(kinds, 0)}
        deleted = document["deleted"]
        for kind in kinds:
            more = True
            while more:
                with announced_transaction(conn, app.clock) as tx:
                    count = queue_purge.purge(tx, queue_id, kind, newest=found.newest, by=app.actor)
                deleted[kind] += count
                more = count == queue_purge.PORTION
    if app.json:
        app.print_json(document)
    elif any(deleted.values()):
        app.print(f"Deleted from queue {queue_id}: {_listed(deleted)}.")
    else:
        app.print(f"Nothing to delete in queue {queue_id}.")


@click.command("delete", short_help="Delete items for good, unless they are claimed.")
@click.argument("item_ids", metavar="ITEM...", nargs=-1, type=ITEM_ID, required=True)
@json_option
@pass_app
def delete(app: App, item_ids: tuple[int, ...]) -> None:
    """Delete items for good, all or none; one that is claimed is not deleted."""
    from jeeves_runner.db import queue_purge

    document: PurgedDocument = {"deleted": {}}
    deleted = document["deleted"]
    with closing(app.connect()) as conn, announced_transaction(conn, app.clock) as tx:
        for item_id in dict.fromkeys(item_ids):
            kind = queue_purge.delete(tx, item_id, by=app.actor)
            deleted[kind] = deleted.get(kind, 0) + 1
    if app.json:
        app.print_json(document)
    else:
        app.print(f"Deleted: {_listed(deleted)}.")


def _ask(queue_id: str, found: "Purgeable", kinds: list[str]) -> None:
    """Say what would go, and go on only if that is wanted."""
    stays = (
        f" {counted(found.claimed, 'claimed item')} stay{'s' * (found.claimed == 1)}."
        if found.claimed
        else ""
    )
    say(f"This deletes from queue {queue_id}: {_listed({kind: found.items[kind] for kind in kinds})}.{stays}")
    if not sys.stdin.isatty():
        raise UsageError(
            "nothing is deleted without being asked for", hint="say --yes where there is no terminal"
        )
    if not click.confirm("Go on?", err=True):
        raise click.Abort


def _listed(items: dict[str, int]) -> str:
    return ", ".join(counted(count, f"{kind} item") for kind, count in items.items() if count)


def _show_pause(app: App, conn: "apsw.Connection", queue_id: str, otherwise: str) -> None:
    """How a queue stands now; ``otherwise`` is said where no pause is in force."""
    from jeeves_runner.views.queues import queue_view

    now = app.clock.now()
    document = queue_view(conn, now, queue_id)
    if app.json:
        app.print_json(document)
    else:
        app.print(pause_sentence(queue_id, document, now, app.zone) or otherwise)
