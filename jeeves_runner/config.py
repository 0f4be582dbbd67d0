"""The config file ``jeeves-runner.yaml``: optional, found in the current folder or above, checked whole."""

import errno
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from stat import S_ISREG
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from jeeves_runner.core.durations import parse_duration, parse_size
from jeeves_runner.core.manifest.simple_schema import fits
from jeeves_runner.core.manifest.validation import Validator
from jeeves_runner.core.manifest.yaml_text import YamlError, decode, load
from jeeves_runner.core.problem import Finding, Position, Problem
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import ConfigError
from jeeves_runner.schemas_text import config_schema

FILE_NAME: Final = "jeeves-runner.yaml"

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
"""The addresses a server may listen on."""

_LONGEST_SUFFIX: Final = "-journal"

_LATER: Final = frozenset(
    "source.git source gateway notifications heartbeat policy api webhook_secret_path executors".split()  # noqa: SIM905
)
"""Keys of features still to come: they are refused as unsupported rather than as misspelt."""

_DURATIONS: Final = ("run_retention", "log_retention", "state_cleanup_interval", "shutdown_grace")
"""The settings at the top that are durations, as they are written."""


class SyncConfig(NamedTuple):
    """How manifests are followed."""

    mode: Literal["auto", "manual"] = "auto"
    """``auto``: what is seen is applied. ``manual``: it is shown, and applied on request."""
    interval_ms: int = 60_000
    """Milliseconds between two looks at the folder when nothing was heard of a change."""


class LogConfig(NamedTuple):
    """The runner's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    file: Path | None = None
    """An absolute path; None: standard error."""
    format: Literal["text", "json"] = "text"
    """``text`` for people, ``json`` for programs."""


class Config(NamedTuple):
    """All settings in force. Paths are absolute."""

    path: Path | None
    """The file that the settings came from; None: there is none."""
    root: Path
    """The project root: the folder of that file, or the current one."""
    jobs_dir: Path
    """The folder of the manifests."""
    data_dir: Path
    """The folder for the database, logs and what jobs keep."""
    db_path: Path
    """The database file."""
    host: str = "127.0.0.1"
    """The address to listen on, one of ``LOOPBACK``."""
    port: int = 1937
    """The port to listen on; 0: any free one."""
    timezone: str = "UTC"
    """The IANA zone of schedules that name none, and of times given without an offset."""
    max_concurrency: int = 4
    """How many runs may run at once, 1 to 1000."""
    pools: Mapping[str, int] = MappingProxyType({})
    """Further limits by name: how many runs of the jobs in that pool may run at once."""
    run_retention_ms: int = 30 * 86_400_000
    """How long ended runs are kept, in milliseconds."""
    log_retention_ms: int = 30 * 86_400_000
    """How long log files are kept, in milliseconds; not longer than their run."""
    log_max_size: int = 10 * 1024**2
    """Bytes of a run's log file beyond which its middle is cut out."""
    state_cleanup_interval_ms: int = 3_600_000
    """Milliseconds between two removals of expired state, old runs and finished items."""
    shutdown_grace_ms: int = 30_000
    """How long a stopping runner lets runs finish, in milliseconds."""
    min_free: int = 256 * 1024**2
    """Bytes of free disk space below which no run starts."""
    sync: SyncConfig = SyncConfig()
    """How manifests are followed."""
    runners: Mapping[str, str] = MappingProxyType({})
    """Commands that run scripts, by file extension without the dot, each as a shell would split it."""
    log: LogConfig = LogConfig()
    """The runner's own log."""


def load_config(start: Path, explicit: Path | None) -> Config:
    """The config of ``explicit``, else of the nearest file at or above ``start``, else the defaults.

    ConfigError names file, line and column of the first mistake, and says what to do.
    """
    path = _path(start, explicit)
    if path is None:
        return _config(None, _root(start), {})
    values, problems = _read(path)
    if problems:
        raise _error(problems)
    return _config(path.resolve(), _root(path.resolve().parent), values)


def check_config(start: Path, explicit: Path | None) -> tuple[Path | None, list[Problem]]:
    """The file that ``load_config`` takes and all that is wrong in it; ConfigError if it cannot be read."""
    path = _path(start, explicit)
    return path, [] if path is None else _read(path)[1]


def _path(start: Path, explicit: Path | None) -> Path | None:
    if explicit is None:
        return _nearest_file(start)
    return explicit / FILE_NAME if explicit.is_dir() else explicit


