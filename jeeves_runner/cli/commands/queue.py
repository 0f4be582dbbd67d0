"""``queue``: look into queues and work them. Scripts in other languages than Python use it too."""

import sys
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.exits import EMPTY, OK
from jeeves_runner.cli.formats import ago, counted, duration, json_text
from jeeves_runner.cli.syntax import ITEM_ID, Group, at_most, parse_json
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Styled
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.values import check_name
from jeeves_runner.db import queue_enqueue
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.client import Item
    from jeeves_runner.views.queues import QueueCountsDocument, QueueDocument

_COUNTS = ("DEPTH", "CLAIMED", "FAILED", "OLDEST")

queue_argument = click.argument("queue_id", metavar="QUEUE", shell_complete=completion.QUEUES)


@click.group("queue", cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context) -> None:
    """Read and work queues. Without a subcommand: list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_queues)


@command.command("list")
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
        sentences = (_pause_sentence(queue["id"], queue, now) for queue in document["queues"])
        app.print_lines([text] for text in sentences if text)
    else:
        app.print("There is no queue yet: declare one in a manifest, or push to any name.")


@command.command("status")
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
        if (text := _pause_sentence(queue_id, counts, now)) is not None:
            app.print(text)


@command.command("peek")
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


@command.command("item", short_help="Show an item and the runs that it passed.")
@click.argument("item_id", metavar="ITEM", type=ITEM_ID)
@json_option
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
    app.print_pairs(item_pairs(item, now))


@command.command("push", short_help="Add an item for each JSON payload.")
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


@command.command("claim", short_help="Take ready items, each with a token to answer with.")
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
        say(f"nothing is ready in queue {queue_id}")
    return OK if items else EMPTY


@command.command("complete")
@click.argument("item_id", metavar="ITEM", type=ITEM_ID)
@click.argument("token")
@json_option
@pass_app
def complete(app: App, item_id: int, token: str) -> None:
    """Answer the claim of ITEM: done."""
    from jeeves_runner.client import Client

    with Client(app.database, clock=app.clock) as client:
        client.complete(_claimed(item_id, token))
    _answer(app, {"ok": True}, f"Item {item_id} is completed.")


@command.command("fail")
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
    _answer(app, {"ok": True}, f"Item {item_id} has failed this attempt.")


@command.command("retry", short_help="Make failed items pending again.")
@click.argument("item_ids", metavar="ITEM...", nargs=-1, type=ITEM_ID, required=True)
@json_option
@pass_app
def retry(app: App, item_ids: tuple[int, ...]) -> None:
    """Make failed items pending again, with all their attempts before them."""
    with closing(app.connect()) as conn, announced_transaction(conn, app.clock) as tx:
        for item_id in item_ids:
            queue_enqueue.retry(tx, item_id)
    _answer(app, {"ok": True}, f"{counted(len(item_ids), 'item')} pending again.")


@command.command("pause", short_help="Let nothing be claimed from QUEUE, and let it start nothing.")
@queue_argument
@click.option("--until", metavar="TIME", help="Its end: a time, or how long from now, such as 2h.")
@click.option("--for", "length", metavar="LENGTH", help="Its length, such as 2h.")
@click.option("--reason", help="Shown beside the queue.")
@json_option
@pass_app
def pause(app: App, queue_id: str, until: str | None, length: str | None, reason: str | None) -> None:
    """Let nothing be claimed from QUEUE, and let it start no job, until a time or until resumed.

    Items still enter, and what is claimed already can be answered. Another pause replaces it.
    """
    from jeeves_runner.cli.overriding import end_at
    from jeeves_runner.db import queue_pauses

    check_name(queue_id, "QUEUE")
    with closing(app.connect()) as conn:
        end = end_at(app, until, length, app.clock.now())
        with announced_transaction(conn, app.clock) as tx:
            queue_pauses.pause(tx, queue_id, until=end, reason=reason, by=AppliedBy.CLI)
        _show_pause(app, conn, queue_id, f"Queue {queue_id} is paused.")


@command.command("resume")
@queue_argument
@json_option
@pass_app
def resume(app: App, queue_id: str) -> None:
    """End the pause of QUEUE."""
    from jeeves_runner.db import queue_pauses

    check_name(queue_id, "QUEUE")
    with closing(app.connect()) as conn:
        with announced_transaction(conn, app.clock) as tx:
            was_paused = queue_pauses.resume(tx, queue_id, by=AppliedBy.CLI)
        _show_pause(app, conn, queue_id, f"Queue {queue_id} is {'resumed' if was_paused else 'not paused'}.")


def _show_pause(app: App, conn: "apsw.Connection", queue_id: str, otherwise: str) -> None:
    """How a queue stands now; ``otherwise`` is said where no pause is in force."""
    from jeeves_runner.views.queues import queue_view

    now = app.clock.now()
    document = queue_view(conn, now, queue_id)
    if app.json:
        app.print_json(document)
    else:
        app.print(_pause_sentence(queue_id, document, now) or otherwise)


def _pause_sentence(queue_id: str, counts: "QueueCountsDocument", now: datetime) -> str | None:
    from jeeves_runner.cli.rows import pause_text

    return counts["paused"] and f"Queue {queue_id} is {pause_text(counts['paused'], now)}."


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


def _answer(app: App, value: dict[str, bool], sentence: str) -> None:
    if app.json:
        app.print_json(value)
    else:
        app.print(sentence)


def _counts_cells(counts: "QueueCountsDocument") -> tuple[str, str, str, str]:
    numbers = counts["depth"], counts["claimed"], counts["failed"]
    depth, claimed, failed = map(str, numbers)
    return depth, claimed, failed, duration(counts["oldest_age_ms"])


def _origin(queue: "QueueDocument") -> str:
    if queue["deleted"]:
        return "deleted"
    return f"{queue['file']}:{queue['line']}" if queue["declared"] else "undeclared"
