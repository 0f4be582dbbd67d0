"""Backfills: which there are, how far each is, and what one would do."""

from datetime import datetime
from typing import NamedTuple, TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.values import PAGE
from jeeves_runner.db import backfills
from jeeves_runner.db.backfill_steps import held_up
from jeeves_runner.db.backfills import BackfillRow, TimeRun, Wanted
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.occurrence_runs import OccurrenceRun, run_of, run_with_id
from jeeves_runner.views.occurrences import OccurrenceDocument, OccurrencesDocument


class BackfillState(BackfillRow):
    """A backfill with what keeps it from going on."""

    held_up: str | None
    """Why nothing more of it is entered for now, such as ``job report is paused``; null: nothing keeps it."""


class BackfillsDocument(TypedDict):
    """Backfills, newest first."""

    backfills: list[BackfillState]
    """Each as it is now."""


class BackfillDocument(TypedDict):
    """One backfill."""

    backfill: BackfillState
    """As it is now."""


class Preview(NamedTuple):
    """What a backfill would do."""

    occurrences: OccurrencesDocument
    """Its times, with what has become of each so far."""
    left_out: int
    """How many of them have had their run, and would be left out."""
    taken_up: int
    """How many of them were interrupted, and would run again."""
    downstream: tuple[str, ...]
    """The jobs that would follow, in order."""


def backfills_view(
    conn: apsw.Connection, now: datetime, *, before: int | None = None, limit: int = PAGE
) -> BackfillsDocument:
    """``{backfills}``: up to ``limit``, newest first, those before a number."""
    with snapshot(conn):
        rows = backfills.backfill_rows(conn, before=before, limit=limit)
        return {"backfills": [_state(conn, row, now) for row in rows]}


def backfill_view(conn: apsw.Connection, number: int, now: datetime) -> BackfillDocument:
    """``{backfill}``; NotFound."""
    with snapshot(conn):
        row = backfills.backfill_row(conn, number)
        if row is None:
            raise backfills.unknown_backfill(number)
        return {"backfill": _state(conn, row, now)}


def _state(conn: apsw.Connection, row: BackfillRow, now: datetime) -> BackfillState:
    return {**row, "held_up": held_up(conn, row, now)}


def preview(conn: apsw.Connection, wanted: Wanted, now: datetime) -> Preview:
    """What would become of it; errors as of ``db.backfills.times_of``."""
    with snapshot(conn):
        times = backfills.times_of(conn, wanted, now)
        has_run = backfills.times_run(conn, wanted.job_id, times.since, times.until)
        documents = [_document(conn, wanted.job_id, when, has_run) for when in times.each()]
        followers = backfills.downstream(conn, wanted.job_id) if wanted.downstream else ()
    found = [has_run[each["scheduled_for"]] for each in documents if each["scheduled_for"] in has_run]
    taken_up = sum(each.was_interrupted for each in found)
    return Preview(
        {"occurrences": documents},
        0 if wanted.again else len(found) - taken_up,
        0 if wanted.again else taken_up,
        tuple(each.job for each in followers),
    )


def _document(
    conn: apsw.Connection, job_id: str, when: datetime, has_run: dict[str, TimeRun]
) -> OccurrenceDocument:
    text = to_text(when)
    run: OccurrenceRun | None = run_with_id(conn, has_run[text].run_id) if text in has_run else None
    run = run or run_of(conn, job_id, when)
    return {
        "job_id": job_id,
        "scheduled_for": text,
        "run_id": run and run.run_id,
        "status": run and run.status,
        "reason": run and run.reason,
    }
