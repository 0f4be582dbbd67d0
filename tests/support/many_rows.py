"""The world of a database that has been in use for long: any number of rows in each table that grows.

``fill`` writes them as their writers leave them, in one transaction; a server that starts on it finds nothing
to clean up.
"""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from jeeves_runner.clock import to_text

JOB = "often"
QUEUE = "mail"
NAMESPACE = "often"
KEY = "k"

TABLES = (
    "runs", "queue_items", "state", "state_items", "revisions", "audit", "overrides", "incidents", "outbox",
    "effects", "run_causes",
)  # fmt: skip
"""Those that are filled."""

SMALL_TABLES = (
    "jobs", "queues", "manifest_files", "held", "source", "applying", "runner", "sequences", "migrations",
    "queue_counts", "queue_failures", "state_counts", "secret_params", "outbox_owner",
    "renames", "carries", "namespaces", "nodes", "edges", "freshness", "arrivals",
    "queue_triggers", "change_watches", "backfills", "tokens", "sessions",
)  # fmt: skip
"""Those that have a row for each thing that is declared or used, or fewer."""

_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
_TIME = "strftime('%Y-%m-%dT%H:%M:%S.000Z', :begin, '+' || (:seconds * i / :rows) || ' seconds')"
"""Of row ``i``, in the ten days before the last two hours."""

_EARLIER = _TIME.replace(":seconds", "(:seconds - 7200)")
"""Likewise, but none in the last four hours."""
_LONG_AGO = _EARLIER.replace("7200", "2 * 86400")
"""Likewise, but none in the last two days."""
_EVE = "strftime('%Y-%m-%dT%H:%M:%S.000Z', :begin, '+' || (:seconds - 7000) || ' seconds')"
"""A little less than four hours ago."""
_GAP = _EVE.replace("7000", "3600")
"""Three hours ago."""

_STATE = "INSERT INTO state (namespace, key, value, updated_at)"
_ITEMS = "INSERT INTO state_items (namespace, key, item_key, value, updated_at)"
_LATER = "strftime('%Y-%m-%dT%H:%M:%S.000Z', :begin, '+11 days')"
"""In a day."""

