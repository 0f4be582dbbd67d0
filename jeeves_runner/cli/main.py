"""The entry of the command line: the global options, the commands, and the place where errors end.

It is loaded at every start and each time Tab is pressed, so it imports click and little else. The module
of a command is imported when the command is asked for.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from jeeves_runner import __version__
from jeeves_runner.cli import PROGRAM, commands
from jeeves_runner.cli.commands import LISTED, SECTIONS
from jeeves_runner.cli.context import JSON_HELP, UTC_HELP, App
from jeeves_runner.cli.streams import check_words, prepare_streams
from jeeves_runner.cli.syntax import Group, with_examples

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class CommandLine(Group):
    """The commands of the list. Each is imported when it is asked for, and every error becomes one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(LISTED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LISTED:
            return None
        module, name = LISTED[cmd_name].place.split(":")
        command: click.Command = getattr(importlib.import_module(f"{commands.__name__}.{module}"), name)
        return with_examples(cmd_name, command)

    def hint_for(self, name: str) -> str | None:
        from jeeves_runner.cli.other_words import hint_for  # only a mistake needs it

        return hint_for(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and ctx.params.get("json") and not _takes_json(command):
            raise click.UsageError(f"'{name}' takes no --json.", ctx=ctx)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(listed.name, listed.summary) for listed in section])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """The commands that Tab offers, read from the list: click would import each of them for its help."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(listed.name, help=listed.summary)
            for listed in LISTED.values()
            if listed.name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> NoReturn:
        """Run the command line and exit. An error is one line on standard error, and an exit code."""
        prepare_streams()
        app = kwargs.pop("obj", None) or App()
        kwargs.update(standalone_mode=False, obj=app)
        kwargs.setdefault("prog_name", PROGRAM)
        words = list(sys.argv[1:] if args is None else args)
        try:
            check_words(words)
            answer = super().main(words, *rest, **kwargs)
        except Exception as error:  # noqa: BLE001 - a person reads one line, the log gets the rest
            from jeeves_runner.cli.failure import report  # most commands succeed

            # Of words that could not be read, the option may not have been reached.
            app.json = app.json or "--json" in words[: words.index("--") if "--" in words else None]
            sys.exit(report(error, app))
        sys.exit(answer if isinstance(answer, int) else 0)


def _takes_json(command: click.Command) -> bool:
    """Whether it prints data. Of a group, each command says so for itself."""
    return isinstance(command, click.Group) or any("--json" in param.opts for param in command.params)


@click.group(
    name=PROGRAM,
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    help="The config file; else jeeves-runner.yaml here or in a folder above.",
)
@click.option("--json", is_flag=True, help=JSON_HELP)
@click.option("--utc", is_flag=True, help=UTC_HELP)
@click.pass_obj
def main(app: App, config: Path | None, json: bool, utc: bool) -> None:
    """Run jobs declared as YAML in git."""
    if config is not None:
        app.config_path = config
    app.json = app.json or json
    app.utc = app.utc or utc
