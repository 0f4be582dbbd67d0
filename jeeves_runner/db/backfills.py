"""The ``backfills`` table: times of the past for which a job runs after all, by its schedule and spec of now.

``db.backfill_steps`` takes each of them further.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypedDict, cast

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.backfilling import DEFAULT_PRIORITY, MAX_OCCURRENCES, FollowsJobs, downstream_of
from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.node_spec import NodeKind, split_key
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.params import settle
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.db import audit
from jeeves_runner.db.carried_runs import Stretch, is_carrying, stretches
from jeeves_runner.db.jobs import damaged_job, job_row, unknown_job
from jeeves_runner.db.run_ends import cancel_waiting_of_backfill
from jeeves_runner.db.run_states import RUNNING
from jeeves_runner.db.timetable_rows import schedule_of, timetable_rows
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, InvalidValue, NotFound

_INSTANT: Final = timedelta(microseconds=1)
ACTIVE: Final = "status = 'active'"


class BackfillRow(TypedDict):
    """A backfill as it is."""

    id: int
    """Its number."""
    job_id: str
    """The job."""
    from_at: str
    """The first time that counts."""
    to_at: str
    """Times before this count."""
    cursor: str | None
    """The last time that has been decided about; null: none yet."""
    status: str
    """``active``, ``done`` or ``cancelled``."""
    parallel: int
    """How many of its runs may be active at once."""
    priority: int
    """That of its runs."""
    again: bool
    """Whether times that have had their run get another one."""
    downstream: bool
    """Whether the jobs that come after this one run too."""
    total: int
    """How many times there are."""
    had_run: int
    """How many of them had run before, and were left out."""
    entered: int
    """How many of them got a run."""
    ok: int
    """Of how many of those all runs have ended ok, or had nothing to do."""
    failed: int
    """Of how many they are over otherwise."""
    taken_up: int
    """How often it has taken up again what was interrupted."""
    message: str | None
    """Why it ended before its time."""
    created_by: str
    """What it was asked for by: ``cli``."""
    created_at: str
    """When."""
    finished_at: str | None
    """When it was done or cancelled."""


_COLUMNS: Final = tuple(BackfillRow.__annotations__)
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM backfills"


class Wanted(NamedTuple):
    """What people ask for."""

    job_id: str
    """The job."""
    since: datetime
    """The first time that counts; aware, UTC."""
    until: datetime
    """Times before this count; likewise."""
    again: bool = False
    """Also what has run."""
    downstream: bool = False
    """Also the jobs that come after this one."""
    parallel: int = 1
    """How many runs may be active at once."""
    priority: int = DEFAULT_PRIORITY
    """That of the runs."""


class Times(NamedTuple):
    """The times of a backfill."""

    schedule: Schedule
    """They are its occurrences ..."""
    since: datetime
    """... from this one on ..."""
    until: datetime
    """... and before this one."""

    def each(self) -> Iterator[datetime]:
        """All of them, ascending."""
        return self.schedule.between(self.since - _INSTANT, self.until - _INSTANT)

    def number(self) -> int:
        """How many there are."""
        return self.schedule.count(self.since - _INSTANT, self.until - _INSTANT)


def times_of(conn: apsw.Connection, wanted: Wanted, now: datetime) -> Times:
    """The times that are meant: those about which the schedule has decided, which no run will come for.

    NotFound for an unknown job, Conflict for one that cannot run for a time of the past, InvalidValue for
    times that are none or too many.
    """
    job = job_row(conn, wanted.job_id)
    if job is None or job.deleted_at is not None:
        raise unknown_job(conn, wanted.job_id)
    row = next(timetable_rows(conn, [job.id]), None)
    schedule = schedule_of(row)
    if row is None or schedule is None:
        raise damaged_job(job.id)
    if not row.enabled:
        where = f"{job.file}:{job.line}"
        raise Conflict(f"job {job.id} is disabled, so it runs for no time", hint=f"enable it in {where}")
    if not row.schedule:
        raise Conflict(
            f"job {job.id} has no schedule, so it has no times to make up for",
            hint="name the job that it comes after, with --downstream",
        )
    settle(job_from_text(job.spec_text).params, {})
    if wanted.until <= wanted.since:
        raise InvalidValue("a backfill must begin before it ends: --from comes before --to")
    undecided = schedule.next_after(min(row.undecided_since(now), now))
    until = wanted.until if undecided is None else min(wanted.until, undecided)
    times = Times(schedule, wanted.since, until)
    count = times.number() if until > wanted.since else 0
    if count == 0:
        raise InvalidValue(
            f"job {job.id} has no time there that has passed",
            hint=f"`jeeves-runner next {job.id} --from TIME` lists its times, also those of the past",
        )
    if count > MAX_OCCURRENCES:
        raise InvalidValue(
            f"these are {count:,} times, and a backfill has {MAX_OCCURRENCES:,} at most",
            hint="make up for them in several backfills, one after the other",
        )
    return times


def zone_of(conn: apsw.Connection, job_id: str) -> str:
    """The time zone of a live job."""
    row = next(timetable_rows(conn, [job_id]), None)
    if row is None:
        raise damaged_job(job_id)
    return row.timezone


class TimeRun(NamedTuple):
    """The run that a time has had."""

    was_interrupted: bool
    """Whether no run of that time has come to its end, and none is under way: it was cut off."""
    run_id: int
    """The last one: of those that were not interrupted, if there are any."""


def times_run(conn: apsw.Connection, job_id: str, first: datetime, last: datetime) -> dict[str, TimeRun]:
    """Those times of a job in [first, last] that have had a run, or have one."""
    places = stretches(conn, job_id) if is_carrying(conn) else [Stretch(job_id, 0, None)]
    found: dict[str, TimeRun] = {}
    for place in places:
        bounds = {**place._asdict(), "first": to_text(first), "until": to_text(last)}
        for when, run_id, was_interrupted in conn.execute(_TIMES_RUN, bounds):
            one, known = TimeRun(bool(was_interrupted), run_id), found.get(when)
            if known is None or (known.was_interrupted, one.run_id) >= (one.was_interrupted, known.run_id):
                found[when] = one
    return found


_OF_PLACE: Final = """
job_id = :job_id AND scheduled_for BETWEEN :first AND :until AND id > :after
AND (:last IS NULL OR id <= :last) AND (started_at IS NOT NULL OR status = 'scheduled')
"""
# What became of a chain says its last attempt.
_TIME_RUN: Final = """
SELECT scheduled_for, id, 'interrupted' = coalesce(
  (SELECT status FROM runs AS attempts WHERE attempts.chain_id = coalesce(runs.chain_id, runs.id)
   ORDER BY attempts.id DESC LIMIT 1), status)
FROM runs
"""
_TIMES_RUN: Final = f"""
{_TIME_RUN} WHERE is_occurrence AND {_OF_PLACE}
UNION ALL
{_TIME_RUN} WHERE backfill_id IS NOT NULL AND {_OF_PLACE}
"""


def downstream(conn: apsw.Connection, job_id: str) -> tuple[FollowsJobs, ...]:
    """The enabled jobs that come after a job, by their manifests of now, in an order in which they run."""
    ups: dict[str, list[str]] = {}
    for job, node in conn.execute(_AFTER, (Relation.AFTER,)):
        kind, name = split_key(node)
        if kind == NodeKind.PROCESS:
            ups.setdefault(job, []).append(name)
    reached = downstream_of(job_id, (FollowsJobs(job, tuple(its)) for job, its in ups.items()))
    return tuple(each._replace(when=_when(conn, each.job)) for each in reached)


_AFTER: Final = "SELECT job_id, node FROM edges JOIN jobs ON jobs.id = job_id WHERE relation = ? AND enabled"


def _when(conn: apsw.Connection, job_id: str) -> Any:
    found = conn.execute("SELECT spec ->> '$.after.when' FROM jobs WHERE id = ?", (job_id,)).get
    return "finished" if found == "finished" else "ok"


def begin(tx: Tx, wanted: Wanted, *, by: Actor) -> int:
    """Enter a backfill, which the runner takes up; its number. Errors as of ``times_of``."""
    times = times_of(tx.conn, wanted, tx.now)
    number: int = tx.conn.execute(
        "INSERT INTO backfills (job_id, from_at, to_at, status, parallel, priority, again, downstream, total,"
        " created_by, created_at) VALUES (?, ?, ?, 'active', ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            wanted.job_id,
            to_text(times.since),
            to_text(times.until),
            wanted.parallel,
            wanted.priority,
            wanted.again,
            wanted.downstream,
            times.number(),
            by.name,
            tx.at,
        ),
    ).get
    detail = f"job {wanted.job_id}, {to_text(times.since)} to {to_text(times.until)}"
    audit.record(tx, actor=by, action="backfill", target=f"backfill {number}", detail=detail)
    return number


def cancel(tx: Tx, number: int, *, by: Actor) -> list[Run]:
    """End a backfill: nothing more of it starts, and what waits of it is cancelled; these runs.

    What runs goes on. NotFound, Conflict for one that has ended.
    """
    row = backfill_row(tx.conn, number)
    if row is None:
        raise unknown_backfill(number)
    if row["status"] != "active":
        raise Conflict(f"backfill {number} is {row['status']} already")
    audit.record(tx, actor=by, action="cancel", target=f"backfill {number}")
    return close(tx, number, None)


def close(tx: Tx, number: int, message: str | None) -> list[Run]:
    """The same for what cannot go on. The retries of what runs are given up with it."""
    tx.conn.execute(
        "UPDATE backfills SET status = 'cancelled', finished_at = ?, message = ?, open = '[]' WHERE id = ?",
        (tx.at, message, number),
    )
    return cancel_waiting_of_backfill(tx, number)


def running_of(conn: apsw.Connection, number: int) -> list[int]:
    """The runs of a backfill that run."""
    rows = conn.execute(f"SELECT id FROM runs WHERE {RUNNING} AND +backfill_id = ?", (number,))
    return [run_id for (run_id,) in rows]


def backfill_row(conn: apsw.Connection, number: int) -> BackfillRow | None:
    row = conn.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
    return None if row is None else _row(row)


def backfill_rows(conn: apsw.Connection, *, before: int | None = None, limit: int) -> list[BackfillRow]:
    """Up to ``limit`` of them, newest first, those before a number."""
    rows = conn.execute(
        f"{_SELECT} WHERE id < coalesce(?, 9223372036854775807) ORDER BY id DESC LIMIT ?", (before, limit)
    )
    return [_row(row) for row in rows]


def active_ids(conn: apsw.Connection) -> list[int]:
    """The numbers of those that are not over, oldest first; it reads an index alone."""
    return [number for (number,) in conn.execute(f"SELECT id FROM backfills WHERE {ACTIVE} ORDER BY id")]


def unknown_backfill(number: int) -> NotFound:
    return NotFound(f"no backfill {number}", hint="`jeeves-runner backfill list` lists them")


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the backfills that were over before then, ``limit`` at most. Returns how many."""
    tx.conn.execute(
        "DELETE FROM backfills WHERE id IN (SELECT id FROM backfills"
        " WHERE finished_at IS NOT NULL AND finished_at < ? LIMIT ?)",
        (to_text(before), limit),
    )
    return tx.conn.changes()


def _row(values: Sequence[Any]) -> BackfillRow:
    found = dict(zip(_COLUMNS, values, strict=True))
    found["again"], found["downstream"] = bool(found["again"]), bool(found["downstream"])
    return cast(BackfillRow, found)
