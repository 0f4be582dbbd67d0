"""``queue push``, ``claim``, ``complete``, ``fail`` and ``retry``: items brought in, taken and answered."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from jeeves_runner.cli.completion import QUEUES
from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.exits import EMPTY, OK
from jeeves_runner.cli.formats import counted, json_text
from jeeves_runner.cli.queues.words import answer, paused_words, queue_argument
from jeeves_runner.cli.syntax import ITEM_ID, parse_json
from jeeves_runner.cli.tables import Prose
from jeeves_runner.db import audit, queue_enqueue, queue_retries
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    from jeeves_runner.client import Item
    from jeeves_runner.views.queues import RetriedDocument


@click.command("push", short_help="Add an item for each JSON payload.")
@queue_argument
@click.argument("payloads", metavar="JSON...", nargs=-1, required=True)
@click.option("--priority", type=int, default=0, help="Higher ones are claimed first.")
@click.option("--delay", metavar="TIME", help="Not claimable before this time has passed, such as 5m.")
@click.option("--max-attempts", type=int, help="Instead of the queue's own.")
@json_option
@pass_app
def push(
    app: App,
    queue_id: str,
    payloads: tuple[str, ...],
    priority: int,
    delay: str | None,
    max_attempts: int | None,
) -> None:
    """Add an item to QUEUE for each JSON payload; `-` reads one payload a line from standard input."""
    from jeeves_runner.client import Client

    with Client(app.database, clock=app.clock) as client:
        ids = client.enqueue_many(queue_id, _payloads(payloads), priority, delay, max_attempts)
    if app.json:
        app.print_json({"ids": ids})
        return
    for item_id in ids:
        app.print("Duplicate: not added." if item_id is None else f"Added as item {item_id}.")


@click.command("claim", short_help="Take ready items, each with a token to answer with.")
@queue_argument
@click.option("--count", type=int, default=1, show_default=True, help="At most this many items.")
@click.option("--lease", metavar="TIME", help="How long the claim holds; else the queue's lease.")
@json_option
@pass_app
def claim(app: App, queue_id: str, count: int, lease: str | None) -> int:
    """Take ready items of QUEUE and print each with the token to answer it with.

    Exit code 3: nothing is ready.
    """
    from jeeves_runner.client import Client

    with Client(app.database, clock=app.clock) as client:
        items = client.claim(queue_id, count, lease)
    if app.json:
        app.print_json({"items": [item._asdict() for item in items]})
    elif items:
        app.print_table(
            ("ITEM", "ATTEMPT", "TOKEN", Prose("PAYLOAD")),
            [(str(i.id), str(i.attempt), i.lease_token, json_text(i.payload)) for i in items],
        )
    else:
        say(f"nothing is ready in queue {queue_id}{paused_words(app, queue_id)}")
    return OK if items else EMPTY


@click.command("complete")
@click.argument("item_id", metavar="ITEM", type=ITEM_ID)
@click.argument("token")
@json_option
@pass_app
def complete(app: App, item_id: int, token: str) -> None:
    """Answer the claim of ITEM: done."""
    from jeeves_runner.client import Client

    with Client(app.database, clock=app.clock) as client:
        client.complete(_claimed(item_id, token))
    answer(app, {"ok": True}, f"Item {item_id} is completed.")


@click.command("fail")
@click.argument("item_id", metavar="ITEM", type=ITEM_ID)
@click.argument("token")
@click.argument("error", default="failed by hand")
@click.option("--retry-in", metavar="TIME", help="Instead of the queue's backoff.")
@json_option
@pass_app
def fail(app: App, item_id: int, token: str, error: str, retry_in: str | None) -> None:
    """Answer the claim of ITEM: not done, because of ERROR."""
    from jeeves_runner.client import Client

    with Client(app.database, clock=app.clock) as client:
        client.fail(_claimed(item_id, token), error, retry_in)
    answer(app, {"ok": True}, f"Item {item_id} has failed this attempt.")


@click.command("retry", short_help="Make failed items pending again.")
@click.argument("item_ids", metavar="[ITEM]...", nargs=-1, type=ITEM_ID)
@click.option("--all-of", metavar="QUEUE", shell_complete=QUEUES, help="All failed items of this queue.")
@json_option
@pass_app
def retry(app: App, item_ids: tuple[int, ...], all_of: str | None) -> None:
    """Make failed items pending again, with all their attempts before them.

    With --all-of, an item stays failed while an equal one waits.
    """
    if bool(item_ids) == (all_of is not None):
        raise UsageError("name either items, or a queue with --all-of")
    if all_of is None:
        _retry_named(app, item_ids)
    else:
        _retry_all(app, all_of)


def _retry_named(app: App, item_ids: tuple[int, ...]) -> None:
    with closing(app.connect()) as conn, announced_transaction(conn, app.clock) as tx:
        for item_id in item_ids:
            queue_id = queue_enqueue.retry(tx, item_id)
            target, detail = f"queue {queue_id}", f"item {item_id}"
            audit.record(tx, actor=app.actor, action="retry", target=target, detail=detail)
    answer(app, {"ok": True}, f"{counted(len(item_ids), 'item')} pending again.")


def _retry_all(app: App, queue_id: str) -> None:
    """In portions: all other writers wait for each."""
    document: RetriedDocument = {"retried": 0, "left": 0}
    after: queue_retries.Place | None = queue_retries.FIRST
    with closing(app.connect()) as conn:
        with announced_transaction(conn, app.clock) as tx:
            until = queue_retries.begin_all(tx, queue_id)
        while after is not None:
            with announced_transaction(conn, app.clock) as tx:
                portion = queue_retries.retry_all(tx, queue_id, after, until, by=app.actor)
            document["retried"] += portion.done
            document["left"] += portion.left
            after = portion.last
    if app.json:
        app.print_json(document)
        return
    kept = f" Kept back, as an equal one waits: {document['left']:,}." if document["left"] else ""
    app.print(f"{counted(document['retried'], 'item')} pending again.{kept}")


def _claimed(item_id: int, token: str) -> "Item":
    """The item of a claim by an earlier command, with as much of it as an answer needs."""
    from jeeves_runner.client import Item

    return Item(id=item_id, payload=None, attempt=0, lease_token=token)


def _payloads(words: tuple[str, ...]) -> list[Any]:
    if words != ("-",):
        return [parse_json(word, f"payload {number}") for number, word in enumerate(words, 1)]
    try:
        lines = sys.stdin.read().split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input is not UTF-8: {error}") from error
    return [parse_json(line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]
