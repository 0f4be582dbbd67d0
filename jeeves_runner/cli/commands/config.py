"""``config``: the settings in force, and whether the config file is valid."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.exits import FAILED, OK
from jeeves_runner.cli.formats import NONE, counted, size
from jeeves_runner.cli.plan_text import problem_lines
from jeeves_runner.cli.syntax import Group
from jeeves_runner.config import check_config
from jeeves_runner.core.durations import format_duration
from jeeves_runner.views.runner import config_view

SIZES: Final = frozenset({"log_max_size", "min_free"})


@click.group("config", cls=Group)
def command() -> None:
    """Show or check the config file."""


@command.command("show", short_help="Print every setting in force.")
@json_option
@pass_app
def show(app: App) -> None:
    """Print every setting in force: what the file says, defaults for the rest, paths resolved."""
    config = config_view(app.config)
    if app.json:
        app.print_json(config)
    else:
        app.print_table(["SETTING", "VALUE"], list(_rows(config)))


@command.command("validate")
@json_option
@pass_app
def validate(app: App) -> int:
    """Check the config file. Exit code 0: valid, 2: not, or not readable."""
    path, problems = check_config(Path.cwd(), app.config_path)
    if not problems:
        path = app.config.path
    if app.json:
        name = None if path is None else str(path)
        app.print_json({"ok": not problems, "path": name, "problems": [p.as_json() for p in problems]})
    elif problems:
        app.print_lines(problem_lines(problems))
        app.print(f"Invalid: {counted(len(problems), 'error')}.")
    else:
        app.print(f"Valid: {path}" if path else "Valid: no config file here, so every setting is the default")
    return FAILED if problems else OK


def _rows(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each setting with its name in the file: ``log.file`` for a setting inside ``log``."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _rows(value, f"{prefix}{key}.")
        else:
            yield prefix + key.removesuffix("_ms"), _shown(key, value)


def _shown(key: str, value: Any) -> str:
    if value is None or value in ({}, []):
        return NONE
    if key.endswith("_ms"):
        return format_duration(value)
    if key in SIZES:
        return size(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
