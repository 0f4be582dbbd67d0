"""Ends of chains of the jobs that have a heartbeat."""

import json
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.core.alerts.ends import leaves_failure
from jeeves_runner.core.model import BAD, Reason, RunStatus, Trigger
from jeeves_runner.db.transaction import Tx


class Beat(NamedTuple):
    """The end of a chain that a heartbeat is called for."""

    job_id: str
    """The job."""
    url: Any
    """As in the job's spec: a text, ``{"file": PATH}`` or ``{"from_env": NAME}``."""
    is_well: bool
    """Whether it ended well, or had nothing to do by its own word."""


OWN_WORD: Final = (Reason.PRECHECK, Reason.EXIT_CODE)
"""The reasons of runs that were skipped by their own word."""

_ENDED: Final = """
SELECT job_id, status, reason, attempt, started_at IS NOT NULL, spec -> '$.heartbeat', coalesce(
    (SELECT first.trigger FROM runs AS first WHERE first.id = runs.chain_id), trigger)
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
    for job_id, word, reason, attempt, has_started, url, trigger in conn.execute(_ENDED, (end_seq, until)):
        if Trigger(trigger).is_of_the_past:
            continue
        status = RunStatus(word)
        is_well = status is RunStatus.OK or (status is RunStatus.SKIPPED and reason in OWN_WORD)
        if is_well or status in BAD or leaves_failure(status, attempt, has_started=bool(has_started)):
            beats.append(Beat(job_id, json.loads(url), is_well))
    return beats


def note_beat(tx: Tx) -> None:
    """A write that changes next to nothing: it shows that the database takes one."""
    tx.conn.execute(
        "INSERT INTO sequences VALUES ('heartbeats', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )
