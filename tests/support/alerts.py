"""The world of what people are told: a ledger whose jobs say who hears of them, and whose runs end."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import Reason, Retries, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import alerting, overrides
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting

OPS = "C0123456"
"""A channel."""


class AlertLedger(Ledger):
    """Beside what a ledger has: ends, reviews, mutes and what is in the outbox."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.told_until = 0

    def add_told_job(self, job_id: str, **fields: Any) -> None:
        """A job whose failures are told to OPS, and with these fields."""
        self.add_job(job_id, **{"on_failure": (OPS,), **fields})

    def end(self, job_id: str, status: str, retries: Retries | None = None, **columns: Any) -> int:
        """A run of the job ends so; ``stdout`` is what it wrote. Its id."""
        output = columns.pop("stdout", None)
        run_id = self.add_run(job_id, "running", **columns)
        outcome = Outcome(status=RunStatus(status), exit_code=1 if status == "error" else None)
        with self.tx() as tx:
            end_running(tx, run_id, outcome, RunRecord(stdout=output), retries)
        return run_id

    def miss(
        self,
        job_id: str,
        reason: Reason = Reason.LATE,
        occurrences: int = 1,
        scheduled_for: datetime | None = None,
    ) -> int:
        """Occurrences of the job do not run."""
        run_id = self.add_run(
            job_id,
            "scheduled",
            trigger="schedule",
            scheduled_for=to_text(scheduled_for or self.now),
            occurrences=occurrences,
        )
        with self.tx() as tx:
            end_waiting(tx, run_id, RunStatus.MISSED, reason)
        return run_id

    def mute(self, job_id: str | None, minutes: float | None = None) -> None:
        until = None
        if minutes is not None:
            until = End(self.now + timedelta(minutes=minutes), round(minutes * 60_000))
        with self.tx() as tx:
            overrides.mute(tx, job_id, until=until, reason=None, by=Actor("test"))

    def unmute(self, job_id: str | None) -> bool:
        with self.tx() as tx:
            return overrides.unmute(tx, job_id, by=Actor("test"))

    def review(self) -> int:
        with self.tx() as tx:
            return alerting.review(tx, tell=(OPS,))

    def said(self) -> list[str]:
        """What has been put into the outbox since this was last asked: ``opened failure``, in order."""
        rows = self.conn.execute(
            "SELECT id, said, cause FROM outbox WHERE id > ? ORDER BY id", (self.told_until,)
        )
        found = list(rows)
        self.told_until = max([self.told_until, *(row_id for row_id, _, _ in found)])
        return [str(word) if cause is None else f"{word} {cause}" for _, word, cause in found]

    def open_causes(self) -> list[str]:
        """The causes of the open incidents, in the order of their opening."""
        rows = self.conn.execute("SELECT cause FROM incidents WHERE closed_at IS NULL ORDER BY id")
        return [str(cause) for (cause,) in rows.fetchall()]
