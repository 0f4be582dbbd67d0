"""What a wrong clock has left in the database, put right in one transaction; and the time last seen."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.wrong_clock import FAR, JUMP, Rest
from jeeves_runner.db import audit, incidents, outbox, skips, tokens
from jeeves_runner.db.run_states import RUNNING, WAITING
from jeeves_runner.db.run_withdrawal import go_on_from
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.waits import (
    DELAYS,
    LEASES,
    PAUSES,
    QUEUE_PAUSES,
    RESTS,
    Wait,
    longest_is_ahead,
    shorten,
)

_EXPIRES: Final = "expires_at IS NOT NULL"
WAITS: Final = (
    Wait("runs", "not_before", "delay_ms", WAITING),
    Wait("runs", "deadline", "timeout_ms", RUNNING),
    PAUSES,
    QUEUE_PAUSES,
    RESTS,
    Wait("state", "expires_at", "ttl_ms", _EXPIRES),
    Wait("state_items", "expires_at", "ttl_ms", _EXPIRES),
    LEASES,
    DELAYS,
    incidents.WORDS,
    outbox.TRIES,
    tokens.TOKENS,
    tokens.SESSIONS,
)
"""All waits there are."""

HOLDS_BACK: Final = (
    ("jobs", "schedule_since"),
    ("overrides", "created_at"),
    ("overrides", "ended_at"),
    ("state_items", "updated_at"),
    ("queue_items", "completed_at"),
    ("revisions", "applied_at"),
    ("outbox", "created_at"),
    ("queue_failures", "told_at"),
    ("freshness", "fresh_at"),
    ("nodes", "created_at"),
    ("tokens", "last_used_at"),
)
"""Columns that record when something was, and by which later things are held back, ordered or counted:
schedules, pauses, the newest items of a key, duplicates, the delete budget, how long a message is tried, when
dead letters are told, when data is stale, which use of a token is noted. None may lie ahead."""

WATERMARK: Final = ("jobs", "decided_until")
"""The column that may lie ahead, but not far."""


class PutRight(NamedTuple):
    """What was put right after a clock event."""

    waits: int
    """Waits that would have lasted longer than they were to."""
    records: int
    """Times recorded ahead of now, which would have held something back."""
    jobs: int
    """Jobs whose watermark was far ahead, and which go on from now."""

    def __str__(self) -> str:
        return (
            f"waits shortened: {self.waits}, records ahead of now that are dated now: {self.records},"
            f" jobs that go on from now: {self.jobs}"
        )


def put_right(tx: Tx, event: str, *, since: datetime) -> PutRight:
    """Put right what a clock that was ahead has left, and record the ``event`` in the audit.

    Jobs that a wrong clock has decided about far ahead go on from ``since``, the earliest time at which the
    clock may have become right.
    """
    waits = skips.put_right(tx) + sum(shorten(tx, wait) for wait in WAITS)
    incidents.look_again(tx, None)  # what was put off until an hour of a clock that was ahead
    records = sum(_move_to_now(tx, table, column) for table, column in HOLDS_BACK)
    found = PutRight(waits, records, go_on_from(tx, since))
    audit.record(tx, actor=Actor("runner"), action="clock", target="database", detail=f"{event}: {found}")
    return found


def _move_to_now(tx: Tx, table: str, column: str) -> int:
    tx.conn.execute(f"UPDATE {table} SET {column} = :at WHERE {column} > :at", {"at": tx.at})
    return tx.conn.changes()


def is_ahead(conn: apsw.Connection, now: datetime) -> bool:
    """Whether a clock that was ahead has left something.

    Of the waits of one kind only the one that ends last is looked at: they are mostly of one length.
    """
    soon = now + JUMP
    bounds = {"at": to_text(soon), "far": to_text(soon + FAR)}
    questions = [
        *(_of_each_queue(wait) if wait in (LEASES, DELAYS) else longest_is_ahead(wait) for wait in WAITS),
        "SELECT max(schedule_since) > :at OR max(decided_until > :far) FROM jobs",
        "SELECT max(created_at) > :at FROM overrides WHERE ended_at IS NULL",
        "SELECT max(ended_at) > :at FROM overrides",
    ]
    return any(conn.execute(question, bounds).get for question in questions)


def _of_each_queue(wait: Wait) -> str:
    """SQL: likewise of a wait of items, for which there is an index by queue."""
    return f"""
SELECT max(({longest_is_ahead(wait, "queue_id = used.queue_id")}))
FROM (SELECT DISTINCT queue_id FROM queue_counts) AS used
"""


class SeenTime(NamedTuple):
    """What the runners of this database know of the time."""

    seen_at: datetime | None = None
    """The time that was seen last, a minute ago at most if one runs; None if there was never one."""
    rest: Rest | None = None
    """Since a leap of the clock: by what retentions count."""
    stopped_at: datetime | None = None
    """When the runner before stopped in good order; None if it did not."""


def seen_time(conn: apsw.Connection) -> SeenTime:
    """As the newest runner has noted it."""
    row = conn.execute("SELECT seen_at, age_at, rest_ms, stopped_at FROM runner").fetchone()
    if row is None:
        return SeenTime()
    seen_at, age_at, rest_ms, stopped_at = row
    rest = None if age_at is None else Rest(from_text(age_at), timedelta(milliseconds=rest_ms or 0))
    return SeenTime(
        None if seen_at is None else from_text(seen_at),
        rest,
        None if stopped_at is None else from_text(stopped_at),
    )


def note_time(tx: Tx, epoch: int, rest: Rest | None) -> None:
    """Note the time that this runner sees. Without effect once another one has taken over."""
    age_at = None if rest is None else to_text(rest.time)
    rest_ms = None if rest is None else round(rest.left / timedelta(milliseconds=1))
    tx.conn.execute(
        "UPDATE runner SET seen_at = ?, age_at = ?, rest_ms = ? WHERE epoch = ?",
        (tx.at, age_at, rest_ms, epoch),
    )


def note_wait(tx: Tx, epoch: int, reason: str | None) -> None:
    """Say why the start of this runner goes no further yet; None: it does."""
    tx.conn.execute("UPDATE runner SET waits_for = ? WHERE epoch = ?", (reason, epoch))
