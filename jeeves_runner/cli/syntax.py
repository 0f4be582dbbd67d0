"""Syntax that several commands share: kinds of numbers, JSON values, and groups of commands."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any, Final, TypeVar

import click

from jeeves_runner.cli import PROGRAM
from jeeves_runner.core.durations import is_duration
from jeeves_runner.core.values import PAGE, decode_json, is_id, why_no_json
from jeeves_runner.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

_LIKENESS: Final = 0.7
"""How near a mistyped name must be to be guessed: 1 is the same word."""


class Number(click.IntRange):
    """A whole number within bounds. The refusal says what the number stands for."""

    name = "integer"

    def __init__(self, what: str, minimum: int, maximum: int) -> None:
        super().__init__(minimum, maximum)
        self.what = what

    def _describe_range(self) -> str:
        """Nothing: ``1<=x<=9223372036854775807`` in a help says less than the words beside it."""
        return ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not {self.what}.", param, ctx)


def at_most(maximum: int) -> Number:
    """A number of things to show: from 1 to ``maximum``."""
    return Number(f"a number from 1 to {maximum}", 1, maximum)


SCREEN: Final = 20
"""Rows of a list without ``--limit``."""


def limit_option(most: int) -> Callable[[F], F]:
    """``--limit`` of a list whose documents come in pages."""
    return click.option(
        "--limit", type=at_most(most), help=f"At most this many: {SCREEN} unless given, with --json {PAGE}."
    )


def ends(what: str) -> Callable[[F], F]:
    """The options that say until when, and why: ``until``, ``length``, ``reason``."""

    def add(command: F) -> F:
        until = click.option(
            "--until", metavar="TIME", help="When it ends: 18:00, a date and time, or a length such as 2h."
        )
        length = click.option("--for", "length", metavar="LENGTH", help="How long it lasts, such as 2h.")
        reason = click.option("--reason", help=f"Shown wherever the {what} is.")
        return until(length(reason(command)))

    return add


DELETES: Final = Number("a number of deletes", 0, 2**31 - 1)


class QueueDelete(click.ParamType[str]):
    """A queue whose delete is confirmed: ``queue:ID``, converted to the id."""

    name = "queue:ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, colon, name = str(value).partition(":")
        if kind != "queue" or not colon or not is_id(name):
            self.fail(f"{value!r} is not of the form queue:ID.", param, ctx)
        return name


def confirming_options(command: F) -> F:
    """``--allow-deletes`` and ``--allow-delete``, which arrive as ``allow_deletes`` and ``allow_delete``."""
    one = click.option(
        "--allow-delete",
        type=QueueDelete(),
        multiple=True,
        help="Confirm the delete of a queue that holds items; may be repeated.",
    )
    number = click.option("--allow-deletes", type=DELETES, metavar="N", help="Confirm up to N deletes.")
    return number(one(command))


RUN_ID: Final = Number("the number of a run", 1, 2**63 - 1)
REVISION: Final = Number("the number of a revision", 1, 2**63 - 1)
BACKFILL_ID: Final = Number("the number of a backfill", 1, 2**63 - 1)
ITEM_ID: Final = Number("the number of an item", 1, 2**63 - 1)
AUDIT_ID: Final = Number("the number of an act", 1, 2**63 - 1)


def parse_json(text: str, what: str) -> Any:
    """The JSON value of a word, which ``what`` names; UsageError, with the usual slip of quoting as hint."""
    try:
        return decode_json(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{what} is not JSON: {why_no_json(error)}",
            hint="""a string needs its own quotes inside the shell's: '"text"', '{"key": 1}'""",
        ) from error


def with_examples(name: str, command: click.Command) -> click.Command:
    """The command with examples at the end of its help, which are loaded when that is shown."""
    command.format_epilog = partial(_write_examples, name)  # type: ignore[method-assign]
    return command


def _write_examples(name: str, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
    from jeeves_runner.cli.examples import EXAMPLES

    if lines := EXAMPLES.get(name):
        with formatter.section("Example" if len(lines) == 1 else "Examples"):
            for line in lines:
                formatter.write(f"{' ' * formatter.current_indent}{PROGRAM} {line}\n")


class PastTimes(click.Command):
    """A command whose arguments may be lengths of time into the past: ``-2h`` is no option then."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        options = [word for word in args[:end] if not _is_past(word)]
        past = [word for word in args[:end] if _is_past(word)]
        return super().parse_args(ctx, [*options, "--", *past, *args[end + 1 :]])


def _is_past(word: str) -> bool:
    return word.startswith("-") and is_duration(word[1:])


class Group(click.Group):
    """A group of commands that answers an unknown name with those that are near it. The help of each of its
    commands has examples."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        return None if command is None else with_examples(f"{self.name} {cmd_name}", command)

    def hint_for(self, name: str) -> str | None:
        """What to do instead of an unknown command; None: only names that are near are known."""
        from jeeves_runner.cli.other_words import hint_for  # only a mistake needs it

        return hint_for(name, self.name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            if (hint := self.hint_for(name)) is not None:
                raise UsageError(f"No such command '{name}'.", hint=hint)
            near = get_close_matches(name, known, cutoff=_LIKENESS)
            guess = f" Did you mean {' or '.join(f'{each!r}' for each in near)}?" if near else ""
            ctx.fail(f"No such command '{name}'.{guess}")
        return super().resolve_command(ctx, args)
