"""Ends of chains of the jobs that have a heartbeat."""

import json
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.ends import leaves_failure
from jeeves_runner.core.model import BAD, Reason, RunStatus, Trigger
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none


class Beat(NamedTuple):
    """The end of a chain that a heartbeat is called for."""

    job_id: str
    """The job."""
    url: Any
    """As in the job's spec: a text, ``{"file": PATH}`` or ``{"from_env": NAME}``."""
    is_well: bool
    """Whether it ended well, or had nothing to do by its own word."""
    end_seq: int
    """The number of the end."""
    at: datetime | None
    """When its end was recorded; None: the row was changed by hand."""
    is_left: bool
    """Whether its runner has died, and another one has found that."""


OWN_WORD: Final = (Reason.PRECHECK, Reason.EXIT_CODE)
"""The reasons of runs that were skipped by their own word."""

_ENDED: Final = """
SELECT runs.id, job_id, status, reason, attempt, started_at IS NOT NULL, spec -> '$.heartbeat', coalesce(
    (SELECT first.trigger FROM runs AS first WHERE first.id = runs.chain_id), trigger),
  end_seq, finished_at, status = 'interrupted' AND runs.epoch < (SELECT epoch FROM runner)
FROM runs JOIN jobs ON jobs.id = job_id
WHERE end_seq > ? AND end_seq <= ? AND end_seq IS NOT NULL AND jobs.deleted_at IS NULL
  AND spec ->> '$.heartbeat' IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM runs AS later
    WHERE later.chain_id = coalesce(runs.chain_id, runs.id) AND later.attempt > runs.attempt)
ORDER BY end_seq
"""


def beats_since(conn: apsw.Connection, end_seq: int, until: int) -> list[Beat]:
    """What has ended after the end of this number, up to that of ``until``: last attempts alone, in order."""
    beats = []
    for run_id, job_id, word, reason, attempt, has_started, url, trigger, *end in conn.execute(
        _ENDED, (end_seq, until)
    ):
        if Trigger(trigger).is_of_the_past:
            continue
        status = RunStatus(word)
        is_well = status is RunStatus.OK or (status is RunStatus.SKIPPED and reason in OWN_WORD)
        if is_well or status in BAD or leaves_failure(status, attempt, has_started=bool(has_started)):
            number, text, is_left = end
            at = time_or_none(text, f"run {run_id}", "finished_at")
            beats.append(Beat(job_id, json.loads(url), is_well, number, at, bool(is_left)))
    return beats


_TOLD: Final = "heartbeats_told"


def told_until(conn: apsw.Connection, since: datetime) -> int:
    """The number of the newest end up to which all heartbeats were called, or that was recorded before
    ``since``."""
    told = conn.execute("SELECT value FROM sequences WHERE name = ?", (_TOLD,)).fetchone()
    number: int = 0 if told is None else told[0]
    newest = "SELECT end_seq, finished_at FROM runs WHERE end_seq > ? ORDER BY end_seq DESC"
    for end_seq, finished_at in conn.execute(newest, (number,)):
        if (finished_at or "") < to_text(since):
            return int(end_seq)
    return number


def note_told(tx: Tx, end_seq: int) -> None:
    """Record up to which end all heartbeats were called."""
    tx.conn.execute(
        "INSERT INTO sequences VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_TOLD, end_seq),
    )


def note_beat(tx: Tx) -> None:
    """A write that changes next to nothing: it shows that the database takes one."""
    tx.conn.execute(
        "INSERT INTO sequences VALUES ('heartbeats', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )
