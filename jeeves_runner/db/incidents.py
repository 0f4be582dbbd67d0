"""The ``incidents`` table: what is wrong and not over, and what was; ``core.alerts.machine`` decides."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.machine import Incident, muted
from jeeves_runner.core.alerts.policy import addresses_of
from jeeves_runner.core.alerts.words import Cause, ClosedBy
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.db.waits import Wait

WORDS: Final = Wait("incidents", "remind_at", "remind_ms", "closed_at IS NULL AND remind_at IS NOT NULL")
"""Incidents of which there will be something to say."""

# As the index has it.
_OF_JOB: Final = "coalesce(job_id, '') = :job AND closed_at IS NULL"
_LONG_AGO: Final = datetime.fromtimestamp(0, UTC)


class OpenIncident(NamedTuple):
    """A row of something that is wrong and not over."""

    id: int
    """Given once, and never again."""
    cause: Cause
    """What is wrong."""
    job_id: str | None
    """With which job; None: with none."""
    subject: str
    """With what besides: a manifest, a node; empty: nothing."""
    run_id: int | None
    """The newest run of it, which may be deleted by now."""
    facts: Mapping[str, Any]
    """What was noted of the newest of it."""
    state: Incident
    """What has been said of it, and what is to be said."""


_COLUMNS: Final = (
    "id, cause, job_id, subject, run_id, facts, opened_at, count, told_at, said_at, remind_at, remind_ms,"
    " channels"
)


def find(conn: apsw.Connection, job_id: str | None, cause: Cause, subject: str) -> OpenIncident | None:
    """The open incident of this; there is one at most."""
    rows = _rows(
        conn,
        f"{_OF_JOB} AND cause = :cause AND subject = :subject",
        {"job": job_id or "", "cause": cause, "subject": subject},
    )
    return rows[0] if rows else None


def of_causes(
    conn: apsw.Connection, job_id: str | None, causes: Collection[Cause], subject: str
) -> list[OpenIncident]:
    """The open incidents of one job, or of none, for these causes, oldest first."""
    bindings = {"job": job_id or "", "causes": json.dumps(list(causes)), "subject": subject}
    return _rows(
        conn,
        f"{_OF_JOB} AND subject = :subject AND cause IN (SELECT value FROM json_each(:causes)) ORDER BY id",
        bindings,
    )


def all_open(conn: apsw.Connection) -> list[OpenIncident]:
    """All that are open, oldest first."""
    # Not in the order of the table, which would be walked through: it holds all that there ever were.
    return _rows(conn, "closed_at IS NULL ORDER BY +id", {})


def due(conn: apsw.Connection, now: datetime, limit: int) -> list[OpenIncident]:
    """Those of which something is to be said by now, if nothing holds it back: the most overdue first, and
    ``limit`` at most."""
    condition = f"{WORDS.lasts} AND remind_at <= :at ORDER BY remind_at, id LIMIT :limit"
    return _rows(conn, condition, {"at": to_text(now), "limit": limit})


def next_due(conn: apsw.Connection, now: datetime) -> datetime | None:
    """When the next of them will be, or was; ``now`` for one changed by hand, which a look puts right."""
    row = conn.execute(
        f"SELECT id, remind_at FROM incidents WHERE {WORDS.lasts} ORDER BY remind_at LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    incident_id, text = row
    at = time_or_none(text, f"incident {incident_id}", "remind_at")
    return now if at is None and text <= to_text(now) else at


def put_off(tx: Tx, incident_id: int, until: datetime) -> None:
    """Look at one that is open no sooner than then: nothing can be said of it now."""
    tx.conn.execute(
        "UPDATE incidents SET remind_at = ?, remind_ms = NULL WHERE id = ? AND closed_at IS NULL",
        (to_text(until), incident_id),
    )


def look_again(tx: Tx, job_id: str | None) -> None:
    """Have what was put off be looked at now, of one job or of all: what held it back has changed."""
    of_these = "true" if job_id is None else _OF_JOB
    tx.conn.execute(
        f"UPDATE incidents SET remind_at = :at, remind_ms = 0 WHERE {WORDS.lasts} AND remind_ms IS NULL"
        f" AND {of_these}",
        {"at": tx.at, "job": job_id},
    )


def insert(
    tx: Tx,
    cause: Cause,
    job_id: str | None,
    subject: str,
    run_id: int | None,
    facts: Mapping[str, Any],
    state: Incident,
) -> int:
    """Record a new one; its id."""
    tx.conn.execute(
        "INSERT INTO incidents (cause, job_id, subject, run_id, facts, opened_at, count, told_at, said_at,"
        " remind_at, remind_ms, channels) VALUES (:cause, :job_id, :subject, :run_id, :facts, :opened_at,"
        " :times, :told_at, :said_at, :remind_at, :remind_ms, :channels)",
        {
            "cause": cause,
            "job_id": job_id,
            "subject": subject,
            "run_id": run_id,
            "facts": json.dumps(facts),
            **_bindings(tx, state),
        },
    )
    return tx.conn.last_insert_rowid()


def count(tx: Tx, incident_id: int, times: int, run_id: int | None, facts: Mapping[str, Any]) -> None:
    """Record that one that is open has happened again, and what is known of the newest of it.

    Mostly that is all: no index is written.
    """
    tx.conn.execute(
        "UPDATE incidents SET count = ?, run_id = coalesce(?, run_id), facts = ?"
        " WHERE id = ? AND closed_at IS NULL",
        (times, run_id, json.dumps(facts), incident_id),
    )


def change(tx: Tx, incident_id: int, state: Incident) -> None:
    """Record what has been said of one that is open, and what is to be said."""
    tx.conn.execute(
        "UPDATE incidents SET told_at = :told_at, said_at = :said_at, remind_at = :remind_at,"
        " remind_ms = :remind_ms, channels = :channels WHERE id = :id AND closed_at IS NULL",
        {"id": incident_id, **_bindings(tx, state)},
    )


def untaken(conn: apsw.Connection, message_ids: Sequence[int]) -> list[OpenIncident]:
    """The open incidents of these messages of which no message was sent, and none waits."""
    return _rows(
        conn,
        "id IN (SELECT incident_id FROM outbox WHERE id IN (SELECT value FROM json_each(:messages)))"
        " AND closed_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE incident_id = incidents.id AND status <> 'failed')",
        {"messages": json.dumps(list(message_ids))},
    )


def hasten_untold(tx: Tx, channel: str | None = None, job_ids: Sequence[str] | None = None) -> None:
    """Let what is to be told later, because no channel has taken it, be told now: all of it, or that of one
    channel, or of some jobs."""
    conditions = [WORDS.lasts, "remind_at > :at", "told_at IS NULL"]
    if channel is not None:
        conditions.append("EXISTS (SELECT 1 FROM json_each(channels) WHERE value = :channel)")
    if job_ids is not None:
        conditions.append("coalesce(job_id, '') IN (SELECT value FROM json_each(:jobs))")
    tx.conn.execute(
        f"UPDATE incidents SET remind_at = :at, remind_ms = 0 WHERE {' AND '.join(conditions)}",
        {"at": tx.at, "channel": channel, "jobs": json.dumps(job_ids)},
    )


def begin_mute(tx: Tx, job_id: str | None) -> None:
    """Let what people know of, of one job or of all, be said once more when no mute holds any longer."""
    condition = "closed_at IS NULL" if job_id is None else _OF_JOB
    for row in _rows(tx.conn, f"{condition} AND told_at IS NOT NULL", {"job": job_id}):
        change(tx, row.id, muted(row.state, tx.now))


def close(tx: Tx, incident_id: int, by: ClosedBy) -> None:
    """Record that one is over. Nothing will be said of it any more but what is in the outbox."""
    tx.conn.execute(
        "UPDATE incidents SET closed_at = ?, closed_by = ?, remind_at = NULL, remind_ms = NULL"
        " WHERE id = ? AND closed_at IS NULL",
        (tx.at, by, incident_id),
    )


def close_of_jobs(tx: Tx, job_ids: Iterable[str], by: ClosedBy) -> None:
    """The same of all that these jobs have."""
    tx.conn.execute(
        "UPDATE incidents SET closed_at = :at, closed_by = :by, remind_at = NULL, remind_ms = NULL"
        " WHERE coalesce(job_id, '') IN (SELECT value FROM json_each(:jobs)) AND closed_at IS NULL",
        {"at": tx.at, "by": by, "jobs": json.dumps(list(job_ids))},
    )


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete ``limit`` at most of those that were closed before then, and of which the outbox has no row. How
    many."""
    tx.conn.execute(
        "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE closed_at < :before"
        " AND NOT EXISTS (SELECT 1 FROM outbox WHERE incident_id = incidents.id)"
        " ORDER BY closed_at LIMIT :limit)",
        {"before": to_text(before), "limit": limit},
    )
    return tx.conn.changes()


