"""How much there is of what, for programs that watch the runner: counts alone, each found by an index."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.graph.freshness import Expected
from jeeves_runner.db import freshness, message_list, queue_claims, queue_contents, queues
from jeeves_runner.db.backfills import ACTIVE
from jeeves_runner.db.file_upkeep import wal_bytes
from jeeves_runner.db.queue_contents import QueueCounts
from jeeves_runner.db.run_states import RUNNING, WAITING
from jeeves_runner.db.unreadable import time_or_none


class Measures(NamedTuple):
    """One database at one moment."""

    jobs: list[str]
    """The ids of the live jobs, so many as were asked for."""
    all_jobs: int
    """How many live jobs there are."""
    running: int
    """Runs that run."""
    waiting: Mapping[str, int]
    """Runs that wait, by reason; of those that no runner has decided about the reason is empty."""
    queues: Mapping[str, QueueCounts]
    """The queues that are declared or hold items, by id."""
    ended_leases: int
    """Claims that ended with their lease, ever."""
    incidents: Mapping[str, int]
    """Incidents that are open, by cause."""
    messages: int
    """Messages that wait."""
    oldest_message: float | None
    """Seconds since the oldest of them was to be sent; None: none waits."""
    failed_messages: int
    """Messages that were given up of late on channels that have taken none since."""
    backfills: int
    """Backfills that go on."""
    expected: list[Expected]
    """The data that is to be written again and again."""
    database_bytes: int
    """The size of the database, without its log."""
    wal_bytes: int
    """The size of that log's file."""
    sqlite: str
    """The version of SQLite."""


_OLDEST_MESSAGE: Final = """
SELECT created_at FROM outbox WHERE id = (SELECT min(id) FROM outbox INDEXED BY outbox_pending
WHERE status = 'pending')
"""


def measures(conn: apsw.Connection, now: datetime, jobs: int) -> Measures:
    """All of them, with the ids of up to so many jobs. To be called in a snapshot."""
    messages = message_list.message_counts(conn, now)
    return Measures(
        jobs=[
            job_id
            for (job_id,) in conn.execute(
                "SELECT id FROM jobs WHERE deleted_at IS NULL ORDER BY id LIMIT ?", (jobs,)
            )
        ],
        all_jobs=_count(conn, "jobs WHERE deleted_at IS NULL"),
        running=_count(conn, f"runs WHERE {RUNNING}"),
        waiting=_by(conn, "coalesce(reason, '')", f"runs WHERE {WAITING}"),
        queues=_queues(conn, now),
        ended_leases=queue_claims.ended_leases(conn),
        incidents=_by(conn, "cause", "incidents INDEXED BY incidents_open WHERE closed_at IS NULL"),
        messages=messages.waiting,
        oldest_message=_age(conn.execute(_OLDEST_MESSAGE).get, now),
        failed_messages=messages.failed,
        backfills=_count(conn, f"backfills WHERE {ACTIVE}"),
        expected=freshness.expected(conn),
        database_bytes=conn.pragma("page_count") * conn.pragma("page_size"),
        wal_bytes=wal_bytes(conn),
        sqlite=apsw.sqlite_lib_version(),
    )


def _queues(conn: apsw.Connection, now: datetime) -> dict[str, QueueCounts]:
    gone = {row.id for row in queues.queue_rows(conn) if row.deleted_at is not None}
    return {
        name: counts
        for name, counts in queue_contents.queue_counts(conn, now).items()
        if name not in gone or counts.depth or counts.claimed or counts.failed
    }


def _count(conn: apsw.Connection, of: str) -> int:
    count: int = conn.execute(f"SELECT count(*) FROM {of}").get
    return count


def _by(conn: apsw.Connection, what: str, of: str) -> dict[str, int]:
    rows = conn.execute(f"SELECT {what}, count(*) FROM {of} GROUP BY 1")
    return {str(name): int(str(count)) for name, count in rows}


def _age(text: str | None, now: datetime) -> float | None:
    at = None if text is None else time_or_none(text, "a message", "created_at")
    return None if at is None else max(0.0, (now - at).total_seconds())
