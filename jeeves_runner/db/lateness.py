"""Runs that are late, take too long or outlast the time to the next one, in rows: how they stand, and what is
noted of them. ``core.alerts.lateness`` decides.

Of each run each of these is counted once: the run's own row says what has been.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.core.alert_spec import Expect
from jeeves_runner.core.alerts.due_times import end_by, interval
from jeeves_runner.core.alerts.lateness import (
    LEAST,
    Bounds,
    Standing,
    longest,
    says_how_long,
    start_by,
    wrong,
)
from jeeves_runner.core.alerts.lateness_words import About, facts_of
from jeeves_runner.core.alerts.policy import expect_of, policy_of
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.precheck import LIMIT_MS
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.db import alerting, incidents
from jeeves_runner.db.alert_facts import usual_ms
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.late_ends import HAS_EXPECT, length_of
from jeeves_runner.db.overrides import paused_times
from jeeves_runner.db.run_states import ACTIVE, RUNNING, WAITING
from jeeves_runner.db.timetable_rows import schedule_of, timetable_rows
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none

BITS: Final = {Cause.LATE: 1, Cause.OVERRUN: 2, Cause.OUTLASTS: 4}
"""What ``runs.noted`` is made of."""

_PRECHECK: Final = timedelta(milliseconds=LIMIT_MS)
_BY_ITSELF: Final = (RunStatus.OK, RunStatus.ERROR, RunStatus.TIMEOUT)
"""The ends that say how long the work takes."""


class Watched(NamedTuple):
    """A run with what its job says of it. Times are UTC."""

    id: int
    """Its id."""
    job_id: str
    """The job."""
    status: RunStatus
    """Where it stands."""
    is_first: bool
    """Whether it is the first attempt of an occurrence."""
    scheduled_for: datetime | None
    """The occurrence; None also for what makes up for times long past, or did not come by the schedule."""
    started_at: datetime | None
    """When it started."""
    is_of_the_past: bool
    """Whether it makes up for times long past, and says nothing of how the job does now."""
    waits: tuple[Reason | None, str | None]
    """While it waits, for what."""
    noted: frozenset[Cause]
    """What has been counted of it; that it takes too long, of its chain."""
    expect: Expect
    """What people expect of the job."""
    on: tuple[str, ...]
    """What they want to hear."""
    zone: str
    """Where its schedule is."""
    schedule: Schedule | None
    """Its schedule; None: it has none, or is disabled."""
    has_precheck: bool
    """Whether the work itself starts after another one."""
    was_late: bool
    """Whether its job is said to be late."""


def running(conn: apsw.Connection) -> set[int]:
    """The ids of the runs that run. It reads an index alone."""
    rows = conn.execute(f"SELECT id FROM runs WHERE {RUNNING}")
    return {run_id for (run_id,) in rows}


def waiting_since(conn: apsw.Connection, run_id: int) -> list[int]:
    """The ids of the runs that wait and entered after this one, oldest first; likewise."""
    rows = conn.execute(f"SELECT id FROM runs WHERE {WAITING} AND id > ? ORDER BY id", (run_id,))
    return [found for (found,) in rows]


def watched(conn: apsw.Connection, run_ids: Sequence[int]) -> list[Watched]:
    """Those of these runs that run, have ended, or wait while something is expected of them; of jobs that are
    deleted none."""
    rows = conn.execute(_WATCHED, (json.dumps(run_ids),)).fetchall()
    job_ids = list({str(job_id) for _, job_id, *_ in rows})
    timetable = timetable_rows(conn, job_ids)
    schedules = {row.id: schedule_of(row) for row in timetable if row.enabled and row.schedule}
    return [_watched(row, schedules) for row in rows]


_WATCHED: Final = f"""
SELECT runs.id, job_id, status, trigger,
  coalesce((SELECT first.trigger FROM runs AS first WHERE first.id = runs.chain_id), trigger),
  scheduled_for, started_at, reason, reason_ref,
  noted | (2 * (chain_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM runs AS other
    WHERE (other.id = runs.chain_id OR other.chain_id = runs.chain_id) AND other.noted & 2))),
  spec -> '$.expect', spec -> '$.alert', timezone, spec -> '$.precheck',
  EXISTS (SELECT 1 FROM incidents WHERE coalesce(incidents.job_id, '') = +runs.job_id
          AND cause = 'late' AND closed_at IS NULL)
FROM runs JOIN jobs ON jobs.id = job_id
WHERE runs.id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
  AND (status <> 'scheduled' OR (scheduled_for IS NOT NULL AND {HAS_EXPECT}))
