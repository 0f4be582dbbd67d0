"""Pauses: what people say about a job outside its manifest. Expired ones count as ended."""

from datetime import datetime

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.db import audit
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import NotFound

Pauses = dict[str, datetime | None]
"""Until when each paused job is paused; None: until resumed."""


def pause(tx: Tx, job_id: str, *, until: datetime | None, reason: str | None, by: str) -> None:
    """Pause a live job; replaces the pause it has. NotFound for a job that is not there."""
    job = tx.conn.execute("SELECT 1 FROM jobs WHERE id = ? AND deleted_at IS NULL", (job_id,)).fetchone()
    if job is None:
        raise NotFound(f"there is no job {job_id}", hint="`jeeves-runner jobs` lists what there is")
    _end(tx, job_id)
    end = None if until is None else to_text(until)
    tx.conn.execute(
        "INSERT INTO overrides (job_id, kind, until, reason, created_by, created_at)"
        " VALUES (?, 'pause', ?, ?, ?, ?)",
        (job_id, end, reason, by, tx.at),
    )
    audit.record(tx, actor=by, action="pause", target=f"job {job_id}", detail=reason)


def resume(tx: Tx, job_id: str, *, by: str) -> bool:
    """End the pause of a job; whether it was in force."""
    was_paused = job_is_paused(tx.conn, job_id, tx.now)
    _end(tx, job_id)
    if was_paused:
        audit.record(tx, actor=by, action="resume", target=f"job {job_id}")
    return was_paused


def job_is_paused(conn: apsw.Connection, job_id: str, now: datetime) -> bool:
    """Whether a pause of this job is in force."""
    row = conn.execute(
        "SELECT until FROM overrides WHERE job_id = ? AND kind = 'pause' AND ended_at IS NULL", (job_id,)
    ).fetchone()
    return row is not None and (row[0] is None or from_text(row[0]) > now)


def pauses(conn: apsw.Connection, now: datetime) -> Pauses:
    """All pauses in force."""
    rows = conn.execute("SELECT job_id, until FROM overrides WHERE kind = 'pause' AND ended_at IS NULL")
    found = {job_id: None if until is None else from_text(until) for job_id, until in rows}
    return {job_id: until for job_id, until in found.items() if until is None or until > now}


def _end(tx: Tx, job_id: str) -> None:
    tx.conn.execute(
        "UPDATE overrides SET ended_at = ? WHERE job_id = ? AND kind = 'pause' AND ended_at IS NULL",
        (tx.at, job_id),
    )
