"""The ``queues`` table: what manifests declare, and the queues that scripts use undeclared."""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypedDict, cast

import apsw

from jeeves_runner.db.declared import DeclaredTable, upsert_sql
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import NotFound, Undeclared

_DECLARED = {
    "description": "s ->> '$.description'",
    "dedup_config": "CASE WHEN s ->> '$.dedup_key' IS NULL THEN NULL"
    " ELSE json_object('key', s ->> '$.dedup_key', 'scope', s ->> '$.dedup_scope') END",
    "retention": "json_object('completed_ms', s ->> '$.retention_completed_ms',"
    " 'failed_ms', s ->> '$.retention_failed_ms')",
    "max_attempts": "s ->> '$.max_attempts'",
    "lease_ms": "s ->> '$.lease_ms'",
    "backoff": "json_object('delay_ms', s ->> '$.backoff_delay_ms', 'factor', s ->> '$.backoff_factor',"
    " 'max_delay_ms', s ->> '$.backoff_max_delay_ms')",
    "spec": "s",
}

TABLE: Final = DeclaredTable(
    "queues",
    _DECLARED,
    upsert_sql("queues", _DECLARED, {"declared": "1"}),
    live="declared AND deleted_at IS NULL",
)
"""A queue that is declared after scripts have used it keeps its items; a deleted one takes no new items."""


class QueueRow(NamedTuple):
    """One queue."""

    id: str
    description: str | None
    declared: bool
    """Whether a manifest declares it; the others were made by an enqueue."""
    max_attempts: int
    """Attempts at an item before it is a dead letter."""
    lease_ms: int
    """How long a claim lasts that names no lease of its own."""
    file: str | None
    """The manifest that declares it, relative to the project root; None for an undeclared queue."""
    line: int | None
    """Where in that manifest, from 1."""
    deleted_at: str | None
    """Since when its manifest no longer declares it (a tombstone), in the database's form of times."""


class QueueSettings(TypedDict):
    """What holds for the items of a queue. Null where another program has written what cannot be read."""

    max_attempts: int
    """Attempts at an item before it is a dead letter, where the item does not say otherwise."""
    lease_ms: int
    """How long a claim lasts that names no lease of its own."""
    backoff_delay_ms: int | None
    """Before an item that failed once can be claimed again."""
    backoff_factor: float | None
    """By what that wait grows with each attempt."""
    backoff_max_delay_ms: int | None
    """The longest wait."""
    retention_completed_ms: int | None
    """How long completed items are kept."""
    retention_failed_ms: int | None
    """How long dead letters are kept."""
    dedup_key: str | None
    """Where the key of a payload is by which duplicates are known; null: all are taken."""
    dedup_scope: str | None
    """What a new item is compared with: those that are `pending` or claimed, or `all` that are kept."""


def settings_of(conn: apsw.Connection, queue_id: str) -> QueueSettings:
    """What a queue is set to. NotFound."""
    row = conn.execute(_SETTINGS, (queue_id,)).fetchone()
    if row is None:
        raise unknown_queue(queue_id)
    return cast("QueueSettings", dict(zip(QueueSettings.__annotations__, row, strict=True)))


def queue_rows(conn: apsw.Connection) -> list[QueueRow]:
    """All queues, tombstones included, by id."""
    rows = map(QueueRow._make, conn.execute(f"SELECT {', '.join(QueueRow._fields)} FROM queues ORDER BY id"))
    return [row._replace(declared=bool(row.declared)) for row in rows]


def unknown_queue(queue_id: str) -> NotFound:
    """The error for an id that is no queue."""
    hint = "`jeeves-runner queue list` shows what there is"
    return Undeclared(f"there is no queue {queue_id}", hint=hint, kind="queue", id=queue_id)


def lease_of(conn: apsw.Connection, queue_id: str) -> int:
    """How many milliseconds a claim lasts that names no lease of its own. NotFound."""
    found: int | None = conn.execute("SELECT lease_ms FROM queues WHERE id = ?", (queue_id,)).get
    if found is None:
        raise unknown_queue(queue_id)
    return found


def item_of_another(item_id: int, queue_id: str | None, found: str) -> NotFound:
    """The error for an item that is not in the queue in which it was looked for, but in another."""
    return NotFound(f"queue {queue_id} has no item {item_id}", hint=f"it is in queue {found}")


def check_known(conn: apsw.Connection, queue_ids: Iterable[str]) -> None:
    """NotFound for the first that is no queue, not even one that was deleted."""
    known = {row.id for row in queue_rows(conn)}
    for queue_id in sorted(queue_ids):
        if queue_id not in known:
            raise unknown_queue(queue_id)


def queue_ids(tx: Tx) -> list[str]:
    """All queues, tombstones included."""
    return [queue_id for (queue_id,) in tx.conn.execute("SELECT id FROM queues ORDER BY id")]


def busy_queues(conn: apsw.Connection, queue_ids: Iterable[str]) -> frozenset[str]:
    """Which of these queues hold pending or claimed items."""
    return frozenset(queue_id for queue_id in queue_ids if conn.execute(_IS_BUSY, (queue_id,)).get)


_SETTINGS = "SELECT max_attempts, lease_ms, {} FROM queues WHERE id = ?".format(
    ", ".join(
        f"CASE WHEN json_valid({column}) THEN {column} ->> '$.{name}' END"
        for column, names in {
            "backoff": ("delay_ms", "factor", "max_delay_ms"),
            "retention": ("completed_ms", "failed_ms"),
            "dedup_config": ("key", "scope"),
        }.items()
        for name in names
    )
)

# At most two index searches, however many items there are.
_IS_BUSY = """
SELECT EXISTS (SELECT 1 FROM queue_items WHERE queue_id = ?1 AND status = 'pending')
    OR EXISTS (SELECT 1 FROM queue_items WHERE queue_id = ?1 AND status = 'claimed')
"""