"""


def _watched(row: Sequence[Any], schedules: dict[str, Schedule | None]) -> Watched:
    run_id, job_id, status, trigger, first, scheduled_for, started_at, reason, ref, noted, *job = row
    expect, alert, zone, precheck, was_late = job
    came_by_schedule = Trigger(first).is_occurrence
    where = f"run {run_id}"
    return Watched(
        id=run_id,
        job_id=job_id,
        status=RunStatus(status),
        is_first=Trigger(trigger).is_occurrence,
        scheduled_for=time_or_none(scheduled_for, where, "scheduled_for")
        if came_by_schedule and scheduled_for is not None
        else None,
        started_at=None if started_at is None else time_or_none(started_at, where, "started_at"),
        is_of_the_past=Trigger(first).is_of_the_past,
        waits=(None if reason is None else Reason(reason), ref),
        noted=frozenset(cause for cause, bit in BITS.items() if noted & bit),
        expect=expect_of(expect),
        on=policy_of(alert).on,
        zone=zone,
        schedule=schedules.get(job_id),
        has_precheck=precheck not in (None, "null"),
        was_late=bool(was_late),
    )


def bounds_of(conn: apsw.Connection, run: Watched, length: timedelta) -> tuple[Bounds, int | None]:
    """What is expected of a run that has been running for ``length``; and the usual length of the job's runs
    in milliseconds, where a bound follows from it.

    Before the shortest of such bounds has passed, that one stands for it: how long runs of the job take is
    not asked as long as it does not matter.
    """
    expect, due = run.expect, run.scheduled_for
    since = due or run.started_at
    usual, most = None, longest(expect, None)
    if not says_how_long(expect):
        if length > LEAST:
            usual = usual_ms(conn, run.job_id, before=run.id)
        most = LEAST if length <= LEAST else longest(expect, usual)
    bounds = Bounds(
        start_by=start_by(due, expect) if due is not None and run.is_first else None,
        end_by=None if since is None else end_by(since, expect, run.zone),
        longest=most,
        interval=None if due is None or run.schedule is None else interval(run.schedule, due),
    )
    return bounds, usual


def fair(conn: apsw.Connection, run: Watched, standing: Standing, bounds: Bounds) -> Bounds:
    """The bounds without those that go by the clock, where the run is beyond them and a person held it back
    after its time, by a pause of its job or of all."""
    due, kept = run.scheduled_for, bounds._replace(start_by=None, end_by=None)
    if due is None or set(wrong(standing, kept)) == set(wrong(standing, bounds)):
        return bounds
    until = max(due, standing.started_at or standing.at)
    return kept if paused_times(conn, run.job_id, due, until) else bounds


class Found(NamedTuple):
    """What a look has found of a run that has not ended."""

    run: Watched
    """As it was then."""
    cause: Cause
    """What is to be counted; or, without facts, what is over."""
    facts: dict[str, Any] | None
    """What its message says; None: the run has kept its bound."""


def record(tx: Tx, found: Sequence[Found]) -> None:
    """Note what a look has found, but of runs that have started or ended since: their ends say it better."""
    for each in found:
        run = each.run
        if each.facts is None:
            _kept(tx, run, each.cause)
        elif tx.conn.execute(_STANDS, (run.id, run.status)).get:
            _note(tx, run, each.cause, each.facts)


_STANDS: Final = "SELECT 1 FROM runs WHERE id = ? AND status = ?"


def judge_end(tx: Tx, ended: Run) -> None:
    """Say what is to be said of when a run started and how long it took, now that it has ended."""
    for run in watched(tx.conn, [ended.id]):
        if not run.is_of_the_past and run.started_at is not None:
            _judge(tx, run, Standing(ended.finished_at or tx.now, run.started_at, length_of(ended)))


def _judge(tx: Tx, run: Watched, standing: Standing) -> None:
    bounds, usual = bounds_of(tx.conn, run, standing.length)
    if bounds.start_by is not None and run.has_precheck:
        bounds = bounds._replace(start_by=bounds.start_by + _PRECHECK)  # its own start is not known any more
    bounds, strict = fair(tx.conn, run, standing, bounds), bounds
    beyond = set(wrong(standing, bounds))
    excused = set(wrong(standing, strict)) - beyond
    judged: list[Cause] = []
    # Without a schedule, runs of no occurrence count too: else nothing could end what is open.
    if run.is_first or (run.schedule is None and run.scheduled_for is None):
        judged.append(Cause.LATE)
    if run.status in _BY_ITSELF:
        judged.append(Cause.OVERRUN)
        if run.scheduled_for is not None or run.schedule is None:
            judged.append(Cause.OUTLASTS)
    for cause in judged:
        if cause not in beyond | excused:
            _kept(tx, run, cause)
        elif cause in beyond and cause not in run.noted and cause in run.on:
            about = About(run.scheduled_for, run.zone, usual, is_over=True)
            _note(tx, run, cause, facts_of(cause, standing, bounds, about))


def _note(tx: Tx, run: Watched, cause: Cause, facts: dict[str, Any]) -> None:
    """Count it, if it has not been counted of this run."""
    tx.conn.execute(
        "UPDATE runs SET noted = noted | :bit WHERE id = :id AND NOT noted & :bit",
        {"id": run.id, "bit": BITS[cause]},
    )
    if tx.conn.changes():
        alerting.report(tx, Happened(cause, run.job_id, run_id=run.id, facts=facts))


def _kept(tx: Tx, run: Watched, cause: Cause) -> None:
    """Close what is open of it, if this run came after the last one that was counted, and none that was is
    still at it."""
    found = incidents.find(tx.conn, run.job_id, cause, "")
    if found is None or (found.run_id or 0) >= run.id:
        return
    bindings = {"job": run.job_id, "bit": BITS[cause]}
    if tx.conn.execute(_STILL_LATE if cause is Cause.LATE else _STILL, bindings).get:
        return
    # What was noted of the beginning is no fact of its end.
    alerting.went_well(tx, run.job_id, [cause], run_id=run.id, facts={"lines": []})


_STILL: Final = f"SELECT 1 FROM runs WHERE {ACTIVE} AND job_id = :job AND noted & :bit LIMIT 1"
_STILL_LATE: Final = f"SELECT 1 FROM runs WHERE {WAITING} AND job_id = :job AND noted & :bit LIMIT 1"
