"""The documents of the original made of those of the house."""

import json
import shlex
from collections.abc import Mapping
from typing import Final

from jeeves_runner.api.v0.documents import (
    Collection,
    Item,
    ListedJob,
    OriginalJob,
    OriginalRun,
    QueueCounts,
    Result,
    Status,
)
from jeeves_runner.core.model import OverlapPolicy, RunStatus, SourceType, Trigger
from jeeves_runner.core.values import parse_json
from jeeves_runner.db.job_list import ScheduleColumn
from jeeves_runner.db.run_list import WholeRunRow
from jeeves_runner.views.jobs import ListedJobDocument
from jeeves_runner.views.queues import ItemDocument, QueueCountsDocument
from jeeves_runner.views.runner import StatusDocument
from jeeves_runner.views.state import StateKeyDocument

NAME: Final = "runner"

_STATUSES: Final[Mapping[str, str]] = {
    RunStatus.SCHEDULED: "pending",
    RunStatus.CANCELLED: "error",
    RunStatus.INTERRUPTED: "error",
    RunStatus.MISSED: "skipped",
}
"""The original's words for statuses that it did not have."""
_SOURCES: Final[Mapping[str, str]] = {SourceType.INLINE: "inline", SourceType.COMMAND: "inline"}
_POLICIES: Final[Mapping[str, str]] = {OverlapPolicy.ALLOW: "allow"}


def status_of(document: StatusDocument) -> Status:
    health = document["health"]
    return {
        "name": NAME,
        "version": document["version"],
        "uptime": (document["uptime_ms"] or 0) // 1000,
        "status": "healthy" if document["status"] == "running" else "degraded",
        "health": {
            "totalJobs": health["total_jobs"],
            "running": health["running"],
            "failedRegistrations": health["failed_registrations"],
            "okLastHour": health["ok_last_hour"],
            "errorsLastHour": health["errors_last_hour"],
        },
    }


def job_of(listed: ListedJobDocument, spec: Mapping[str, object]) -> OriginalJob:
    return {
        "id": listed["id"],
        "name": listed["name"],
        "schedule": _schedule(listed["schedule"]),
        "script": _script(listed["script"], listed["source_type"]),
        "type": listed["type"],
        "description": listed["description"],
        "enabled": int(listed["enabled"]),
        "timeout_ms": listed["timeout_ms"],
        "overlap_policy": _POLICIES.get(listed["overlap_policy"], "skip"),
        "on_failure": listed["on_failure"],
        "on_success": listed["on_success"],
        "created_at": _time(listed["created_at"]),
        "updated_at": _time(listed["updated_at"]),
        "source_type": _SOURCES.get(listed["source_type"], "path"),
        "output_channel": listed["output_channel"],
        "env": _json_or_none(spec.get("env")),
        "args": _json_or_none(spec.get("args")),
    }


def listed_job_of(listed: ListedJobDocument, spec: Mapping[str, object]) -> ListedJob:
    last = listed["last_run"]
    return {
        **job_of(listed, spec),
        "last_status": None if last is None else _status(last["status"]),
        "last_run": None if last is None else _time(last["started_at"]),
    }


def run_of(run: WholeRunRow) -> OriginalRun:
    return {
        "id": run["id"],
        "job_id": run["job_id"],
        "status": _status(run["status"]),
        "started_at": _time_or_none(run["started_at"]),
        "finished_at": _time_or_none(run["finished_at"]),
        "duration_ms": run["duration_ms"],
        "exit_code": run["exit_code"],
        "tokens": run["tokens"],
        "result_meta": _meta(run["result_meta"]),
        "error": _error(run),
        "stdout_tail": _tail(run, run["stdout"]),
        "stderr_tail": _tail(run, run["stderr"]),
        "trigger": "manual" if Trigger(run["trigger"]).is_by_hand else "schedule",
    }


def result_of(run: WholeRunRow) -> Result:
    row = run_of(run)
    return {
        "status": row["status"],
        "exitCode": row["exit_code"],
        "durationMs": row["duration_ms"],
        "tokens": row["tokens"],
        "resultMeta": row["result_meta"],
        "stdoutTail": row["stdout_tail"] or "",
        "stderrTail": row["stderr_tail"] or "",
        "error": row["error"],
    }


def counts_of(counts: QueueCountsDocument) -> QueueCounts:
    return {
        "depth": counts["depth"],
        "claimedCount": counts["claimed"],
        "failedCount": counts["failed"],
        "oldestAge": counts["oldest_age_ms"],
    }


def item_of(item: ItemDocument) -> Item:
    return {
        "id": item["id"],
        "payload": item["payload"],
        "priority": item["priority"],
        "createdAt": _time(item["created_at"]),
    }


def collection_of(key: StateKeyDocument, limit: int) -> Collection:
    items = key["items"][:limit]
    return {
        "value": text_of(key["value"]),
        "items": [
            {
                "itemKey": item["item_key"],
                "value": text_of(item["value"]),
                "updatedAt": _time(item["updated_at"]),
            }
            for item in items
        ],
        "count": len(items),
    }


def _status(status: str) -> str:
    return _STATUSES.get(status, status)


def _error(run: WholeRunRow) -> str | None:
    """What a script wrote to stderr said best what was wrong."""
    status = _status(run["status"])
    if status == "error":
        return _tail(run, run["stderr"]) or run["message"] or f"Exit code {run['exit_code']}"
    return run["message"] if status in ("timeout", "skipped") else None


def _tail(run: WholeRunRow, text: str | None) -> str | None:
    if run["finished_at"] is None or run["started_at"] is None:
        return None
    return "\n".join(line for line in (text or "").split("\n") if line.strip())


def _meta(reported: object) -> str | None:
    """Of what a script has reported the original kept ``meta`` alone."""
    return text_of(reported.get("meta") if isinstance(reported, dict) else reported)


def _schedule(column: ScheduleColumn) -> str:
    if isinstance(column, str):
        return column
    return "" if column is None else _json(column)


def _script(script: str, source_type: str) -> str:
    if source_type != SourceType.COMMAND:
        return script
    try:
        words = parse_json(script)
    except ValueError:  # changed by hand
        return script
    return shlex.join(map(str, words)) if isinstance(words, list) else script


def text_of(value: object) -> str | None:
    """A JSON value as the original kept it: it had texts alone."""
    return value if value is None or isinstance(value, str) else _json(value)


def _json_or_none(value: object) -> str | None:
    return _json(value) if value else None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _time_or_none(text: str | None) -> str | None:
    return None if text is None else _time(text)


def _time(text: str) -> str:
    return text[:19].replace("T", " ")
