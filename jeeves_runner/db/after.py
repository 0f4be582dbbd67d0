"""Jobs that come after others: what they have yet to consume of the ends of these, and the runs that follow.

A row of ``arrivals`` stands for an edge of a live and enabled job, from the apply that declares it on. All
that an end leads to is written in the transaction that records it.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.after import Arrived, When, following, is_free, met_by
from jeeves_runner.core.causes import MOST_NAMED
from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.model import Trigger
from jeeves_runner.core.node_spec import NodeKind, node_key
from jeeves_runner.core.run import Run
from jeeves_runner.db.overrides import job_is_paused
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.run_states import ACTIVE
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, InvalidValue, NotFound

if TYPE_CHECKING:
    from jeeves_runner.core.plan import Change


_NOTE: Final = f"""
UPDATE arrivals SET count = count + 1, depth = max(depth, :depth),
  runs = json_insert(iif(json_array_length(runs) < {MOST_NAMED}, runs, json_remove(runs, '$[0]')), '$[#]',
                     json(:entry))
WHERE upstream = :job AND qualifies IN (SELECT value FROM json_each(:met))
RETURNING job_id
"""
_HELD: Final = "SELECT 1 FROM arrivals WHERE job_id = ? AND count > 0 LIMIT 1"


def arrive(tx: Tx, run: Run) -> None:
    """Note the end of a chain for the jobs that come after its job, and enter the runs that follow.

    It may have been what such a job waited for, or a run of such a job, during which nothing was consumed.
    What cannot be entered is left to ``follow_all``, which says why.
    Of a job that follows none, and that none follows, this costs two looks into indexes.
    """
    followers: list[str] = []
    has_run = run.started_at is not None or run.attempt > 1
    met = met_by(run.status, has_run=has_run, is_of_the_past=run.backfill_id is not None)
    if met:
        scheduled = None if run.scheduled_for is None else to_text(run.scheduled_for)
        entry = json.dumps([run.id, scheduled])
        bindings = {"job": run.job_id, "entry": entry, "depth": run.depth, "met": json.dumps(met)}
        followers = sorted(str(job_id) for (job_id,) in tx.conn.execute(_NOTE, bindings).fetchall())
    if tx.conn.execute(_HELD, (run.job_id,)).fetchone() is not None:
        followers.append(run.job_id)
    for job_id in followers:
        _follow(tx, job_id)


_ARRIVED: Final = "SELECT upstream, count, depth, runs FROM arrivals WHERE job_id = ?"
_STANDS: Final = f"""
SELECT spec ->> '$.overlap_policy',
  EXISTS (SELECT 1 FROM runs WHERE {ACTIVE} AND job_id = jobs.id)
FROM jobs WHERE id = ?
"""


def _is_free(conn: apsw.Connection, job_id: str, now: datetime) -> bool:
    row = conn.execute(_STANDS, (job_id,)).fetchone()
    if row is None:
        return False
    policy, is_active = row
    return is_free(policy, is_active=bool(is_active), is_paused=job_is_paused(conn, job_id, now))


def _follow(tx: Tx, job_id: str) -> str | None:
    """Enter the run that follows, if all that it comes after has arrived; it consumes all of it.

    What stands against it, if it cannot be entered: the ends that it comes after stand all the same, nothing
    is consumed, and the apply that puts the job right lets it run.
    """
    found = following([*arrived(tx.conn, job_id).values()])
    if found is None or not _is_free(tx.conn, job_id, tx.now):
        return None
    request = RunRequest(
        job_id=job_id,
        trigger=Trigger.AFTER,
        caused_by=found.caused_by,
        depth=found.depth,
        scheduled_for=found.scheduled_for,
    )
    try:
        request_run(tx, request)
    except (Conflict, InvalidValue, NotFound) as error:
        return str(error)
    tx.conn.execute("UPDATE arrivals SET count = 0, depth = 0, runs = '[]' WHERE job_id = ?", (job_id,))
    return None


def arrived(conn: apsw.Connection, job_id: str) -> dict[str, Arrived]:
    """By each job that this one comes after, what has arrived of it."""
    return {
        upstream: Arrived(
            ends, depth, tuple((run_id, time and from_text(time)) for run_id, time in json.loads(runs))
        )
        for upstream, ends, depth, runs in conn.execute(_ARRIVED, (job_id,))
    }


_COMPLETE: Final = """
SELECT job_id FROM arrivals WHERE job_id IN (SELECT job_id FROM arrivals WHERE count > 0)
GROUP BY job_id HAVING min(count) > 0 ORDER BY job_id
"""


def free_to_follow(conn: apsw.Connection, now: datetime) -> list[str]:
    """The jobs that something kept from a run that is not there any more: a pause, or what an apply changed.

    Of what a run of the job kept from it, the end of that run has seen to.
    """
    complete = [str(job_id) for (job_id,) in conn.execute(_COMPLETE).fetchall()]
    return [job_id for job_id in complete if _is_free(conn, job_id, now)]


def follow_all(tx: Tx, job_ids: Iterable[str]) -> dict[str, str]:
    """Enter the runs of these jobs that are due by now. By its id, why one of them cannot be entered."""
    tried = {job_id: _follow(tx, job_id) for job_id in job_ids}
    return {job_id: why for job_id, why in tried.items() if why is not None}


_JOB: Final = node_key(NodeKind.PROCESS, "")
_DECLARED: Final = """
SELECT jobs.id, tie.value ->> 1, tie.value ->> 2
FROM json_each(:ties) AS tie CROSS JOIN jobs ON jobs.id = tie.value ->> 0
WHERE deleted_at IS NULL AND enabled
"""


def declare(tx: Tx, changes: "Sequence[Change]") -> None:
    """Begin the edges that an apply has brought, and end those that are gone: of jobs that follow no more, or
    are deleted or disabled. One that says something else of how its upstream must end begins anew."""
    ties = [
        (c.id, node.removeprefix(_JOB), _when(c.text))
        for c in changes
        for said, node in c.edges
        if said is Relation.AFTER
    ]
    bindings = {"all": json.dumps([c.id for c in changes]), "ties": json.dumps(ties)}
    tx.conn.execute(
        "DELETE FROM arrivals WHERE job_id IN (SELECT value FROM json_each(:all))"
        f" AND (job_id, upstream, qualifies) NOT IN ({_DECLARED})",
        bindings,
    )
    if ties:
        tx.conn.execute(
            f"INSERT OR IGNORE INTO arrivals (job_id, upstream, qualifies) {_DECLARED}",
            {"ties": bindings["ties"]},
        )


def _when(text: str | None) -> When:
    """How what a job of this spec comes after must end."""
    # To look for the word takes a hundredth of what it takes to read the spec.
    if text is None or '"finished"' not in text:
        return "ok"
    when: When = json.loads(text)["after"].get("when", "ok")
    return when


class Awaited(NamedTuple):
    """What a job comes after, as far as it has come."""

    upstream: str
    """The job that it comes after."""
    qualifies: str
    """How the chains of that one must end, to be followed: ``ok`` or ``finished``."""
    ends: int
    """How many have, since a run has consumed the last."""


def awaited(conn: apsw.Connection, job_id: str) -> list[Awaited]:
    """What a live and enabled job comes after, by id."""
    query = "SELECT upstream, qualifies, count FROM arrivals WHERE job_id = ? ORDER BY upstream"
    return [Awaited(*row) for row in conn.execute(query, (job_id,))]
