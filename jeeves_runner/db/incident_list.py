"""Incidents as people look at them: what is wrong, since when, and where it was told."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypedDict

import apsw

from jeeves_runner.core.alerts.machine import COUNTED
from jeeves_runner.core.alerts.policy import addresses_of, policy_of
from jeeves_runner.core.alerts.words import Cause, ClosedBy
from jeeves_runner.core.wording import one_line
from jeeves_runner.db.overrides import mutes
from jeeves_runner.db.pages import ROOM, Page, page
from jeeves_runner.db.renames import present_ids

Untold = Literal["too_few", "muted", "no_channel", "next_time"]
"""Why people have not been told of an incident: it has not happened ``alert.after`` times, it is muted, there
is no channel for it, or the reason is gone, and it is told when it is next looked at or happens again."""


class IncidentRow(TypedDict):
    """Something that is wrong, or was."""

    id: int
    """Its number."""
    cause: Annotated[str, Cause]
    """What is wrong."""
    job_id: str | None
    """With which job, by the id that it has now; null: with none."""
    subject: str
    """With what besides, such as a manifest; empty: nothing."""
    what: str | None
    """What happened last, in words; null: nothing is known of it but the cause."""
    count: int
    """How often it has happened since it opened."""
    run_id: int | None
    """The newest run of it, which may be deleted by now."""
    opened_at: str
    """When the first of it happened."""
    told_at: str | None
    """When people were first told; null: not yet."""
    said_at: str | None
    """When they were last told."""
    remind_at: str | None
    """From when on there is something to say again; null: never."""
    channels: list[str]
    """Where it was told, or is to be told."""
    unsent: list[str]
    """Those of them that have not taken the newest message about it: it was given up, was tried in vain, or
    waits for a channel that did not take another one."""
    muted: bool
    """Whether nothing is said of it now."""
    untold: Untold | None
    """Why people have not been told: ``too_few``, ``muted``, ``no_channel``, or ``next_time`` where the
    reason is gone. Null: they have, or it is over."""
    closed_at: str | None
    """When it was over; null: it is not."""
    closed_by: Annotated[str, ClosedBy] | None
    """How it ended."""


# Forced: the planner may take the few that are open for many, and walk through all that there ever were.
_OPEN: Final = "incidents INDEXED BY incidents_open"
_INCIDENTS: Final = """
SELECT each.id, each.cause, each.job_id, each.subject, each.facts, each."count", each.run_id, each.opened_at,
  each.told_at, each.said_at, each.remind_at, each.channels, each.closed_at, each.closed_by,
  runs.message, jobs.spec -> '$.alert', jobs.spec -> '$.on_failure'
FROM (SELECT * FROM {rows} WHERE {condition} ORDER BY id DESC LIMIT :limit) AS each
LEFT JOIN runs ON runs.id = each.run_id LEFT JOIN jobs ON jobs.id = each.job_id
ORDER BY each.id DESC
"""
_OPEN_OF_JOB: Final = (
    f"SELECT id FROM {_OPEN} WHERE closed_at IS NULL AND coalesce(job_id, '') = ? ORDER BY id"
)
# Of the newest message about each of these, where it has not been taken. Behind one that failed it waits.
_NOT_TAKEN: Final = """
SELECT incident_id, channel FROM (
  SELECT incident_id, channel, status, error, max(id) AS id FROM outbox
  WHERE incident_id IN (SELECT value FROM json_each(?)) GROUP BY incident_id, channel)
WHERE status <> 'sent' AND (error IS NOT NULL OR status = 'pending'
  AND channel IN (SELECT channel FROM outbox WHERE status = 'pending' AND tries > 0)) ORDER BY id
