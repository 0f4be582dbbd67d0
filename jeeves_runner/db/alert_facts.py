"""What a message tells of, read when it is written: a run, its job, what has changed since it was ok."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

import apsw

from jeeves_runner.core.alerts.telling import Changed, Lasting, Telling, ToldJob, ToldRun
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.manifest_words import field_in_words
from jeeves_runner.core.model import JobSpec, RunStatus, Trigger
from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db import overrides, skips
from jeeves_runner.db.jobs import JobRow, job_row
from jeeves_runner.db.outbox import Pending
from jeeves_runner.db.unreadable import time_or_none

USUAL_OF: Final = 20
"""Runs of which the median is taken."""
USUAL_LEAST: Final = 5
"""Fewer say nothing."""

_NEWEST: Final = 2**63 - 1
_INSTANT: Final = timedelta(microseconds=1)

# Both go by an index of the runs that were ok: thousands may have failed since, or had nothing to do.
USUAL: Final = """
SELECT duration_ms FROM runs
WHERE job_id = :job AND id < :before AND status = 'ok' AND duration_ms IS NOT NULL
ORDER BY id DESC LIMIT :most
"""
LAST_OK: Final = """
SELECT revision_id, script_hash FROM runs
WHERE job_id = :job AND id < :before AND status = 'ok' ORDER BY id DESC LIMIT 1
"""


def usual_ms(
    conn: apsw.Connection, job_id: str, before: int | None = None, *, least: int = USUAL_LEAST
) -> int | None:
    """How long runs of a job usually take: the median of its last ``USUAL_OF`` that were ok, in milliseconds;
    None for fewer than ``least``. ``before``: only of runs that entered before this one."""
    last = _NEWEST if before is None else before
    rows = conn.execute(USUAL, {"job": job_id, "before": last, "most": USUAL_OF})
    lengths = [length for (length,) in rows]
    return round(median(lengths)) if len(lengths) >= least else None


def told_job(conn: apsw.Connection, job_id: str, now: datetime | None) -> ToldJob | None:
    """A job as a message shows it, without what comes next if ``now`` is None; None if there is no row."""
    row = job_row(conn, job_id)
    if row is None:
        return None
    spec = _spec(row)
    return ToldJob(
        id=job_id,
        name=job_id if spec is None else spec.name,
        owner=None if spec is None else spec.owner,
        timezone="UTC" if spec is None else spec.timezone,
        coming=None if spec is None or now is None else _coming(conn, row, spec, now),
        usual_ms=usual_ms(conn, job_id),
    )


def told_run(conn: apsw.Connection, run_id: int, *, with_outputs: bool = True) -> ToldRun | None:
    """A run as a message shows it; None if it has been deleted."""
    row = conn.execute(_RUN, {"run": run_id, "with_outputs": with_outputs}).fetchone()
    return None if row is None else _run(run_id, row)


def changed_since_ok(conn: apsw.Connection, job_id: str, run_id: int) -> Changed | None:
    """What is different of a run's job since the last run that was ok; None: nothing, or nothing was ok."""
    run = conn.execute("SELECT revision_id, script_hash FROM runs WHERE id = ?", (run_id,)).fetchone()
    ok = conn.execute(LAST_OK, {"job": job_id, "before": run_id}).fetchone()
    if run is None or ok is None:
        return None
    (revision, script), (revision_then, script_then) = run, ok
    rows = conn.execute(_CHANGES, (revision_then, revision, job_id)).fetchall()
    fields = dict.fromkeys(field_in_words(str(path), None)[0].partition(".")[0] for _, _, _, path in rows)
    if script is not None and script_then not in (None, script):
        fields["script"] = None
    if not fields:
        return None
    origin: Sequence[Any] = rows[0][:3] if rows else (None, None, None)
    return Changed(tuple(fields), *origin)


_RUN: Final = """
SELECT status,
  coalesce((SELECT first.trigger FROM runs AS first WHERE first.id = runs.chain_id), trigger), attempt,
  max(attempt, 1 + coalesce((SELECT spec ->> '$.retries.limit' FROM jobs WHERE jobs.id = job_id), 0)),
  scheduled_for, last_for, occurrences, started_at, duration_ms, exit_code, signal, message, reason,
  iif(:with_outputs, stdout, NULL), iif(:with_outputs, stderr, NULL)
FROM runs WHERE id = :run
"""
_CHANGES: Final = """
SELECT "commit", author, subject, field.value ->> '$.path'
FROM revisions, json_each(changes) AS change, json_each(change.value, '$.fields') AS field
WHERE revisions.id > ? AND revisions.id <= ?
  AND change.value ->> '$.kind' = 'job' AND change.value ->> '$.id' = ?
ORDER BY revisions.id DESC LIMIT 100
"""


def _spec(row: JobRow) -> JobSpec | None:
    try:
        return job_from_text(row.spec_text)
    except SpecError:  # changed by hand
        return None


def _coming(conn: apsw.Connection, row: JobRow, spec: JobSpec, now: datetime) -> datetime | None:
    if row.deleted_at is not None or not row.enabled or not spec.schedule:
        return None
    try:
        schedule = parse_schedule(spec.schedule, spec.timezone, row.namespace, spec.exclude)
    except ScheduleError:
        return None
    paused_until = overrides.pauses(conn, now).end_of(row.id)
    if paused_until == overrides.UNTIL_RESUMED:
        return None
    # An occurrence at the moment at which the pause ends does run.
    since = now if paused_until is None else paused_until - _INSTANT
    return skips.next_wanted(schedule, since, skips.coming_times(conn, now, [row.id]).get(row.id, ()))


def _run(run_id: int, row: Sequence[Any]) -> ToldRun:
    values = dict(zip(ToldRun._fields, (run_id, *row), strict=True))
    for name in ("scheduled_for", "last_for", "started_at"):
        text = values[name]
        values[name] = None if text is None else time_or_none(text, f"run {run_id}", name)
    return ToldRun(**{**values, "status": RunStatus(values["status"]), "trigger": Trigger(values["trigger"])})


def telling_of(conn: apsw.Connection, row: Pending, now: datetime, *, in_full: bool = True) -> Telling:
    """All that a row of the outbox says; else what its title says, for one of many: no outputs, which may be
    long, and not what has changed or comes next, which takes time to find."""
    job = None if row.job_id is None else told_job(conn, row.job_id, now if in_full else None)
    run = None if row.run_id is None else told_run(conn, row.run_id, with_outputs=in_full)
    changed = None
    is_of_work = in_full and row.cause in _OF_WORK and row.said is not Said.RECOVERED
    if job is not None and run is not None and is_of_work:
        changed = changed_since_ok(conn, job.id, run.id)
    return Telling(
        said=row.said,
        cause=row.cause,
        at=row.created_at,
        now=now,
        job=job,
        run=run,
        incident=None if row.incident_id is None else _lasting(conn, row.incident_id),
        changed=changed,
        facts=row.facts,
    )


_OF_WORK: Final = (Cause.FAILURE, Cause.INTERRUPTED, Cause.OVERRUN)
"""The causes for which it matters what has changed."""


def _lasting(conn: apsw.Connection, incident_id: int) -> Lasting | None:
    row = conn.execute(
        'SELECT opened_at, "count", closed_at FROM incidents WHERE id = ?', (incident_id,)
    ).fetchone()
    if row is None:
        return None
    opened_at, times, closed_at = row
    where = f"incident {incident_id}"
    opened = time_or_none(opened_at, where, "opened_at")
    closed = None if closed_at is None else time_or_none(closed_at, where, "closed_at")
    return None if opened is None else Lasting(incident_id, opened, times, closed)
