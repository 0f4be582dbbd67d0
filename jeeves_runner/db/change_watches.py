"""The ``change_watches`` table: what was last seen of the files whose changes start a job."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.causes import MOST_NAMED, Causes
from jeeves_runner.core.changes import Prints
from jeeves_runner.core.model import OverlapPolicy, Trigger
from jeeves_runner.db.overrides import job_is_paused
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.run_states import ACTIVE, RUNNING
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none

DATASTORE: Final = "datastore:"
"""How the name of a node begins that is watched; all else is a pattern of paths."""

# A spec is canonical JSON, within whose texts no quote stands by itself.
_WANTED: Final = "deleted_at IS NULL AND enabled AND instr(spec, '\"on_change\":{')"


class Watched(NamedTuple):
    """A live and enabled job that changes of files start."""

    job_id: str
    """The job."""
    debounce: timedelta
    """How long the files are to rest."""
    places: Mapping[str, str | None]
    """What is watched, as the job names it; of a datastore where it is, None if no manifest says that."""
    watched: str | None
    """Of what something has been seen, as ``take`` was told; None: nothing has."""
    prints: Prints | None
    """What was last taken of it."""
    taken_at: datetime | None
    """When that was."""
    changed_at: datetime | None
    """When a change was first seen that has started nothing yet; None: none was."""


def watched(conn: apsw.Connection, job_id: str | None = None) -> list[Watched]:
    """All of them, by id; or the one of that id, if it is one."""
    only = "" if job_id is None else "id = :job AND "
    rows: list[tuple[Any, ...]] = conn.execute(
        "SELECT id, spec -> '$.on_change', watched, fingerprint, taken_at, changed_at FROM jobs"
        f" LEFT JOIN change_watches ON job_id = id WHERE {only}{_WANTED} ORDER BY id",
        {"job": job_id},
    ).fetchall()
    return [
        Watched(
            job_id,
            timedelta(milliseconds=(said := json.loads(text))["debounce_ms"]),
            {of: _path_of(conn, of) if of.startswith(DATASTORE) else of for of in said["of"]},
            hashed,
            None if prints is None else _prints(prints),
            _time(taken_at),
            _time(changed_at),
        )
        for job_id, text, hashed, prints, taken_at, changed_at in rows
    ]


def _time(text: str | None) -> datetime | None:
    return None if text is None else time_or_none(text, "files that start a job", "time")


def _prints(text: str) -> Prints | None:
    """None where the row was changed by hand so that it says nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _path_of(conn: apsw.Connection, node: str) -> str | None:
    path: str | None = conn.execute("SELECT path FROM nodes WHERE id = ? AND deleted_at IS NULL", (node,)).get
    return path


def left_over(conn: apsw.Connection) -> list[str]:
    """The jobs of which something was seen, and that changes start no more."""
    rows = conn.execute(
        f"SELECT job_id FROM change_watches WHERE job_id NOT IN (SELECT id FROM jobs WHERE {_WANTED})"
    )
    return [str(job_id) for (job_id,) in rows]


def forget(tx: Tx, job_ids: Sequence[str]) -> None:
    """Let the next look at the files of these jobs only take what it sees."""
    ids = json.dumps(list(job_ids))
    tx.conn.execute("DELETE FROM change_watches WHERE job_id IN (SELECT value FROM json_each(?))", (ids,))


def take(tx: Tx, job_id: str, watched: str, prints: Prints) -> None:
    """Note what the first look at the files of a job has seen. ``watched``: a hash of what is looked at."""
    tx.conn.execute(
        "INSERT INTO change_watches (job_id, watched, fingerprint, taken_at)"
        " SELECT id, ?, ?, ? FROM jobs WHERE id = ?"
        " ON CONFLICT (job_id) DO UPDATE SET watched = excluded.watched, fingerprint = excluded.fingerprint,"
        " taken_at = excluded.taken_at, changed_at = NULL",
        (watched, json.dumps(prints), tx.at, job_id),
    )