_STATEMENTS = (
    # One run in ten has failed, one in ten was skipped; every second one is an occurrence.
    f"""
    INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq, scheduled_for,
                      duration_ms, exit_code, reason, revision_id, epoch)
    SELECT :job, CASE i % 10 WHEN 0 THEN 'error' WHEN 1 THEN 'skipped' ELSE 'ok' END,
           iif(i % 2, 'schedule', 'manual'), {_TIME}, iif(i % 10 = 1, NULL, {_TIME}), {_TIME}, i,
           iif(i % 2, 'i' || i, NULL), 5, i % 10 = 0, iif(i % 10 = 1, 'overlap', NULL), 1, 1
    FROM n
    """,
    "UPDATE sequences SET value = :rows WHERE name = 'run_ends'",
    f"""
    INSERT INTO queue_items (queue_id, payload, status, created_at, priority, attempt, max_attempts, ready_at,
                             dedup_key)
    SELECT :queue, '{{"n": ' || i || '}}', 'pending', {_TIME}, i % 3, 0, 3, {_TIME}, i FROM n
    """,
    f"""
    INSERT INTO queue_items (queue_id, payload, status, created_at, completed_at, attempt, max_attempts,
                             ready_at, dedup_key, producer_run, producer_revision, run_id, run_revision)
    SELECT :queue, '1', iif(i % 2, 'completed', 'failed'), {_TIME}, {_TIME}, 1, 3, {_TIME}, 'same', 7, 1, 7, 1
    FROM n
    """,
    f"""
    INSERT INTO queue_items (queue_id, payload, status, created_at, claimed_at, attempt, max_attempts,
                             ready_at, lease_token, lease_until, lease_ms)
    SELECT :queue, '1', 'claimed', {_TIME}, {_TIME}, 1, 3, {_TIME}, 'token', {_LATER}, 2 * 86400000 FROM n
    """,
    # One run did as much as all the others.
    "INSERT INTO effects SELECT i, 'completed', :queue, 1 FROM n",
    "INSERT INTO effects SELECT 7, 'wrote', 'ns' || i, 1 FROM n",
    "INSERT INTO run_causes SELECT 7, i FROM n",
    f"{_STATE} SELECT :namespace, 'key' || i, '1', {_TIME} FROM n",
    f"{_STATE} SELECT 'ns' || i, 'key', '1', {_TIME} FROM n",
    f"{_ITEMS} SELECT :namespace, :key, 'item' || i, '1', {_TIME} FROM n",
    f"{_ITEMS} SELECT :namespace, 'with items ' || i, 'item', '1', {_TIME} FROM n",
    f"""
    INSERT INTO revisions (applied_at, applied_by, created, updated, deleted, drifted, changes, held,
                           consequences)
    SELECT {_TIME}, 'cli', 0, 0, 0, 0, '[]', '[]', '[]' FROM n
    """,
    "DELETE FROM audit",  # of now, numbered before those of earlier times: as if a clock had gone back
    f"INSERT INTO audit (at, actor, action, target) SELECT {_TIME}, 'cli', 'pause', 'job often' FROM n",
    f"""
    INSERT INTO overrides (job_id, kind, created_by, created_at, ended_at)
    SELECT :job, 'pause', 'cli', {_EARLIER}, {_EARLIER} FROM n
    """,
    # So that the next runner looks at a gap in which the job was paused.
    f"""
    INSERT INTO overrides (job_id, kind, created_by, created_at, ended_at)
    VALUES (:job, 'pause', 'cli', {_GAP}, {_GAP})
    """,
    f"""
    INSERT INTO overrides (job_id, kind, created_by, created_at, ended_at)
    SELECT :job, 'mute', 'cli', {_EARLIER}, {_EARLIER} FROM n
    """,
    f"""
    INSERT INTO overrides (job_id, kind, scheduled_for, until, created_by, created_at, ended_at)
    SELECT :job, 'skip', {_EARLIER}, {_EARLIER}, 'cli', {_EARLIER}, {_EARLIER} FROM n
    """,
    # Each was told, and over.
    f"""
    INSERT INTO incidents (cause, job_id, opened_at, count, run_id, told_at, said_at, channels, closed_at,
                           closed_by)
    SELECT 'failure', :job, {_TIME}, 1, i, {_TIME}, {_TIME}, '["C0123456"]', {_TIME}, 'recovered' FROM n
    """,
    f"""
    INSERT INTO outbox (channel, said, cause, incident_id, job_id, run_id, created_at, status, finished_at,
                        ref)
    SELECT 'C0123456', iif(half, 'recovered', 'opened'), 'failure', i, :job, i, {_TIME}, 'sent', {_TIME}, i
    FROM n, (SELECT 0 AS half UNION ALL SELECT 1)
    """,
    # One message for each of them was given up, before the last day.
    f"""
    INSERT INTO outbox (channel, said, job_id, created_at, status, finished_at, error)
    SELECT 'C0123457', 'event', :job, {_LONG_AGO},
           'failed', {_LONG_AGO}, 'it is archived'
    FROM n
    """,
    f"UPDATE jobs SET schedule_since = {_EVE}, decided_until = {_EVE} WHERE id = :job",
)

_HURRY = "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA temp_store = MEMORY"
"""Indexes are written in no order: what of them does not fit into the memory goes to the disk and comes back,
again and again."""


def fill(database: Path, rows: int) -> None:
    """``rows`` of each kind, about the one job and the one queue. The job and the queue are there."""
    begin = datetime.now(UTC) - timedelta(days=10, hours=2)
    bindings = {
        "rows": rows,
        "begin": to_text(begin).removesuffix("Z"),
        "seconds": 10 * 86400,
        "job": JOB,
        "queue": QUEUE,
        "namespace": NAMESPACE,
        "key": KEY,
    }
    with closing(apsw.Connection(str(database))) as conn:
        conn.execute(_HURRY)
        with conn:
            for statement in _STATEMENTS:
                conn.execute(f"{_NUMBERS} {statement}", bindings)
