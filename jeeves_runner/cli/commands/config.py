"""``config``: the settings in force, and whether the config file is valid."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import FAILED, OK
from jeeves_runner.cli.formats import NONE, counted, size
from jeeves_runner.cli.plan_text import problem_lines
from jeeves_runner.cli.syntax import Group
from jeeves_runner.config import SETTINGS, Config, check_config
from jeeves_runner.config_kinds import Duration, Size
from jeeves_runner.config_settings import Section, Sections, Setting
from jeeves_runner.core.durations import format_duration
from jeeves_runner.views.runner import config_view


@click.group("config", cls=Group)
def command() -> None:
    """Show or check the config file."""


@command.command("show", short_help="Print every setting in force.")
@json_option
@pass_app
def show(app: App) -> None:
    """Print every setting in force: what the file says, defaults for the rest, paths resolved."""
    if app.json:
        app.print_json(config_view(app.config))
    else:
        app.print_table(["SETTING", "VALUE"], list(_rows(app.config)))


@command.command("validate")
@json_option
@pass_app
def validate(app: App) -> int:
    """Check the config file. Exit code 0: valid, warnings or not; 2: not, or not readable."""
    path, problems = check_config(app.here, app.config_path)
    errors = sum(problem.is_error for problem in problems)
    if not errors:
        path = app.config.path
    if app.json:
        name = None if path is None else str(path)
        app.print_json({"ok": not errors, "path": name, "problems": [p.as_json() for p in problems]})
        return FAILED if errors else OK
    app.print_lines(problem_lines(problems))
    if errors:
        app.print(f"Invalid: {counted(errors, 'error')}.")
    else:
        app.print(f"Valid: {path}" if path else "Valid: no config file here, so every setting is the default")
    return FAILED if errors else OK


def _rows(config: Config) -> Iterator[tuple[str, str]]:
    """Where the settings are from, then each setting by its name in the file."""
    yield "path", NONE if config.path is None else str(config.path)
    yield "root", str(config.root)
    yield from _setting_rows(SETTINGS, config)


def _setting_rows(settings: Sequence[Setting], values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A setting inside ``log`` is ``log.file``."""
    for setting in settings:
        value = getattr(values, setting.field)
        if isinstance(setting.kind, Section) and value is not None:
            yield from _setting_rows(setting.kind.settings, value, f"{prefix}{setting.key}.")
        elif isinstance(setting.kind, Sections) and value:
            for name, each in value.items():
                yield from _setting_rows(setting.kind.settings, each, f"{prefix}{setting.key}.{name}.")
        elif isinstance(shown := setting.kind.shown(value), Mapping) and shown:
            yield from ((f"{prefix}{setting.key}.{name}", str(each)) for name, each in shown.items())
        else:
            yield prefix + setting.key, _shown(setting, shown)


def _shown(setting: Setting, value: Any) -> str:
    if value is None or value in ({}, ()):
        return NONE
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    if isinstance(setting.kind, Duration):
        return format_duration(value)
    return size(value) if isinstance(setting.kind, Size) else str(value)