def note_change(tx: Tx, job_id: str, since: datetime | None) -> None:
    """Note when the files of a job were first seen to be changed, for people; None: they are as before."""
    tx.conn.execute(
        "UPDATE change_watches SET changed_at = ? WHERE job_id = ?", (since and to_text(since), job_id)
    )


class Changed(NamedTuple):
    """A change of files that has settled."""

    job_id: str
    """The job that it starts."""
    watched: str
    """As ``take`` was told."""
    before: Prints
    """What was taken of the files before."""
    after: Prints
    """What they are now."""
    of: str
    """What has changed, as the job names it; the first of several."""
    place: str
    """Where that is."""
    since: datetime
    """The runs that ended before this moment have not changed them ..."""
    until: datetime
    """... and neither have those that began after this one."""


def start(tx: Tx, change: Changed) -> int | None:
    """Take a change, and enter the run that it starts; the run's id.

    None, and nothing is taken, while the job is paused, and while a run of it waits or runs and its
    ``overlap_policy`` is ``skip`` or ``queue``: one run follows then. None too if it was taken before.
    """
    if not may_start(tx.conn, change.job_id, tx.now):
        return None
    tx.conn.execute(
        "UPDATE change_watches SET fingerprint = :after, taken_at = :at, changed_at = NULL"
        " WHERE job_id = :job AND watched = :watched AND json(fingerprint) = json(:before)",
        {
            "job": change.job_id,
            "watched": change.watched,
            "before": json.dumps(change.before),
            "after": json.dumps(change.after),
            "at": tx.at,
        },
    )
    if not tx.conn.changes():
        return None
    causes, depth = _causes(tx.conn, change)
    return request_run(tx, RunRequest(change.job_id, Trigger.CHANGE, caused_by=causes, depth=depth))


def may_start(conn: apsw.Connection, job_id: str, now: datetime) -> bool:
    """Whether a change may start a job now."""
    row = conn.execute(_JOB, {"job": job_id}).fetchone()
    if row is None or job_is_paused(conn, job_id, now):
        return False
    overlap_policy, is_active = row
    return not is_active or overlap_policy not in (OverlapPolicy.SKIP, OverlapPolicy.QUEUE)


_JOB: Final = f"""
SELECT overlap_policy, EXISTS (SELECT 1 FROM runs WHERE {ACTIVE} AND job_id = :job)
FROM jobs WHERE id = :job AND {_WANTED}
"""


def _causes(conn: apsw.Connection, change: Changed) -> tuple[Causes, int]:
    """What a change follows from, and over how many runs."""
    is_node = change.of.startswith(DATASTORE)
    rows: list[tuple[Any, ...]] = conn.execute(
        _WRITERS,
        {
            "node": change.of,
            "place": change.place,
            "job": change.job_id,
            "since": to_text(change.since),
            "until": to_text(change.until),
        },
    ).fetchall()
    runs = tuple(run_id for run_id, _ in rows)
    causes = Causes(
        runs=runs[-MOST_NAMED:],
        total=len(runs) if len(runs) > MOST_NAMED else None,
        node=change.of if is_node else None,
        path=None if is_node else change.of,
    )
    return causes, max((depth + 1 for _, depth in rows), default=0)


_WRITERS: Final = f"""
WITH writers (id) AS (
  SELECT job_id FROM edges WHERE relation = 'writes' AND job_id <> :job
    AND node IN (SELECT :node UNION SELECT id FROM nodes WHERE path = :place AND deleted_at IS NULL))
SELECT id, depth FROM (
  SELECT id, depth, started_at FROM runs WHERE {RUNNING} AND +job_id IN (SELECT id FROM writers)
  UNION
  SELECT id, depth, started_at FROM runs WHERE finished_at >= :since AND +job_id IN (SELECT id FROM writers))
WHERE started_at <= :until ORDER BY id
"""
