"""The settings under the names that the original had for them."""

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

_DAY_MS: Final = 86_400_000


class NotificationsSection(TypedDict):
    """Where people are told unless a job says otherwise."""

    defaultOnFailure: str | None
    """Of failures: the first channel."""
    defaultOnSuccess: str | None
    """Of successes: the first channel."""


class LoggingSection(TypedDict):
    """The server's log."""

    level: str
    """What it tells."""
    file: NotRequired[str]
    """Where it stands, if it is a file."""


class ConfigDocument(TypedDict):
    """The settings in force, as far as the original knew them."""

    port: int
    """Where the server listens."""
    host: str
    """On which address."""
    dbPath: str
    """The database."""
    maxConcurrency: int
    """How many runs at once."""
    runRetentionDays: int
    """How long runs are kept, in whole days."""
    stateCleanupIntervalMs: int
    """How often state that has expired is removed."""
    shutdownGraceMs: int
    """How long runs may go on when the server stops."""
    reconcileIntervalMs: int
    """How often manifests are looked at unasked."""
    notifications: NotificationsSection
    """Where people are told."""
    logging: LoggingSection
    """The server's log."""
    gatewayUrl: NotRequired[str]
    """The gateway of sessions, if there is one."""
    runners: Mapping[str, object]
    """Interpreters by the extensions of scripts."""
    jobsDir: str
    """The folder of manifests."""


def config_of(settings: Mapping[str, object]) -> ConfigDocument:
    """Made of the document of ``GET /config``."""
    told, log, gateway = (_section(settings, name) for name in ("notifications", "log", "gateway"))
    document: ConfigDocument = {
        "port": _number(settings["port"]),
        "host": str(settings["host"]),
        "dbPath": str(settings["db_path"]),
        "maxConcurrency": _number(settings["max_concurrency"]),
        "runRetentionDays": _number(settings["run_retention_ms"]) // _DAY_MS,
        "stateCleanupIntervalMs": _number(settings["state_cleanup_interval_ms"]),
        "shutdownGraceMs": _number(settings["shutdown_grace_ms"]),
        "reconcileIntervalMs": _number(_section(settings, "sync")["interval_ms"]),
        "notifications": {
            "defaultOnFailure": _first(told["default_on_failure"]),
            "defaultOnSuccess": _first(told["default_on_success"]),
        },
        "logging": {"level": str(log["level"])},
        "runners": _section(settings, "runners"),
        "jobsDir": str(settings["jobs_dir"]),
    }
    if log["file"] is not None:
        document["logging"]["file"] = str(log["file"])
    if gateway["url"] is not None:
        document["gatewayUrl"] = str(gateway["url"])
    return document


def _section(settings: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = settings[name]
    return found if isinstance(found, Mapping) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _first(channels: object) -> str | None:
    return str(channels[0]) if isinstance(channels, list | tuple) and channels else None
