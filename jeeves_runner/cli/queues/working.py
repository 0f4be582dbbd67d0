"""``queue work``: a command for each item, claimed and answered for it."""

from contextlib import closing

import click

from jeeves_runner.cli.context import App, json_option, pass_app, say
from jeeves_runner.cli.exits import OK, SOME_FAILED
from jeeves_runner.cli.formats import counted
from jeeves_runner.cli.queues.words import paused_words, queue_argument
from jeeves_runner.cli.syntax import Number, at_most
from jeeves_runner.core.values import check_name


@click.command("work", short_help="Run a command for each item, and answer for it.")
@queue_argument
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--batch", type=at_most(1000), default=1, show_default=True, help="Items for one COMMAND.")
@click.option(
    "--max",
    "most",
    metavar="N",
    type=Number("a number of 1 or more", 1, 2**63 - 1),
    help="End after this many items.",
)
@click.option("--wait", is_flag=True, help="Wait for items where none is ready, instead of ending.")
@click.option(
    "--lease", metavar="TIME", help="How long a claim holds until it is extended; else the queue's."
)
@json_option
@pass_app
def work(
    app: App,
    queue_id: str,
    words: tuple[str, ...],
    batch: int,
    most: int | None,
    wait: bool,
    lease: str | None,
) -> int:
    """Claim items of QUEUE and run COMMAND for each, with its payload as JSON on standard input.

    Write `--` before COMMAND. A word `{}` of it is replaced by the payload, and then standard input is empty.
    Exit code 0 of COMMAND completes the item; any other fails it, with the last line of standard error. While
    it runs, the lease is extended. SIGINT and SIGTERM end the work after the item in hand; a second one is
    passed on to COMMAND.

    With --batch, COMMAND gets several payloads, one a line, or as a list in the place of `{}`.
    """
    from jeeves_runner.cli.queues.worker import Worker, check_program, stopping
    from jeeves_runner.client import Client

    check_name(queue_id, "QUEUE")
    check_program(words[0])
    with (
        closing(app.connect()) as conn,
        Client(app.database, clock=app.clock) as client,
        stopping() as stop,
    ):
        worker = Worker(client, conn, queue_id, words, stop, clock=app.clock, batch=batch, lease=lease)
        worker.work(most, is_to_wait=wait)
    done = worker.done
    if app.json:
        app.print_json(done._asdict())
    else:
        lost = f", {counted(done.lost, 'lease')} lost" if done.lost else ""
        worked = f"queue {queue_id}: {counted(done.completed, 'item')} completed, {done.failed} failed{lost}"
        say(worked + paused_words(app, queue_id))
    return SOME_FAILED if done.failed or done.lost else OK
