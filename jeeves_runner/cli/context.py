"""What every command gets: the config, the clock, the database and the ways to print.

The config and the database are imported when they are first used: ``--help`` needs neither.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from jeeves_runner.cli.tables import table
from jeeves_runner.cli.terminal import Cell, Styled, folded, line, terminal_width
from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.core.origin import Actor, AppliedBy
from jeeves_runner.core.wording import no_command, one_line, printable_json
from jeeves_runner.errors import ConfigError

if TYPE_CHECKING:
    from datetime import tzinfo

    import apsw

    from jeeves_runner.config import Config
    from jeeves_runner.config_plain import PlainConfig

JSON_HELP: Final = "Print one JSON document instead of text."
UTC_HELP: Final = "Show times in UTC, and take those without an offset as such."

_DATABASE: Final = "JR_DB_PATH"
_DATA: Final = "JR_DATA_DIR"
_PROJECT: Final = "JR_PROJECT_DIR"

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """One call of the command line."""

    config_path: Path | None
    """The file of ``--config``; None: the nearest one."""
    json: bool
    """Whether ``--json`` stood before or after the command."""
    utc: bool
    """Whether ``--utc`` stood before or after the command."""
    clock: Clock
    """The time, which tests set."""

    def __init__(
        self, *, config_path: Path | None = None, json: bool = False, clock: Clock | None = None
    ) -> None:
        self.config_path = config_path
        self.json = json
        self.utc = False
        self.clock = clock or SystemClock()

    @property
    def here(self) -> Path:
        """The current folder; ConfigError if it no longer exists."""
        try:
            return Path.cwd()
        except FileNotFoundError:
            raise ConfigError(
                "the current folder no longer exists", hint="change into one that does, and try again"
            ) from None

    @cached_property
    def config(self) -> "Config":
        """The config of ``--config``, or of the nearest file above the current folder; ConfigError."""
        from jeeves_runner.config import load_config

        return load_config(self.here, self.config_path)

    @cached_property
    def _place(self) -> "Config | PlainConfig":
        """The config so far as the database is meant, which is read sooner where its form is plain."""
        from jeeves_runner.config_plain import plain_config

        return plain_config(self.here, self.config_path) or self.config

    @property
    def project(self) -> "Config":
        """The config of a project, for what works on manifests; ConfigError where there is none."""
        if self.config.path is None and self.has_no_database() and _is_missing(self.config.jobs_dir):
            raise self._no_project()
        return self.config

    def _no_project(self) -> ConfigError:
        return ConfigError(
            f"there is no jeeves-runner.yaml in {self.here} or in a folder above",
            hint="change into the project, name its config with --config, or make one with `init`",
        )

    @property
    def color(self) -> bool:
        """Whether standard output is a terminal whose owner has not set ``NO_COLOR``."""
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @cached_property
    def zone(self) -> "tzinfo":
        """The clocks of times where no job is meant."""
        from jeeves_runner.cli.clocks import viewers_zone

        return UTC if self.utc else viewers_zone()

    def zone_of(self, timezone: str) -> "tzinfo":
        """The clocks of times of a job that has this time zone."""
        from jeeves_runner.cli.clocks import zone_of_job

        return UTC if self.utc else zone_of_job(timezone)

    @property
    def _run(self) -> Path | None:
        """The database of the run that calls this command, unless ``--config`` names another project."""
        path = os.environ.get(_DATABASE)
        return Path(path) if path and self.config_path is None else None

    @property
    def run_id(self) -> str | None:
        """The number of that run; None outside of one."""
        return None if self._run is None else os.environ.get("JR_RUN_ID")

    @property
    def run_mark(self) -> str | None:
        """The mark that it was given."""
        return os.environ.get("JR_RUN_MARK")

    @property
    def database(self) -> Path:
        """The database of jobs, runs, state and queues: within a run that of its runner, whatever config is
        there; else the one that the config names."""
        return self._run or self._place.db_path

    @property
    def data_dir(self) -> Path:
        """The data folder beside it."""
        folder = os.environ.get(_DATA)
        return Path(folder) if folder and self._run is not None else self.settings.data_dir

    @cached_property
    def settings(self) -> "Config":
        """The config of ``database``. Within a run, ConfigError if neither the current folder nor the run's
        project has it."""
        if self._run is None:
            return self.config
        from jeeves_runner.config import load_config

        for start in (self.here, Path(os.environ.get(_PROJECT) or self.here)):
            config = load_config(start, None)
            if os.path.realpath(config.db_path) == os.path.realpath(self._run):
                return config
        raise ConfigError(
            f"no config here has {self._run}, the database of this run", hint="name it with --config"
        )

    def forgive_config(self) -> ConfigError | None:
        """What is wrong with the config, None if nothing is. What is right of it is in force from here on."""
        try:
            _ = self.settings
        except ConfigError as error:
            from jeeves_runner.config import load_what_is_right

            self.config = self.settings = self._place = load_what_is_right(self.here, self.config_path)
            return error
        return None

    @cached_property
    def actor(self) -> Actor:
        """Who calls this command."""
        from jeeves_runner.access import user_name

        return Actor(AppliedBy.CLI, user_name(os.getuid()))

    def connect(self) -> "apsw.Connection":
        """That database; DatabaseError unless it exists, ConfigError where no project is either."""
        from jeeves_runner.db.connection import connect

        if self._run is None and self._place.path is None and self.has_no_database():
            raise self._no_project()
        return connect(self.database)

    def connect_declared(self, *, create: bool = False) -> "apsw.Connection":
        """The database of the config's manifests, within a run too; with ``create`` a missing one is made."""
        from jeeves_runner.db.connection import connect

        return connect(self.config.db_path, create=create, folder_mode=self.config.folder_mode)

    def has_no_database(self) -> bool:
        """Whether there is none of the config's manifests yet. One that cannot be looked at may be there:
        opening it says why."""
        return _is_missing(self.config.db_path)

    def print(self, *parts: Cell) -> None:
        """One line of text. What people and scripts wrote cannot steer the terminal, nor begin a line."""
        self.print_lines([parts])

    def print_lines(self, lines: Iterable[Sequence[Cell]]) -> None:
        """Many lines at once, each as ``print`` takes it. Without lines, nothing is printed."""
        color = self.color
        texts = [line(*parts, color=color) for parts in lines]
        if texts:
            click.echo("\n".join(texts), color=color)

    def print_command(self, text: str) -> None:
        """One line that CI is to take for a command."""
        click.echo(one_line(text))

    def print_text(self, text: str) -> None:
        """A text of several lines."""
        self.print_lines((line,) for line in text.splitlines())

    def print_paragraph(self, text: str) -> None:
        """Sentences: on a terminal in lines of its width, in a pipe on one line."""
        self.print_lines((each,) for each in folded(text, terminal_width()))

    def warn(self, text: str) -> None:
        """One line on standard error, of what a person should know."""
        say(f"warning: {text}")

    def print_json(self, value: object) -> None:
        """One JSON document: indented on a terminal, a single line in a pipe."""
        # Characters that the stream's encoding lacks need JSON's escapes: those of the stream are not JSON.
        is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        indent = 2 if sys.stdout.isatty() else None
        text = json.dumps(value, ensure_ascii=not is_utf8, allow_nan=False, indent=indent)
        click.echo(printable_json(text))  # in a pipe too: its reader may print it as it is

    def print_progress(self, text: str) -> None:
        """A line that the next one replaces; an empty text takes it away. In a pipe, nothing is printed."""
        width = terminal_width()
        if width is not None:
            click.echo(f"\r{line(text, color=False)[: width - 1].ljust(width - 1)}\r", nl=False)

    def print_heading(self, text: str) -> None:
        """An empty line and a title."""
        self.print()
        self.print(Styled(text, "bold"))

    def print_pairs(self, pairs: Iterable[tuple[str, Cell | None]]) -> None:
        """Names and values in two columns, values in lines of the terminal's width; a pair without a value is
        left out."""
        given = [(name, value) for name, value in pairs if value is not None]
        widest = max(len(name) for name, _ in given)
        width = terminal_width()
        room = None if width is None else width - widest - 4
        for name, value in given:
            text, style = value if isinstance(value, Styled) else (value, "")
            for place, part in enumerate(folded(text, room)):
                self.print(f"  {('' if place else name).ljust(widest)}  ", Styled(part, style))

    def print_table(self, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A table: within the width of the terminal, or in a pipe as wide as it needs."""
        click.echo(table(headers, rows, color=self.color, width=terminal_width()), color=self.color)


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def say(text: str) -> None:
    """One line on standard error, beside what a command prints."""
    click.echo(no_command(one_line(text)), err=True)


pass_app = click.make_pass_decorator(App)


def json_option(command: F) -> F:
    """``--json`` behind the name of the command. It adds no argument: the command reads ``app.json``."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_ask_for_json,
        help=JSON_HELP,
    )(command)


def _ask_for_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(App).json = True


def utc_option(command: F) -> F:
    """``--utc`` behind the name of a command that shows times. The command reads ``app.zone``."""
    return click.option(
        "--utc",
        is_flag=True,
        expose_value=False,
        callback=_ask_for_utc,
        help=UTC_HELP,
    )(command)


def _ask_for_utc(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(App).utc = True
