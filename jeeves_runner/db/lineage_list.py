"""What led to what, as people ask for it: which runs an item passed, and what a run took, made and caused."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.causes import Causes, causes_from
from jeeves_runner.core.model import RunStatus
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.lineage import IS_TOLD

MOST: Final = 100
"""Items, runs and counts that are told of one run, of each kind."""


class RunOrigin(TypedDict):
    """A run as something leads to it, and the commit that it ran."""

    id: int
    """Its number."""
    job_id: str | None
    """Its job; null if the run has been deleted."""
    status: Annotated[str, RunStatus] | None
    """Where it is, or how it ended; null if it has been deleted."""
    deleted: bool
    """Whether its row is no longer kept."""
    revision_id: int | None
    """The apply whose spec it ran."""
    commit: str | None
    """The commit of that; null where there was none, or where the revision is no longer kept."""


class PassedItem(NamedTuple):
    """A queue item, by the runs that it passed."""

    id: int
    """Its number."""
    queue: str
    """The id of its queue."""
    status: str
    """``pending``, ``claimed``, ``completed`` or ``failed``, as its lease makes it now."""
    producer: tuple[int, int | None] | None
    """The run that enqueued it, and its revision; None: no run did."""
    consumer: tuple[int, int | None] | None
    """The run that claimed it last, likewise."""


class Effect(TypedDict):
    """Something that a run has done, so many times."""

    act: str
    """``claimed``, ``enqueued``, ``completed``, ``failed`` (items, or attempts at them) or ``wrote``."""
    target: str
    """The queue; of ``wrote`` the namespace of state."""
    count: int
    """How many items; of ``wrote`` how many values and items were stored or removed."""


def item(conn: apsw.Connection, now: datetime, item_id: int) -> PassedItem | None:
    """An item by its number."""
    found = _items(conn, f"{_ITEM} WHERE id = :id", at=to_text(now), id=item_id)
    return found[0] if found else None


def enqueued_by(conn: apsw.Connection, now: datetime, run_id: int) -> list[PassedItem]:
    """The items that a run enqueued, while they are kept: newest first, ``MOST`` and one at most."""
    return _items(conn, _ENQUEUED, at=to_text(now), run=run_id, limit=MOST + 1)


def claimed_by(conn: apsw.Connection, now: datetime, run_id: int) -> list[PassedItem]:
    """The items that a run was the last to claim, likewise. Those that went back to their queue are not among
    them."""
    return _items(conn, _CLAIMED, at=to_text(now), run=run_id, limit=MOST + 1)


def effects_of(conn: apsw.Connection, run_id: int) -> list[Effect]:
    """What a run has done, by act and target; ``MOST`` and one at most."""
    counts = Counter[tuple[str, str]]()
    for statement in (_COUNTED, _TOLD):
        for act, target, count in conn.execute(statement, {"run": run_id, "limit": MOST + 1}):
            counts[act, target] += count
    rows = [(*key, counts[key]) for key in sorted(counts) if counts[key] > 0][: MOST + 1]
    return [{"act": act, "target": target, "count": count} for act, target, count in rows]


def caused_by(conn: apsw.Connection, run_id: int) -> Causes | None:
    """What a run follows from."""
    return causes_from(conn.execute("SELECT caused_by FROM runs WHERE id = ?", (run_id,)).get)


def caused_runs(conn: apsw.Connection, run_id: int) -> list[int]:
    """The runs that follow from a run: newest first, one more than ``MOST`` if there are."""
    rows = conn.execute(
        "SELECT run_id FROM run_causes WHERE cause = ? ORDER BY run_id DESC LIMIT ?", (run_id, MOST + 1)
    )
    return [caused for (caused,) in rows]


def writer_of_key(conn: apsw.Connection, namespace: str, key: str) -> RunOrigin | None:
    """The run that wrote the value of a key last."""
    row = conn.execute(
        "SELECT writer_run, writer_revision FROM state WHERE namespace = ? AND key = ?", (namespace, key)
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return origins(conn, [row])[row[0]]


def origins(conn: apsw.Connection, runs: Iterable[tuple[int, int | None]]) -> dict[int, RunOrigin]:
    """These runs by id, each given with the revision that is known of it should its row be gone."""
    revisions: dict[int, int | None] = {}
    for run_id, known in runs:
        revisions[run_id] = revisions.get(run_id) or known
    rows = conn.execute(_ORIGINS, (json.dumps(list(revisions.items())),))
    found: dict[int, RunOrigin] = {}
    for run_id, job_id, status, revision_id, commit in rows:
        found[run_id] = {
            "id": run_id,
            "job_id": job_id,
            "status": status,
            "deleted": status is None,
            "revision_id": revision_id,
            "commit": commit,
        }
    return found


def _items(conn: apsw.Connection, statement: str, **bindings: Any) -> list[PassedItem]:
    return [
        PassedItem(
            item_id,
            queue,
            status,
            None if producer is None else (producer, made_under),
            None if consumer is None else (consumer, worked_under),
        )
        for item_id, queue, status, producer, made_under, consumer, worked_under in conn.execute(
            statement, bindings
        )
    ]


# A claim whose lease has ended is one no longer, whether or not the row says so by now.
_ITEM = """
SELECT id, queue_id,
  CASE WHEN status <> 'claimed' OR lease_until > :at THEN status
       WHEN attempt < max_attempts THEN 'pending' ELSE 'failed' END,
  producer_run, producer_revision, run_id, run_revision
