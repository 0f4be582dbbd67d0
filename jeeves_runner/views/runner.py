"""The runner: how it is, how its jobs stand against the manifests, and its settings."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

import apsw

from jeeves_runner import __version__
from jeeves_runner.config import Config
from jeeves_runner.db import revisions
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.job_list import health_counts

NAME = "jeeves-runner"
_HOUR = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)


def status_view(
    conn: apsw.Connection,
    now: datetime,
    *,
    started_at: datetime | None,
    stopping: bool = False,
    sync: Mapping[str, Any],
    busy_since: datetime | None = None,
) -> dict[str, Any]:
    """``{name, version, uptime_ms, status, health, sync}``.

    ``started_at`` None: no server runs, so ``status`` is ``stopped`` and ``uptime_ms`` null.
    ``stopping``: it runs, and starts nothing more.
    ``sync`` is the document of /sync, given here with counts in place of its lists. ``busy_since``:
    when another process took the lock that the server's writes wait for; ``busy_ms`` is null without.
    """
    counts = health_counts(conn, now - _HOUR)
    return {
        "name": NAME,
        "version": __version__,
        "uptime_ms": None if started_at is None else max(0, (now - started_at) // _MILLISECOND),
        "status": "stopped" if started_at is None else "stopping" if stopping else "running",
        "health": {
            "total_jobs": counts["total_jobs"],
            "running": counts["running"],
            "waiting": counts["waiting"],
            "failed_registrations": counts["held"] + _unborn(sync),
            "ok_last_hour": counts["ok"],
            "errors_last_hour": counts["errors"],
            "busy_ms": None if busy_since is None else max(0, (now - busy_since) // _MILLISECOND),
        },
        "sync": {
            **{name: sync[name] for name in ("state", "revision", "commit", "checked_at", "reason")},
            "held": len(sync["held"]),
            "problems": len(sync["problems"]),
            "changes": len(sync["plan"]),
        },
    }


def recorded_sync(conn: apsw.Connection, reason: str | None) -> dict[str, Any]:
    """The document of /sync as far as the database tells it when no server watches the manifests."""
    with snapshot(conn):
        number = revisions.head(conn)
        revision = revisions.revision(conn, number)
        held = [h.as_json() for h in revisions.held_rows(conn)]
    return {
        "state": "held" if held else "unwatched",
        "revision": number,
        "commit": revision and revision["commit"],
        "checked_at": revision and revision["applied_at"],
        "held": held,
        "problems": [],
        "plan": [],
        "reason": reason,
    }


def config_view(config: Config) -> dict[str, Any]:
    """Every setting by the name of its field: paths as text, durations in ms, sizes in bytes."""
    return {name: _value(setting) for name, setting in config._asdict().items()}


def _unborn(sync: Mapping[str, Any]) -> int:
    """Errors in manifests that keep no live job back: what they declare has never been applied."""
    held = {row["file"] for row in sync["held"]}
    return sum(p["severity"] == "error" and p["file"] not in held for p in sync["problems"])


def _value(setting: Any) -> Any:
    if hasattr(setting, "_asdict"):  # a section such as ``log``
        setting = setting._asdict()
    if isinstance(setting, Mapping):
        return {str(key): _value(item) for key, item in setting.items()}
    if isinstance(setting, list | tuple | set | frozenset):
        return [_value(item) for item in setting]
    return str(setting) if isinstance(setting, PurePath) else setting
