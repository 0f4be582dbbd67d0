"""The ``freshness`` table: when data was last written with success, or found to need no writing."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.words import Cause, ClosedBy
from jeeves_runner.core.graph.freshness import Expected, Written, stale_facts
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Run
from jeeves_runner.db import alerting, incidents
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none

_WRITTEN: Final = """
INSERT INTO freshness (node, fresh_at, job_id, run_id)
SELECT node, :at, job_id, :run FROM edges
WHERE job_id = :job AND relation = 'writes' AND (node >= 'datastore:' AND node < 'datastore;'
                                                 OR node >= 'sink:' AND node < 'sink;')
ON CONFLICT (node) DO UPDATE SET fresh_at = excluded.fresh_at, job_id = excluded.job_id,
  run_id = excluded.run_id WHERE excluded.fresh_at >= fresh_at
"""


def written(tx: Tx, run: Run) -> None:
    """Note what the end of a chain proves fresh: all datastores and sinks that its job writes, where its last
    run was ok, or was skipped by its own word. One of a backfill proves nothing.

    Of a job that writes none this costs one look into an index.
    """
    if run.backfill_id is None and (run.status is RunStatus.OK or run.found_nothing_to_do):
        at = tx.at if run.finished_at is None else to_text(run.finished_at)
        tx.conn.execute(_WRITTEN, {"job": run.job_id, "run": run.id, "at": at})


_FOUND_NOTHING: Final = "EXISTS (SELECT 1 FROM runs WHERE runs.id = run_id AND runs.status = 'skipped')"
_EXPECTED: Final = f"""
SELECT nodes.id, fresh_within_ms, nodes.created_at, fresh_at, freshness.job_id, run_id,
  (SELECT json_group_array(job_id ORDER BY job_id) FROM edges JOIN jobs ON jobs.id = job_id
   WHERE node = nodes.id AND relation = 'writes' AND deleted_at IS NULL AND enabled),
  {_FOUND_NOTHING}
FROM nodes LEFT JOIN freshness ON node = nodes.id
WHERE fresh_within_ms IS NOT NULL AND nodes.deleted_at IS NULL
"""


def expected(conn: apsw.Connection) -> list[Expected]:
    """The live nodes whose data is to be written again and again. Those of which a row was changed by hand so
    that it holds no time are left out."""
    rows = conn.execute(f"{_EXPECTED} ORDER BY nodes.id").fetchall()
    return [found for row in rows if (found := _expected(row)) is not None]


def expected_of(conn: apsw.Connection, node: str) -> Expected | None:
    """The same of one node; None where nothing is expected of it."""
    row = conn.execute(f"{_EXPECTED} AND nodes.id = ?", (node,)).fetchone()
    return None if row is None else _expected(row)


def _expected(row: Sequence[Any]) -> Expected | None:
    node, within_ms, created_text, fresh_text, written_by, run_id, writers, found_nothing = row
    created_at = time_or_none(created_text, f"node {node}", "created_at")
    fresh_at = None if fresh_text is None else time_or_none(fresh_text, f"freshness of {node}", "fresh_at")
    if created_at is None or not isinstance(within_ms, int):
        return None
    jobs = tuple(json.loads(writers))
    return Expected(node, within_ms, created_at, fresh_at, written_by, run_id, jobs, bool(found_nothing))


def last_written(conn: apsw.Connection, node: str) -> Written | None:
    """When a node was last written, whether or not it is declared; None: never."""
    row = conn.execute(_LAST_WRITTEN, (node,)).fetchone()
    at = None if row is None else time_or_none(str(row[0]), f"freshness of {node}", "fresh_at")
    return None if row is None or at is None else Written(at, str(row[1]), int(str(row[2])), bool(row[3]))


_LAST_WRITTEN: Final = f"SELECT fresh_at, job_id, run_id, {_FOUND_NOTHING} FROM freshness WHERE node = ?"


class OpenStale(NamedTuple):
    """An incident of a node that is stale."""

    id: int
    """Its number."""
    job_id: str | None
    """The job in whose name it was told; None: none."""
    node: str
    """Which node."""
    is_told: bool
    """Whether people know of it, or there is a time at which they will."""


def open_incidents(conn: apsw.Connection) -> list[OpenStale]:
    """Those that are open, oldest first."""
    rows = conn.execute(
        "SELECT id, job_id, subject, remind_at IS NOT NULL OR told_at IS NOT NULL FROM incidents"
        " WHERE closed_at IS NULL AND cause = 'stale' ORDER BY +id"
    )
    return [OpenStale(number, job_id, node, bool(is_told)) for number, job_id, node, is_told in rows]


def note(
    tx: Tx,
    opened: Sequence[str],
    over: Sequence[OpenStale],
    dropped: Sequence[OpenStale],
    fallback: tuple[str, ...],
) -> None:
    """Tell that nodes are stale, as far as they are, and that others are no more.

    ``dropped``: those of which nothing is expected any more; nothing is said of them. ``fallback``: where it
    is told of nodes that no job writes.
    """
    open_now = {each.node: each for each in open_incidents(tx.conn)}
    for node in opened:
        found = expected_of(tx.conn, node)
        if found is None or not found.is_stale(tx.now):  # it was written meanwhile
            continue
        known = open_now.get(node)
        job_id = found.told_of if known is None else known.job_id
        zone = tx.conn.execute("SELECT timezone FROM jobs WHERE id = ?", (job_id,)).get or "UTC"
        what = Happened(
            Cause.STALE,
            job_id,
            subject=node,
            times=1 if known is None else 0,
            facts=stale_facts(found, str(zone)),
            channels=fallback if job_id is None else (),
            since=found.stale_from,
        )
        alerting.report(tx, what)
    for each in over:
        by = expected_of(tx.conn, each.node)
        run_id = None if by is None or by.written_by != each.job_id else by.run_id
        alerting.went_well(tx, each.job_id, [Cause.STALE], each.node, run_id=run_id)
    for each in dropped:
        incidents.close(tx, each.id, ClosedBy.DELETED)
