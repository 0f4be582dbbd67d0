"""The world of one database, filled by hand: for everything that reads or writes rows.

Take ``Store`` for state and queues. Take ``Ledger`` where jobs and runs are needed: it leaves them as an
apply and a runner would, without either of them. Both are real SQLite files, with a clock moved by hand.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
from support.clock import HandClock
from support.db import database
from support.specs import canonical

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import edges_in
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.plan import Action, Change
from jeeves_runner.core.spec_texts import spec_hash
from jeeves_runner.db import declared_jobs, edges
from jeeves_runner.db.connection import transaction
from jeeves_runner.db.transaction import Tx


class Store:
    """An empty database with a connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()
        self.conn: apsw.Connection = database(path, self.clock)

    @contextmanager
    def tx(self) -> Iterator[Tx]:
        with transaction(self.conn, self.clock) as tx:
            yield tx

    @property
    def now(self) -> datetime:
        return self.clock.time

    def columns(self, table: str) -> list[str]:
        """All columns of a table, in order."""
        found = self.conn.execute("SELECT name FROM pragma_table_xinfo(?) ORDER BY cid", (table,))
        return [str(name) for (name,) in found]

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


class Ledger(Store):
    """A database with jobs, runs, pauses and held jobs.

    Everything happens at the clock's present time, noon of 2026-03-01, unless said otherwise.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.revision = self._insert(
            "revisions",
            applied_at=to_text(self.now),
            applied_by="cli",
            commit="f00dfeed" * 5,
            author="Ada",
            subject="First jobs",
            created=0,
            updated=0,
            deleted=0,
            drifted=0,
            changes="[]",
            held="[]",
        )
        self._insert("applying", revision_id=self.revision)  # it writes all that a test adds

    def at(self, **ago: float) -> datetime:
        """A time before now."""
        return self.now - timedelta(**ago)

    def add_job(self, job_id: str, **fields: Any) -> None:
        """A live job of these spec fields from ``jobs.d/<id>.yaml``, line 1."""
        self.add_jobs([JobSpec(**{"id": job_id, "name": job_id, "script": f"/srv/{job_id}.sh", **fields})])

    def add_jobs(self, specs: Iterable[JobSpec]) -> None:
        with self.tx() as tx:
            changes = [_change(spec) for spec in specs]
            declared_jobs.TABLE.upsert(tx, changes, self.revision)
            edges.write(tx, changes)

    def add_node(self, node: str, **columns: Any) -> None:
        """A declared node, ``KIND:NAME``, with these columns; a live one of that identity is written anew."""
        with self.tx() as tx:
            tx.conn.execute("DELETE FROM nodes WHERE id = ?", (node,))
            row = {
                "id": node,
                "kind": node.partition(":")[0],
                "spec": "{}",
                "spec_hash": "0" * 32,
                "file": "jobs.d/nodes.yaml",
                "line": 1,
                "revision_id": self.revision,
                "created_at": tx.at,
                "updated_at": tx.at,
                **columns,
            }
            self._insert("nodes", **row)

    def delete_job(self, job_id: str) -> None:
        with self.tx() as tx:
            declared_jobs.TABLE.tombstone(tx, [job_id], self.revision)
            tx.conn.execute("DELETE FROM edges WHERE job_id = ?", (job_id,))

    def add_run(self, job_id: str, status: str = "ok", **columns: Any) -> int:
        """A run by hand, started a minute ago for a second, if its status says that it started."""
        row: dict[str, Any] = {"trigger": "manual", "created_at": to_text(self.at(minutes=1)), **columns}
        if status not in ("scheduled", "skipped", "missed"):
            row.setdefault("started_at", to_text(self.at(minutes=1)))
        row.setdefault("told_by_items", int(status == "running"))
        if status not in ("scheduled", "running"):
            row.setdefault("finished_at", to_text(self.at(seconds=59)))
            row.setdefault("duration_ms", 1000 if row.get("started_at") else None)
            row.setdefault("end_seq", 1)
        return self._insert("runs", job_id=job_id, status=status, **row)

    def add_backfill(self, job_id: str, **columns: object) -> int:
        """An active backfill of the last three days, of which nothing has been decided."""
        row: dict[str, object] = {
            "status": "active",
            "from_at": to_text(self.at(days=3)),
            "to_at": to_text(self.now),
            "parallel": 1,
            "priority": -100,
            "again": 0,
            "downstream": 0,
            "total": 3,
            "created_by": "cli",
            "created_at": to_text(self.now),
            **columns,
        }
        return self._insert("backfills", job_id=job_id, **row)

    def pause(self, job_id: str | None, until: datetime | None = None, reason: str | None = None) -> None:
        self._insert(
            "overrides",
            job_id=job_id,
            kind="pause",
            until=until and to_text(until),
            reason=reason,
            created_by="cli",
            created_at=to_text(self.now),
        )

    def hold(self, job_id: str, message: str) -> None:
        self._insert(
            "held",
            kind="job",
            id=job_id,
            file=f"jobs.d/{job_id}.yaml",
            since=to_text(self.now),
            message=message,
        )

    def _insert(self, table: str, **columns: Any) -> int:
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join("?" for _ in columns)
        self.conn.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(columns.values()))
        return self.conn.last_insert_rowid()


def _change(spec: JobSpec) -> Change:
    text = canonical(spec)
    return Change(
        action=Action.CREATE,
        kind="job",
        id=spec.id,
        file=f"jobs.d/{spec.id}.yaml",
        line=1,
        text=text,
        digest=spec_hash(text),
        edges=edges_in(json.loads(text)),
    )


def as_document(value: Any) -> Any:
    """What is left of a value once it has been JSON."""
    return json.loads(json.dumps(value, allow_nan=False))