"""


def incident_rows(
    conn: apsw.Connection, now: datetime, *, all_of_them: bool = False, before: int | None = None, limit: int
) -> Page[IncidentRow]:
    """Up to ``limit`` incidents, newest first: those that are open, or all; with smaller ids."""
    conditions = [] if all_of_them else ["closed_at IS NULL"]
    conditions += [] if before is None else ["id < :before"]
    query = _INCIDENTS.format(
        rows="incidents" if all_of_them else _OPEN, condition=" AND ".join(conditions) or "true"
    )
    return _page(conn, now, query, {"before": before, "limit": limit + 1}, limit, ROOM)


def listed_incidents(conn: apsw.Connection, now: datetime, numbers: Iterable[int]) -> list[IncidentRow]:
    """These incidents, newest first: those that are there."""
    wanted = list(numbers)
    query = _INCIDENTS.format(rows="incidents", condition="id IN (SELECT value FROM json_each(:numbers))")
    bindings = {"numbers": json.dumps(wanted), "limit": len(wanted)}
    return _page(conn, now, query, bindings, len(wanted), None).rows if wanted else []


def open_numbers(conn: apsw.Connection) -> set[int]:
    """The numbers of the incidents that are not over."""
    return {number for (number,) in conn.execute(f"SELECT id FROM {_OPEN} WHERE closed_at IS NULL")}


def open_of_job(conn: apsw.Connection, now: datetime, job_id: str) -> list[IncidentRow]:
    """What is wrong with a job and not over, newest first."""
    numbers = conn.execute(_OPEN_OF_JOB, (job_id,))
    return listed_incidents(conn, now, [number for (number,) in numbers])


def newest_incident(conn: apsw.Connection) -> int:
    """The largest number that an incident has, 0 if there is none."""
    newest: int = conn.execute("SELECT coalesce(max(id), 0) FROM incidents").get
    return newest


def incidents_after(conn: apsw.Connection, number: int, limit: int) -> list[int]:
    """The next numbers of incidents, which are those of later commits."""
    rows = conn.execute("SELECT id FROM incidents WHERE id > ? ORDER BY id LIMIT ?", (number, limit))
    return [found for (found,) in rows]


def _page(
    conn: apsw.Connection,
    now: datetime,
    query: str,
    bindings: Mapping[str, object],
    limit: int,
    room: int | None,
) -> Page[IncidentRow]:
    muted = mutes(conn, now)
    with closing(conn.execute(query, bindings)) as rows:
        found = page(rows, lambda row: len(row[3]) + len(row[4]) + len(row[14] or ""), limit=limit, room=room)
    unsent: dict[int, list[str]] = {}
    for number, channel in conn.execute(_NOT_TAKEN, (json.dumps([row[0] for row in found.rows]),)):
        unsent.setdefault(number, []).append(channel)
    present = present_ids(conn)
    return Page(
        [
            _incident(row, unsent.get(row[0], []), muted.end_of(row[2]) is not None, present)
            for row in found.rows
        ],
        found.more,
    )


def open_incidents(conn: apsw.Connection) -> int:
    """How many incidents are not over."""
    found: int = conn.execute("SELECT count(*) FROM incidents WHERE closed_at IS NULL").get
    return found


def _incident(
    row: Sequence[Any], unsent: list[str], is_muted: bool, present: Callable[[str, str], str]
) -> IncidentRow:
    number, cause, job_id, subject, facts, count, run_id, *rest = row
    opened_at, told_at, said_at, remind_at, channels, closed_at, closed_by, *rest = rest
    message, alert, on_failure = rest
    return {
        "id": number,
        "cause": cause,
        "job_id": job_id if job_id is None or closed_at is None else present(job_id, closed_at),
        "subject": subject,
        "what": _what(json.loads(facts), message),
        "count": count,
        "run_id": run_id,
        "opened_at": opened_at,
        "told_at": told_at,
        "said_at": said_at,
        "remind_at": remind_at,
        "channels": list(addresses_of(channels)),
        "unsent": unsent,
        "muted": is_muted and closed_at is None,
        "untold": None
        if told_at is not None or closed_at is not None
        else _untold(
            is_muted,
            cause in COUNTED and count < policy_of(alert).after,
            bool(addresses_of(channels) or addresses_of(on_failure)),
        ),
        "closed_at": closed_at,
        "closed_by": closed_by,
    }


def _untold(is_muted: bool, are_too_few: bool, has_channel: bool) -> Untold:
    if are_too_few:
        return "too_few"
    if not has_channel:
        return "no_channel"
    return "muted" if is_muted else "next_time"


def _what(facts: dict[str, Any], message: str | None) -> str | None:
    if facts.get("words"):
        return one_line(str(facts["words"]))
    if message:
        return one_line(message)
    if facts.get("signal"):
        return f"ended by {one_line(str(facts['signal']))}"
    return f"exit code {facts['exit_code']}" if "exit_code" in facts else None
