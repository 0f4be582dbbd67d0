"""The world of `why`: rows as a past leaves them, and the answer about a time, a run, or what was last."""

import json
from datetime import datetime, timedelta
from typing import Any

from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.views.why import WhyDocument, why_view


def why(
    ledger: Ledger,
    job: str,
    at: str | None = None,
    *,
    run: int | None = None,
    served: bool = True,
    catches_up_at: datetime | None = None,
    spread: timedelta = timedelta(0),
) -> WhyDocument:
    """The document, whose paragraph is that of its parts."""
    late = {} if catches_up_at is None else {job: catches_up_at}
    found = why_view(
        ledger.conn,
        ledger.now,
        job,
        at=at,
        run_id=run,
        served=served,
        catching_up=late,
        catch_up_spread=spread,
    )
    assert found["text"] == " ".join(part["text"] for part in found["parts"])
    assert "  " not in found["text"]
    assert all(part["text"].endswith(".") for part in found["parts"])
    return found


def answer(ledger: Ledger, job: str, at: str | None = None, **more: Any) -> str:
    """Its word."""
    return why(ledger, job, at, **more)["answer"]


def said(ledger: Ledger, job: str, at: str | None = None, **more: Any) -> dict[str, str]:
    """The sentences by what they are about; of several about one thing the last."""
    return {part["about"]: part["text"] for part in why(ledger, job, at, **more)["parts"]}


def row(ledger: Ledger, job: str, status: str, scheduled_for: datetime, **columns: Any) -> int:
    """The row of an occurrence."""
    columns = {"trigger": "schedule", "created_at": to_text(scheduled_for), **columns}
    return ledger.add_run(job, status, scheduled_for=to_text(scheduled_for), **columns)


def since(ledger: Ledger, job: str, begin: datetime, *, decided: datetime | None = None) -> None:
    """The job was created then, and decided about up to a time (now)."""
    ledger.conn.execute(
        "UPDATE jobs SET created_at = ?1, schedule_since = ?1, decided_until = ?2 WHERE id = ?3",
        (to_text(begin), to_text(decided or ledger.now), job),
    )


def revision(ledger: Ledger, at: datetime, action: str, job: str, **old: Any) -> int:
    """A recorded apply that created, deleted or updated a job; ``old``: the values before an update."""
    fields = [{"path": path, "old": value, "new": None} for path, value in old.items()]
    changes = [{"action": action, "kind": "job", "id": job, "fields": fields}]
    ledger.conn.execute(
        'INSERT INTO revisions (applied_at, applied_by, "commit", created, updated, deleted, drifted,'
        " changes, held) VALUES (?, 'watch', ?, 0, 0, 0, 0, ?, '[]')",
        (to_text(at), "c0ffee" * 6 + "abcd", json.dumps(changes)),
    )
    return ledger.conn.last_insert_rowid()
