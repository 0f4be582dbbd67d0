"""The config file ``jeeves-runner.yaml``: optional, found in the current folder or above, checked whole."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final, Literal

from jeeves_runner.errors import ConfigError

FILE_NAME: Final = "jeeves-runner.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncConfig:
    """How manifests are followed."""

    mode: Literal["auto", "manual"] = "auto"
    interval_ms: int = 60_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LogConfig:
    """The runner's own log; ``file`` None: standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    file: Path | None = None
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All settings in force. Paths are absolute, durations in milliseconds, sizes in bytes.

    ``path`` is the file they came from, if any; ``root`` the project root: that file's folder, or
    the current one.
    """

    path: Path | None
    root: Path
    jobs_dir: Path
    data_dir: Path
    db_path: Path
    host: str = "127.0.0.1"
    port: int = 1937
    timezone: str = "UTC"
    max_concurrency: int = 4
    pools: Mapping[str, int] = field(default_factory=dict)
    run_retention_ms: int = 30 * 86_400_000
    log_retention_ms: int = 30 * 86_400_000
    log_max_size: int = 10 * 1024**2
    state_cleanup_interval_ms: int = 3_600_000
    shutdown_grace_ms: int = 30_000
    min_free: int = 256 * 1024**2
    sync: SyncConfig = SyncConfig()
    runners: Mapping[str, str] = field(default_factory=dict)
    log: LogConfig = field(default_factory=LogConfig)


def load_config(start: Path, explicit: Path | None) -> Config:
    """The config of ``explicit``, else of the nearest file at or above ``start``, else the defaults.

    ConfigError names file, line and column, and says what to do.
    """
    path = explicit or _nearest(start)
    if path is None:
        return _config(None, _root(start), {})
    if explicit and path.is_dir():
        path = path / FILE_NAME
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
    values = _values(path, data)
    return _config(path.resolve(), _root(path.resolve().parent), values)


def _root(folder: Path) -> Path:
    """The project root; its path stands in manifests, rows and documents, all of which are text."""
    root = folder.resolve()
    try:
        str(root).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"the name of the project's folder is not UTF-8: {root}", hint="rename the folder"
        ) from None
    return root


def _nearest(start: Path) -> Path | None:
    """The first thing of that name upwards: one that cannot be read is an error, no reason to go on."""
    here = start.resolve()
    return next(
        (path for folder in (here, *here.parents) if os.path.lexists(path := folder / FILE_NAME)), None
    )


def _values(path: Path, data: bytes) -> dict[str, Any]:
    """The file's mapping, checked against the schema; a file without settings is an empty one."""
    from jeeves_runner.core.yamltext import YamlError, decode, load

    try:
        text = decode(data)
        value = load(text).value
    except YamlError as error:
        if error.code == "empty":
            return {}
        raise _error(path, (error.line, error.column), error.message, error.hint) from None
    findings = _validator().findings(value)
    if findings:
        first, located = findings[0], load(text, positions=True)
        place = located.key_position(first.path) if first.at_key else located.position(first.path)
        raise _error(path, place, first.message, first.hint)
    for keys, message, hint in _further_faults(value):
        raise _error(path, load(text, positions=True).position(keys), message, hint)
    checked: dict[str, Any] = value
    return checked


def _error(path: Path, place: tuple[int, int], message: str, hint: str | None) -> ConfigError:
    return ConfigError(f"{path}:{place[0]}:{place[1]}: {message}", hint=hint)


@cache
def _validator() -> Any:
    from jeeves_runner.core.validation import Validator
    from jeeves_runner.schemas_text import config_schema

    later = (
        "source.git",
        "source",
        "gateway",
        "notifications",
        "heartbeat",
        "policy",
        "api",
        "webhook_secret_path",
        "executors",
    )
    return Validator(config_schema(), later)


def _further_faults(values: Mapping[str, Any]) -> "list[tuple[tuple[str | int, ...], str, str | None]]":
    """What the schema cannot say: units in the wrong order, time zones that do not exist."""
    from jeeves_runner.core.durations import parse_duration

    faults: list[tuple[tuple[str | int, ...], str, str | None]] = []
    durations = ("run_retention", "log_retention", "state_cleanup_interval", "shutdown_grace")
    places: list[tuple[tuple[str | int, ...], str]] = [
        ((key,), values[key]) for key in durations if key in values
    ]
    if "interval" in values.get("sync", {}):
        places.append((("sync", "interval"), values["sync"]["interval"]))
    for place, text in places:
        try:
            parse_duration(text)
        except ValueError as error:
            faults.append((place, str(error), None))
    if values.get("timezone", "UTC") != "UTC":
        faults += _timezone_faults(values["timezone"])
    return faults


def _timezone_faults(name: str) -> "list[tuple[tuple[str | int, ...], str, str | None]]":
    from jeeves_runner.core.schedule import ScheduleError, parse_schedule

    try:
        parse_schedule((), name, "config")
    except ScheduleError as error:
        return [(("timezone",), error.message, error.hint)]
    return []


def _config(path: Path | None, root: Path, values: Mapping[str, Any]) -> Config:
    given = dict(values)
    settings: dict[str, Any] = {}
    data_dir = root / given.pop("data_dir", "data")
    sync = given.pop("sync", {})
    log = given.pop("log", {})
    for key in ("run_retention", "log_retention", "state_cleanup_interval", "shutdown_grace"):
        if key in given:
            settings[f"{key}_ms"] = _milliseconds(given.pop(key))
    for key in ("log_max_size", "min_free"):
        if key in given:
            settings[key] = _bytes(given.pop(key))
    for key in ("pools", "runners"):
        settings[key] = dict(given.pop(key, {}))
    known = {f.name for f in fields(Config)}
    settings.update(
        {key: value for key, value in given.items() if key in known and not key.endswith(("_dir", "_path"))}
    )
    return Config(
        path=path,
        root=root,
        jobs_dir=root / given.get("jobs_dir", "jobs.d"),
        data_dir=data_dir,
        db_path=root / given["db_path"] if "db_path" in given else data_dir / "runner.sqlite",
        sync=SyncConfig(
            mode=sync.get("mode", "auto"),
            interval_ms=_milliseconds(sync["interval"]) if "interval" in sync else 60_000,
        ),
        log=LogConfig(
            level=log.get("level", "info"),
            file=root / log["file"] if "file" in log else None,
            format=log.get("format", "text"),
        ),
        **settings,
    )


def _milliseconds(text: str) -> int:
    from jeeves_runner.core.durations import parse_duration

    return parse_duration(text)


def _bytes(text: str) -> int:
    from jeeves_runner.core.durations import parse_size

    return parse_size(text)
