"""``queue``: look into queues and work them. Scripts in other languages than Python use it too."""

import click

from jeeves_runner.cli.context import json_option
from jeeves_runner.cli.queues import items, looking, upkeep, working
from jeeves_runner.cli.syntax import Group


@click.group("queue", cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context) -> None:
    """Read and work queues. Without a subcommand: list them."""
    if context.invoked_subcommand is None:
        context.invoke(looking.list_queues)


for _subcommand in (
    *(looking.list_queues, looking.status, looking.peek, looking.show_item),
    *(items.push, items.claim, items.complete, items.fail, items.retry, working.work),
    *(upkeep.pause, upkeep.resume, upkeep.purge, upkeep.delete),
):
    command.add_command(_subcommand)
del _subcommand
