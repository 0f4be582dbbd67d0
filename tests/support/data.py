"""What the tests of state, queues and the client share: a clock moved by hand, and a fresh database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.transaction import Tx

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - NOON).total_seconds()

    boottime = monotonic

    def advance(self, **length: float) -> None:
        self.time += timedelta(**length)


class Store:
    """A database with a connection and a clock moved by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()
        self.conn: apsw.Connection = connect(path, create=True, clock=self.clock)

    @contextmanager
    def tx(self) -> Iterator[Tx]:
        with transaction(self.conn, self.clock) as tx:
            yield tx

    @property
    def now(self) -> datetime:
        return self.clock.time

    def count(self, table: str, where: str = "true") -> int:
        """Rows that are really there, expired or not."""
        number = self.conn.execute(f"SELECT count(*) FROM {table} WHERE {where}").get
        assert isinstance(number, int)
        return number

    def declare_queue(self, queue_id: str, **columns: object) -> None:
        """A queue row as an apply leaves it, short of its manifest."""
        row: dict[str, object] = {
            "id": queue_id,
            "declared": 1,
            "max_attempts": 3,
            "lease_ms": 60_000,
            "retention": '{"completed_ms": 3600000, "failed_ms": 7200000}',
            "backoff": '{"delay_ms": 0, "factor": 2.0, "max_delay_ms": 3600000}',
            "created_at": "2026-01-01T00:00:00.000Z",
            "updated_at": "2026-01-01T00:00:00.000Z",
            **columns,
        }
        names, places = ", ".join(row), ", ".join("?" for _ in row)
        self.conn.execute(f"INSERT INTO queues ({names}) VALUES ({places})", tuple(row.values()))
