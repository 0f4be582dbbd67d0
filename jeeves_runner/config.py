"""The config file ``jeeves-runner.yaml``: optional, found in the current folder or above, checked whole."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple

from jeeves_runner.access import PRIVATE, SHARED
from jeeves_runner.config_api import ApiConfig, Host
from jeeves_runner.config_file import read
from jeeves_runner.config_gateway import GatewayUrl
from jeeves_runner.config_kinds import (
    Choice,
    Commands,
    Duration,
    Interval,
    Limits,
    Location,
    Size,
    Variables,
    Whole,
    Zone,
)
from jeeves_runner.config_notifications import HeartbeatConfig, NotificationsConfig, OneUrl
from jeeves_runner.config_path import DATA_DIR, DATABASE, bytes_of, config_path, root_of
from jeeves_runner.config_secrets import TokenFile
from jeeves_runner.config_settings import Given, Section, read_settings, schema_of, settings_of
from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import ConfigError

_PORT: Final = 1937

SyncMode = Literal["auto", "manual"]
DataMode = Literal["0700", "0770"]
GraphChecks = Literal["warn", "error"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]


class SyncConfig(NamedTuple):
    """How manifests are followed."""

    mode: Annotated[SyncMode, Choice(SyncMode, "auto: what is saved is applied; manual: an apply does.")] = (
        "auto"
    )
    interval_ms: Annotated[int, Interval("How often the folder is looked at if nothing is heard.")] = 60_000


class GraphConfig(NamedTuple):
    """What is checked of the graph, and how far runs follow from runs."""

    checks: Annotated[
        GraphChecks, Choice(GraphChecks, "error: what would be warned about across files is an error.")
    ] = "warn"
    depth: Annotated[
        int,
        Whole("Over how many runs one may follow from another; a longer way is taken for a loop.", 1, 1000),
    ] = 20


class LogConfig(NamedTuple):
    """The runner's own log."""

    level: Annotated[LogLevel, Choice(LogLevel, "How much is logged.")] = "info"
    file: Annotated[Path | None, Location("A file to log to; standard error by default.")] = None
    format: Annotated[LogFormat, Choice(LogFormat, "text for people, json for programs.")] = "text"


class MetricsConfig(NamedTuple):
    """What programs read that watch the runner."""

    max_labels: Annotated[
        int,
        Whole("How many jobs, queues and nodes each have metrics by name; the rest share one.", 1, 100_000),
    ] = 10_000


class GatewayConfig(NamedTuple):
    """The gateway whose agents carry out jobs of type session."""

    url: Annotated[
        str | None, GatewayUrl("Where the gateway answers, as http:// or https://.", token="token_path")
    ] = None
    """None: there is no gateway."""
    token_path: Annotated[
        Path | None,
        TokenFile("A file with the gateway's token; by default the variable OPENCLAW_GATEWAY_TOKEN has it."),
    ] = None
    timeout_ms: Annotated[int, Interval("How long one call of the gateway may take.")] = 30_000
    max_sessions: Annotated[int, Whole("How many sessions may run at once.", 1, 1000)] = 6


