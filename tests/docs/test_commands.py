"""The reference of the command line names what there is, and nothing else."""

from collections.abc import Iterator
from typing import Final

import click
import pytest
from support.docs import (
    code,
    headings,
    only_code,
    read,
    section,
    table,
)

from jeeves_runner import errors
from jeeves_runner.cli import exits
from jeeves_runner.cli.main import CommandLine, main

# Commands


def _commands() -> dict[str, click.Command]:
    """Every command that does something, by the words that call it."""
    group = main
    assert isinstance(group, CommandLine)
    found: dict[str, click.Command] = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            found.update({f"{name} {sub}": below for sub, below in command.commands.items()})
        else:
            found[name] = command
    return found


COMMANDS: Final = _commands()
COMMANDS_PAGE: Final = read("reference/commands.md")


def test_the_commands_described_are_those_there_are() -> None:
    assert sorted(headings(COMMANDS_PAGE, 3)) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_usage_is_as_described(name: str) -> None:
    pieces = COMMANDS[name].collect_usage_pieces(click.Context(COMMANDS[name]))
    assert f"`jeeves-runner {' '.join([name, *pieces])}`" in section(COMMANDS_PAGE, name)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_options_and_defaults_are_as_described(name: str) -> None:
    rows = table(section(COMMANDS_PAGE, name), "option")
    described = {tuple(code(spelling)): only_code(default) for spelling, default, _ in rows}
    options = [param for param in COMMANDS[name].params if isinstance(param, click.Option)]
    assert described == {tuple(o.opts): _default(o) for o in options if o.opts not in (["--json"], ["--utc"])}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_words_an_option_takes_are_named(name: str) -> None:
    text = section(COMMANDS_PAGE, name)
    for param in COMMANDS[name].params:
        if isinstance(param, click.Option) and isinstance(param.type, click.Choice):
            row = next(row for row in table(text, "option") if param.opts[-1] in code(row[0]))
            assert set(param.type.choices) <= set(code(row[2]))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_json_says_so(name: str) -> None:
    takes_json = any("--json" in param.opts for param in COMMANDS[name].params)
    assert takes_json != ("Takes no `--json`." in section(COMMANDS_PAGE, name))


def test_the_global_options_are_described() -> None:
    described = {word for row in table(COMMANDS_PAGE, "global option") for word in code(row[0])}
    context = click.Context(main, **main.context_settings)
    assert described == {word for param in main.get_params(context) for word in param.opts}


def _default(option: click.Option) -> str | None:
    """The default as a reader sees it; flags and options without one have none."""
    value = option.to_info_dict()["default"]
    return None if option.is_flag or option.multiple or value is None else str(value)


# Exit codes


def _error_classes(base: type[errors.JeevesError]) -> Iterator[type[errors.JeevesError]]:
    yield base
    for below in base.__subclasses__():
        yield from _error_classes(below)


def test_every_error_is_listed_with_its_exit_code() -> None:
    described = {only_code(name): int(number) for name, number, _ in table(COMMANDS_PAGE, "error code")}
    ours = {each for each in _error_classes(errors.JeevesError) if each.__module__ == errors.__name__}
    assert described == {each.code: exits.exit_code(each("")) for each in ours}


def test_every_exit_code_has_a_meaning() -> None:
    described = {int(row[0]) for row in table(section(COMMANDS_PAGE, "Exit codes"), "exit code")}
    named = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    by_commands = {1, 3}
    assert described == named | by_commands
