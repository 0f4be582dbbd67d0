"""Whether the config file still says what a server goes by, which read it when it started."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jeeves_runner.config import SETTINGS, Config, load_config
from jeeves_runner.config_path import FILE_NAME, bytes_of, nearest_file
from jeeves_runner.config_settings import Section, Setting
from jeeves_runner.errors import ConfigError


class ConfigChange(NamedTuple):
    """How the file differs from the settings in force."""

    path: Path
    """The file."""
    settings: tuple[str, ...]
    """The settings that it says otherwise, as it names them: ``log.level``. None where it cannot be used."""
    problem: str | None
    """Why it cannot be used, what to do, and what a restart would do; None: it can."""

    def __str__(self) -> str:
        if self.problem is not None:
            return self.problem
        changed = ", ".join(self.settings)
        return f"{self.path} has changed since the server started: {changed}; restart the server"


def text_of(config: Config) -> tuple[Path, bytes | None]:
    """The file that a restart in the same place would read, and what it says; None: it cannot be read."""
    path = _file_of(config)
    try:
        return path, bytes_of(path)
    except ConfigError:
        return path, None


def change_of(config: Config) -> ConfigChange | None:
    """How the file differs now from ``config``, which was read from it; None: not at all."""
    try:
        now = load_config(config.root, config.path)
    except ConfigError as error:
        return ConfigChange(_file_of(config), (), _problem(error, _file_of(config)))
    differing = tuple(_differing(SETTINGS, config, now))
    return ConfigChange(_file_of(config), differing, None) if differing else None


def _problem(error: ConfigError, file: Path) -> str:
    if os.path.lexists(file):
        told = f"{error.message}; {error.hint}" if error.hint else error.message
        return f"{told}; the server goes on with the settings it has, and would not start again"
    # Whether a start finds the file or is given it, its config does not say.
    return (
        f"the config file {file} is gone: put it back; the server goes on with the settings it has, but would"
        " start again with the defaults, or not at all if --config names the file"
    )


def _file_of(config: Config) -> Path:
    return config.path or nearest_file(config.root) or config.root / FILE_NAME


def _differing(settings: Sequence[Setting], old: Any, new: Any, prefix: str = "") -> Iterator[str]:
    for setting in settings:
        before, after = getattr(old, setting.field), getattr(new, setting.field)
        if before == after:
            continue
        if isinstance(setting.kind, Section) and None not in (before, after):
            yield from _differing(setting.kind.settings, before, after, f"{setting.key}.")
        else:
            yield prefix + setting.key
