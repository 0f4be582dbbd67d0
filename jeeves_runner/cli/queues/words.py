"""What the subcommands of ``queue`` have in common: their argument, and how they answer."""

from contextlib import closing
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli import completion
from jeeves_runner.cli.context import App

if TYPE_CHECKING:
    from jeeves_runner.views.queues import QueueCountsDocument

queue_argument = click.argument("queue_id", metavar="QUEUE", shell_complete=completion.QUEUES)


def answer(app: App, value: dict[str, bool], sentence: str) -> None:
    """What has been done: the document, or the sentence."""
    if app.json:
        app.print_json(value)
    else:
        app.print(sentence)


def paused_words(app: App, queue_id: str) -> str:
    """What is added where a queue gave nothing because it is paused; empty if it is not."""
    from jeeves_runner.db.queue_pauses import queue_pauses

    with closing(app.connect()) as conn:
        return ": it is paused" if queue_id in queue_pauses(conn, app.clock.now()) else ""


def pause_sentence(
    queue_id: str, counts: "QueueCountsDocument", now: datetime, zone: tzinfo | None = None
) -> str | None:
    """That the queue is paused; None if it is not. ``zone``: on whose clocks its end is told as well."""
    from jeeves_runner.cli.rows import pause_text

    return counts["paused"] and f"Queue {queue_id} is {pause_text(counts['paused'], now, zone)}."
