"""What the schema of the config cannot say.

Units in the wrong order, time zones that do not exist, hosts beyond loopback, paths that no system takes,
commands that cannot be split.
"""

import errno
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jeeves_runner.core.durations import parse_duration
from jeeves_runner.core.problem import Finding
from jeeves_runner.core.wording import brief

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
"""The addresses a server may listen on."""

DURATIONS: Final = ("run_retention", "log_retention", "state_cleanup_interval", "shutdown_grace")
"""The settings at the top that are durations, as they are written."""

_LONGEST_SUFFIX: Final = "-journal"


def broken_rules(values: Mapping[str, Any], root: Path) -> Iterator[Finding]:
    """What is wrong with settings that keep to the schema; ``root`` is what their paths are relative to."""
    for place, text in _durations(values):
        try:
            parse_duration(text)
        except ValueError as error:
            yield _wrong(place, str(error))
    if values.get("timezone", "UTC") != "UTC":
        yield from _timezone_findings(values["timezone"])
    if values.get("host", LOOPBACK[0]) not in LOOPBACK:
        port = values.get("port", 1937)
        message = f"host {values['host']} is not this machine alone: the server listens on loopback only"
        yield _wrong(
            ("host",), message, f"reach it from elsewhere with `ssh -L {port}:127.0.0.1:{port} HOST`"
        )
    for keys, written in _paths(values):
        if (reason := _path_fault(root / written)) is not None:
            yield _wrong(keys, f"`{'.'.join(keys)}` cannot be a path: {reason}", "name another place")
    for extension, command in values.get("runners", {}).items():
        if (reason := _command_fault(command)) is not None:
            message = f"`runners.{brief(extension)}` cannot be run: {reason}"
            yield _wrong(("runners", extension), message, 'write it as for a shell: "uv run"')


def _wrong(path: tuple[str, ...], message: str, hint: str | None = None) -> Finding:
    return Finding(path=path, code="wrong_value", message=message, hint=hint)


def _durations(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key in DURATIONS:
        if key in values:
            yield (key,), values[key]
    if "interval" in values.get("sync", {}):
        yield ("sync", "interval"), values["sync"]["interval"]


def _paths(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key in ("jobs_dir", "data_dir", "db_path"):
        if key in values:
            yield (key,), values[key]
    if "file" in values.get("log", {}):
        yield ("log", "file"), values["log"]["file"]


def _path_fault(path: Path) -> str | None:
    """Why no such path can exist, whatever is there now; None when it can."""
    # SQLite puts files of longer names beside the database.
    for name in (str(path), f"{path}{_LONGEST_SUFFIX}"):
        try:
            os.stat(name)
        except ValueError:
            return "it holds a NUL character" if "\0" in name else "it holds what is no character"
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                return error.strerror
    return None


def _command_fault(command: str) -> str | None:
    if "\0" in command:
        return "it holds a NUL character"
    try:
        return None if shlex.split(command) else "it is blank"
    except ValueError as error:
        return str(error).lower()


def _timezone_findings(name: str) -> Iterator[Finding]:
    # Every command reads the config, but schedules are only needed here for a zone other than UTC.
    from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule

    try:
        parse_schedule((), name, "config")
    except ScheduleError as error:
        yield _wrong(("timezone",), error.message, error.hint)