def _root(folder: Path) -> Path:
    """The project root. Its path must be text: it is written to rows and documents."""
    root = folder.resolve()
    try:
        str(root).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"the name of the project's folder is not UTF-8: {root}", hint="rename the folder"
        ) from None
    return root


def _nearest_file(start: Path) -> Path | None:
    """The nearest entry of that name, going up; one that cannot be read is an error and not passed over."""
    here = start.resolve()
    return next(
        (path for folder in (here, *here.parents) if os.path.lexists(path := folder / FILE_NAME)), None
    )


def _read(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The settings of a file and what is wrong with them."""
    try:
        # Reading a named pipe would wait for a writer.
        if not S_ISREG(path.stat().st_mode):
            raise OSError(None, "it is not a file")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the config file {path} cannot be read: {error.strerror}",
            hint="name another with --config, or leave it out: every setting has a default",
        ) from None
    values, mistakes = _values(data, path.resolve().parent)
    problems = [
        Problem(
            severity="error",
            code=mistake.code,
            file=str(path),
            line=line,
            column=column,
            message=mistake.message,
            hint=mistake.hint,
        )
        for (line, column), mistake in sorted(mistakes, key=itemgetter(0))
    ]
    return values, problems


def _values(data: bytes, root: Path) -> tuple[dict[str, Any], list[tuple[Position, Finding]]]:
    """The mapping in a file, checked; a file without settings is an empty one."""
    try:
        text = decode(data)
        document = load(text)
    except YamlError as error:
        if error.code == "empty":
            return {}, []
        mistake = Finding(path=(), code=error.code, message=error.message, hint=error.hint)
        return {}, [((error.line, error.column), mistake)]
    values = document.value
    findings = _validator().findings(values, holds_float=document.holds_float)
    if not isinstance(values, dict):
        return {}, [((1, 1), finding) for finding in findings]
    broken = {finding.path[0] for finding in findings}
    findings += _further_findings({key: value for key, value in values.items() if key not in broken}, root)
    if not findings:
        return values, []
    located = load(text, positions=True)
    return values, [
        (located.key_position(each.path) if each.at_key else located.position(each.path), each)
        for each in findings
    ]


def _error(problems: Sequence[Problem]) -> ConfigError:
    """An error for the first of several, which says how many there are."""
    first, hint = problems[0], problems[0].hint
    if len(problems) > 1:
        note = f"the first of {len(problems)} mistakes; `jeeves-runner config validate` shows all"
        hint = f"{hint} ({note})" if hint else note
    return ConfigError(f"{first.file}:{first.line}:{first.column}: {first.message}", hint=hint)


@cache
def _validator() -> Validator:
    schema = config_schema()
    return Validator(schema, partial(fits, schema=schema), _LATER)


def _further_findings(values: Mapping[str, Any], root: Path) -> Iterator[Finding]:
    """What the schema cannot say: units in the wrong order, time zones that do not exist, hosts beyond
    loopback, paths that no system takes, commands that cannot be split."""
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
    for key in _DURATIONS:
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


def _config(path: Path | None, root: Path, values: Mapping[str, Any]) -> Config:
    given = dict(values)
    settings: dict[str, Any] = {}
    data_dir = root / given.pop("data_dir", "data")
    sync = given.pop("sync", {})
    log = given.pop("log", {})
    for key in _DURATIONS:
        if key in given:
            settings[f"{key}_ms"] = parse_duration(given.pop(key))
    for key in ("log_max_size", "min_free"):
        if key in given:
            settings[key] = parse_size(given.pop(key))
    for key in ("pools", "runners"):
        settings[key] = dict(given.pop(key, {}))
    settings |= {
        key: value
        for key, value in given.items()
        if key in Config._fields and not key.endswith(("_dir", "_path"))
    }
    return Config(
        path=path,
        root=root,
        jobs_dir=root / given.get("jobs_dir", "jobs.d"),
        data_dir=data_dir,
        db_path=root / given["db_path"] if "db_path" in given else data_dir / "runner.sqlite",
        sync=SyncConfig(
            mode=sync.get("mode", "auto"),
            interval_ms=parse_duration(sync["interval"]) if "interval" in sync else 60_000,
        ),
        log=LogConfig(
            level=log.get("level", "info"),
            file=root / log["file"] if "file" in log else None,
            format=log.get("format", "text"),
        ),
        **settings,
    )
