"""The config file ``jeeves-runner.yaml``: optional, found in the current folder or above, checked whole."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from stat import S_ISREG
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from jeeves_runner.config_file import read
from jeeves_runner.config_rules import DURATIONS
from jeeves_runner.core.durations import parse_duration, parse_size
from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import ConfigError

FILE_NAME: Final = "jeeves-runner.yaml"


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
    """The address to listen on, one of ``config_rules.LOOPBACK``."""
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
    values, problems = read(_bytes(path), path)
    if problems:
        raise _error(problems)
    return _config(path.resolve(), _root(path.resolve().parent), values)


def check_config(start: Path, explicit: Path | None) -> tuple[Path | None, list[Problem]]:
    """The file that ``load_config`` takes and all that is wrong in it; ConfigError if it cannot be read."""
    path = _path(start, explicit)
    return path, [] if path is None else read(_bytes(path), path)[1]


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


def _bytes(path: Path) -> bytes:
    """What stands in the file; ConfigError if it cannot be read."""
    try:
        # Reading a named pipe would wait for a writer.
        if not S_ISREG(path.stat().st_mode):
            raise OSError(None, "it is not a file")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the config file {path} cannot be read: {error.strerror}",
            hint="name another with --config, or leave it out: every setting has a default",
        ) from None


def _error(problems: Sequence[Problem]) -> ConfigError:
    """An error for the first of several, which says how many there are."""
    first, hint = problems[0], problems[0].hint
    if len(problems) > 1:
        note = f"the first of {len(problems)} mistakes; `jeeves-runner config validate` shows all"
        hint = f"{hint} ({note})" if hint else note
    return ConfigError(f"{first.file}:{first.line}:{first.column}: {first.message}", hint=hint)


def _config(path: Path | None, root: Path, values: Mapping[str, Any]) -> Config:
    given = dict(values)
    settings: dict[str, Any] = {}
    data_dir = root / given.pop("data_dir", "data")
    sync = given.pop("sync", {})
    log = given.pop("log", {})
    for key in DURATIONS:
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