class Config(NamedTuple):
    """All settings in force. Paths are absolute, sizes in bytes."""

    path: Path | None
    """The file that the settings came from; None: there is none."""
    root: Path
    """The project root: the folder of that file, or the current one."""
    jobs_dir: Annotated[Path, Location("Folder of the manifests.", "jobs.d")]
    data_dir: Annotated[Path, Location("Folder for the database, logs and what jobs keep.", DATA_DIR)]
    db_path: Annotated[Path, Location("The database file; runner.sqlite in data_dir by default.")]
    host: Annotated[str, Host("Address to listen on; one beyond loopback needs a token.")] = "127.0.0.1"
    port: Annotated[int, Whole("Port to listen on; 0 takes a free one.", 0, 65535, "port number")] = _PORT
    timezone: Annotated[
        str, Zone("Time zone of schedules that name none, and of times given without an offset.")
    ] = "UTC"
    max_concurrency: Annotated[int, Whole("How many runs may run at once.", 1, 1000)] = 4
    pools: Annotated[
        Mapping[str, int], Limits("Further limits by name, for the runs of the jobs in that pool.", 1, 1000)
    ] = MappingProxyType({})
    run_retention_ms: Annotated[int, Duration("How long ended runs are kept.")] = 30 * 86_400_000
    history_retention_ms: Annotated[
        int, Duration("How long revisions, the audit and ended pauses are kept.")
    ] = 365 * 86_400_000
    log_retention_ms: Annotated[int, Duration("How long log files are kept; not longer than their run.")] = (
        30 * 86_400_000
    )
    log_max_size: Annotated[int, Size("Size of a run's log file beyond which its middle is cut out.")] = (
        10 * 1024**2
    )
    state_cleanup_interval_ms: Annotated[
        int, Interval("How often expired state, old runs and finished items are removed.")
    ] = 3_600_000
    catch_up_spread_ms: Annotated[
        int, Duration("Over how long the jobs are spread that catch up after a silence; 0s: not at all.")
    ] = 0
    shutdown_grace_ms: Annotated[int, Duration("How long a stopping runner lets runs finish.")] = 30_000
    min_free: Annotated[int, Size("Free disk space below which no run starts.")] = 256 * 1024**2
    data_mode: Annotated[
        DataMode, Choice(DataMode, "Who may use data_dir: 0700 its owner alone, 0770 its group as well.")
    ] = "0700"
    sync: Annotated[SyncConfig, Section(SyncConfig, "How manifests are followed.", "{mode: auto}")] = (
        SyncConfig()
    )
    graph: Annotated[
        GraphConfig, Section(GraphConfig, "How jobs that are tied together are watched.", "{depth: 20}")
    ] = GraphConfig()
    inherit_env: Annotated[
        tuple[str, ...] | None,
        Variables(
            "Variables of the runner's environment that jobs inherit, by name or pattern; all by default."
        ),
    ] = None
    runners: Annotated[
        Mapping[str, str], Commands('Commands that run scripts, by file extension: {py: "uv run"}.')
    ] = MappingProxyType({})
    gateway: Annotated[
        GatewayConfig,
        Section(
            GatewayConfig,
            "The gateway whose agents carry out jobs of type session.",
            '{url: "http://127.0.0.1:18789", token_path: secrets/gateway-token}',
            required=("url",),
        ),
    ] = GatewayConfig()
    notifications: Annotated[
        NotificationsConfig,
        Section(
            NotificationsConfig,
            "Where people are told.",
            "{slack: {token_path: secrets/slack-token}, default_on_failure: C0123ABCDEF}",
        ),
    ] = NotificationsConfig()
    heartbeat: Annotated[
        HeartbeatConfig,
        OneUrl(
            HeartbeatConfig,
            "What hears from the server while it is well.",
            "{url_path: secrets/heartbeat-url, every: 1m}",
        ),
    ] = HeartbeatConfig()
    api: Annotated[
        ApiConfig,
        Section(ApiConfig, "How people reach the HTTP API.", '{public_url: "https://jobs.example.org"}'),
    ] = ApiConfig()
    metrics: Annotated[
        MetricsConfig,
        Section(MetricsConfig, "What programs read that watch the runner.", "{max_labels: 1000}"),
    ] = MetricsConfig()
    log: Annotated[LogConfig, Section(LogConfig, "The runner's own log.", "{level: info}")] = LogConfig()

    @property
    def folder_mode(self) -> int:
        """The mode of the folders that the runner makes for its data."""
        return PRIVATE if self.data_mode == "0700" else SHARED


SETTINGS: Final = settings_of(Config)
"""What the file may hold."""


@cache
def config_schema() -> dict[str, Any]:
    """The JSON Schema of the config file; ``schemas/config.schema.json`` is its copy for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jeeves-runner config",
        "description": "Settings of one runner; every one is optional. Paths are relative to this file.",
        "x-expected": "a mapping of settings",
        **schema_of(SETTINGS),
    }


def load_config(start: Path, explicit: Path | None) -> Config:
    """The config of ``explicit``, else of the nearest file at or above ``start``, else the defaults.

    ConfigError names file, line and column of the first mistake, and says what to do.
    """
    path = config_path(start, explicit)
    if path is None:
        return _config(None, root_of(start), {})
    values, problems = _read(path)
    if problems:
        raise _error(problems)
    return _config(path.resolve(), root_of(path.resolve().parent), values)


def load_what_is_right(start: Path, explicit: Path | None) -> Config:
    """The same from the settings that are right, others left out; ConfigError if the file cannot be read."""
    path = config_path(start, explicit)
    if path is None:
        return load_config(start, explicit)
    return _config(path.resolve(), root_of(path.resolve().parent), _read(path)[0])


def check_config(start: Path, explicit: Path | None) -> tuple[Path | None, list[Problem]]:
    """The file that ``load_config`` takes, and what is wrong in it or to be warned about; ConfigError if it
    cannot be read."""
    path = config_path(start, explicit)
    return path, [] if path is None else _read(path, warn=True)[1]


def warnings_of(config: Config) -> list[str]:
    """What ``config validate`` warns about in the file that ``config`` was read from, each as a line.

    Nothing where it cannot be read any more. It looks at files.
    """
    if config.path is None:
        return []
    try:
        problems = check_config(config.root, config.path)[1]
    except ConfigError:
        return []
    return [f"{each} ({each.hint})" if each.hint else str(each) for each in problems if not each.is_error]


def _read(path: Path, *, warn: bool = False) -> tuple[dict[str, Any], list[Problem]]:
    return read(bytes_of(path), path, SETTINGS, config_schema(), warn=warn)


def _error(problems: Sequence[Problem]) -> ConfigError:
    """An error for the first of several, which says how many there are."""
    first, hint = problems[0], problems[0].hint
    if len(problems) > 1:
        note = f"the first of {len(problems)} mistakes; `jeeves-runner config validate` shows all"
        hint = f"{hint} ({note})" if hint else note
    return ConfigError(f"{first.file}:{first.line}:{first.column}: {first.message}", hint=hint)


def _config(path: Path | None, root: Path, values: Mapping[str, Any]) -> Config:
    fields = read_settings(SETTINGS, Given(values, root))
    fields.setdefault("db_path", fields["data_dir"] / DATABASE)
    return Config(path=path, root=root, **fields)