FROM queue_items
"""
_ENQUEUED = f"{_ITEM} WHERE producer_run = :run ORDER BY id DESC LIMIT :limit"
# Limited parts, one for each status that names its run, so that a million items are not sorted.
_CLAIMED = "{} WHERE id IN (SELECT id FROM ({})) ORDER BY id DESC LIMIT :limit".format(
    _ITEM,
    " UNION ALL ".join(
        "SELECT * FROM (SELECT id FROM queue_items"
        f" WHERE run_id = :run AND status = '{status}' ORDER BY id DESC LIMIT :limit)"
        for status in ("claimed", "completed", "failed")
    ),
)

# Null where the items do not tell: the search ends before it begins. A condition beside it would be asked for
# each item.
_TELLING = f"(SELECT :run WHERE {IS_TOLD})"
# As the trigger counts it at the end of the run.
_TOLD = f"""
SELECT 'enqueued', queue_id, count(*) FROM queue_items
WHERE producer_run = {_TELLING} GROUP BY queue_id
UNION ALL
SELECT act, queue_id, sum(items)
FROM (SELECT status, queue_id, count(*) AS items FROM queue_items
      WHERE run_id = {_TELLING} AND status IN ('claimed', 'completed') GROUP BY status, queue_id)
JOIN (SELECT 'claimed' AS act, 'claimed' AS is_now
      UNION ALL SELECT 'claimed', 'completed'
      UNION ALL SELECT 'completed', 'completed') ON status = is_now
GROUP BY act, queue_id
"""
# Of namespaces there may be any number; they come last.
_COUNTED = """
SELECT act, target, count FROM effects
WHERE run_id = :run AND act IN ('claimed', 'completed', 'enqueued', 'failed')
UNION ALL
SELECT * FROM (SELECT act, target, count FROM effects WHERE run_id = :run AND act = 'wrote'
               ORDER BY target LIMIT :limit)
"""
_ORIGINS = f"""
SELECT asked.id, {JOB_OF_RUN}, runs.status, coalesce(runs.revision_id, asked.revision), revisions."commit"
FROM (SELECT value ->> 0 AS id, value ->> 1 AS revision FROM json_each(?)) AS asked
LEFT JOIN runs ON runs.id = asked.id
LEFT JOIN revisions ON revisions.id = coalesce(runs.revision_id, asked.revision)
"""
