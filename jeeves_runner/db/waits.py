"""Waits: what has an end in a row because it was to last so long, and is put right after a wrong clock.

Each has its length in a column beside its end. A clock that was ahead has dated ends that by now lie further
away than that: they are moved to where they would be if the wait began now. An end without a length was named
by a person, and stays. Scripts import this module on every run.
"""

from typing import Final, NamedTuple

from jeeves_runner.db.transaction import Tx


class Wait(NamedTuple):
    """A kind of wait."""

    table: str
    """Where its rows are."""
    until: str
    """The column of its end."""
    length: str
    """The column of its length in milliseconds; null: a person has named the end."""
    lasts: str
    """The condition of rows that wait in this way."""


LEASES: Final = Wait("queue_items", "lease_until", "lease_ms", "status = 'claimed'")
PAUSES: Final = Wait("overrides", "until", "length_ms", "ended_at IS NULL")
QUEUE_PAUSES: Final = Wait("queues", "paused_until", "pause_ms", "paused_at IS NOT NULL")
RESTS: Final = Wait("queue_triggers", "not_before", "rest_ms", "not_before IS NOT NULL")
DELAYS: Final = Wait("queue_items", "ready_at", "delay_ms", "status = 'pending' AND ready_at IS NOT NULL")


def shorten(tx: Tx, wait: Wait, queue_id: str | None = None) -> int:
    """End each such wait, of one queue or of all, as if it began now, if it would end later; how many."""
    latest = latest_end(wait)
    of_queue = "" if queue_id is None else " AND queue_id = :queue"
    tx.conn.execute(
        f"UPDATE {wait.table} SET {wait.until} = {latest}"
        f" WHERE {wait.lasts} AND {wait.until} > {latest}{of_queue}",
        {"at": tx.at, "queue": queue_id},
    )
    return tx.conn.changes()


def longest_is_ahead(wait: Wait, condition: str = "true") -> str:
    """SQL: whether the one of these waits that ends last ends later than one that begins at ``:at``."""
    return f"""
SELECT {wait.until} > {latest_end(wait)} FROM {wait.table} WHERE {condition} AND {wait.lasts}
ORDER BY {wait.until} DESC LIMIT 1
"""


def latest_end(wait: Wait) -> str:
    """SQL: when a wait ends that begins at ``:at``; null where a person has named the end."""
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', :at, '+' || ({wait.length} / 1000.0) || ' seconds')"


def end_by_now(wait: Wait) -> str:
    """SQL: when a wait ends, as seen at ``:at``: no later than one that begins then, also while no
    server has put it right; null where it has no end."""
    return f"coalesce(min({wait.until}, {latest_end(wait)}), {wait.until})"