def _rows(conn: apsw.Connection, condition: str, bindings: "apsw.Bindings") -> list[OpenIncident]:
    rows = conn.execute(f"SELECT {_COLUMNS} FROM incidents WHERE {condition}", bindings)
    return [_open_incident(row) for row in rows.fetchall()]


def _open_incident(row: Sequence[Any]) -> OpenIncident:
    incident_id, cause, job_id, subject, run_id, facts, *state = row
    opened_at, times, told_at, said_at, remind_at, remind_ms, channels = state

    def instant(text: str | None, column: str) -> datetime | None:
        return None if text is None else time_or_none(text, f"incident {incident_id}", column)

    known = Incident(
        opened_at=instant(opened_at, "opened_at") or _LONG_AGO,
        times=times,
        told_at=instant(told_at, "told_at"),
        said_at=instant(said_at, "said_at"),
        remind_at=instant(remind_at, "remind_at"),
        remind_ms=remind_ms,
        channels=addresses_of(channels),
    )
    return OpenIncident(incident_id, Cause(cause), job_id, subject, run_id, json.loads(facts), known)


def _bindings(tx: Tx, state: Incident) -> dict[str, Any]:
    """The values of the columns that hold the state."""

    def text(instant: datetime | None) -> str | None:
        # Mostly it is now, and an incident has four of them.
        if instant is None:
            return None
        return tx.at if instant is tx.now else to_text(instant)

    return {
        "opened_at": text(state.opened_at),
        "times": state.times,
        "told_at": text(state.told_at),
        "said_at": text(state.said_at),
        "remind_at": text(state.remind_at),
        "remind_ms": state.remind_ms,
        "channels": _as_json(state.channels),
    }


@lru_cache(maxsize=256)
def _as_json(channels: tuple[str, ...]) -> str:
    return json.dumps(channels)
