"""Steps of a backfill: its cursor and the requests for its runs are written in one transaction each.

So a runner that dies between two steps leaves nothing half done, and the next one goes on from the row.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.backfilling import Fate, FollowsJobs, Wave, fate_of
from jeeves_runner.core.causes import Causes
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.db import overrides, revisions
from jeeves_runner.db.backfills import (
    ACTIVE,
    BackfillRow,
    TimeRun,
    Times,
    close,
    downstream,
    times_run,
)
from jeeves_runner.db.renames import new_id
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.timetable_rows import schedule_of, timetable_rows
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, JeevesError

_INSTANT: Final = timedelta(microseconds=1)

_AT_ONCE: Final = 100
"""Times that are looked at in one transaction."""


class _Row(NamedTuple):
    """What a step has to know of its row; the fields are as in ``BackfillRow``."""

    id: int
    """Its number."""
    job_id: str
    """The job."""
    from_at: str
    """The first time that counts."""
    to_at: str
    """Times before this count."""
    cursor: str | None
    """The last time that has been decided about."""
    open: str
    """The waves of those that are not over, as JSON."""
    parallel: int
    """How many chains may be active at once."""
    priority: int
    """That of the runs."""
    again: bool
    """Whether what has run runs again."""
    downstream: bool
    """Whether the jobs after it run too."""


_SELECT: Final = f"SELECT {', '.join(_Row._fields)} FROM backfills WHERE id = ? AND {ACTIVE}"


def advance(tx: Tx, number: int) -> bool:
    """Take a backfill as far as it goes now; whether that has changed anything, and there may be more."""
    row = _row(tx.conn, number)
    if row is None:
        return False
    timetable = next(timetable_rows(tx.conn, [row.job_id]), None)
    if timetable is None or timetable.deleted:
        close(tx, number, "its job was deleted")
        return True
    followers = downstream(tx.conn, row.job_id) if row.downstream else ()
    step = _Step(tx, row, followers, _waves(tx.conn, row))
    step.note_ends()
    step.enter_followers()
    step.close_waves()
    schedule = schedule_of(timetable)
    times = None
    if schedule is not None:
        since = from_text(row.from_at if row.cursor is None else row.cursor)
        since += timedelta(0) if row.cursor is None else _INSTANT
        times = Times(schedule, since, from_text(row.to_at))
        # What is disabled may be enabled again: until then nothing of it is entered.
        step.enter_times(times, is_enabled=timetable.enabled)
    return step.write(is_done=times is None or next(_rest(times, step.cursor), None) is None)


def _rest(times: Times, cursor: str | None) -> Iterator[datetime]:
    since = times.since if cursor is None else max(times.since, from_text(cursor) + _INSTANT)
    return times._replace(since=since).each()


@dataclass(slots=True)
class _Step:
    """One step on its way."""

    tx: Tx
    """The transaction of it all."""
    row: _Row
    """As it was."""
    followers: Sequence[FollowsJobs]
    """The jobs after its own."""
    waves: list[Wave]
    """The times that are not over."""
    cursor: str | None = None
    """The last time that has been decided about by now."""
    had_run: int = 0
    """How many more times are left out."""
    entered: int = 0
    """How many more got a run."""
    taken_up: int = 0
    """How many more of these had been interrupted before."""
    ok: int = 0
    """How many more went well."""
    failed: int = 0
    """How many more did not."""

    def __post_init__(self) -> None:
        self.cursor = self.row.cursor

    def note_ends(self) -> None:
        """Note which chains are over, and how."""
        for wave in self.waves:
            for job, run_id in wave.active.items():
                fate = _fate(self.tx.conn, run_id)
                if fate is not None:
                    wave.ended[job] = fate

    def enter_followers(self) -> None:
        """Enter the runs of the jobs whose turn it is, those of older times first."""
        for wave in self.waves:
            for job in wave.ready(self.row.job_id, self.followers):
                if not (self._may_enter and self._enter(wave, job)):
                    break

    def close_waves(self) -> None:
        """Count the times of which all is over."""
        for wave in list(self.waves):
            if not wave.active and not wave.ready(self.row.job_id, self.followers):
                self.waves.remove(wave)
                self.ok += wave.went_well
                self.failed += not wave.went_well

    def enter_times(self, times: Times, *, is_enabled: bool) -> None:
        """Go on to the next times, as far as there may be runs."""
        conn, row = self.tx.conn, self.row
        looked_at = list(islice(times.each(), _AT_ONCE))
        has_run: dict[str, TimeRun] = {}
        if looked_at and not row.again:
            has_run = times_run(conn, row.job_id, looked_at[0], looked_at[-1])
        for when in looked_at:
            text = to_text(when)
            before = has_run.get(text)
            if before is not None and not before.was_interrupted:
                self.cursor = text
                self.had_run += 1
                continue
            wave = Wave(text)
            if not (is_enabled and self._may_enter and self._enter(wave, row.job_id)):
                break
            self.cursor = text
            self.waves.append(wave)
            self.entered += 1
            self.taken_up += before is not None

    @property
    def _may_enter(self) -> bool:
        return sum(len(wave.active) for wave in self.waves) < self.row.parallel

    def _enter(self, wave: Wave, job_id: str) -> bool:
        """Enter a run; False where it cannot be yet."""
        conn = self.tx.conn
        is_root = job_id == self.row.job_id
        if not _is_enabled(conn, job_id):
            wave.ended[job_id] = Fate.NOT_RUN
            return True
        if overrides.job_is_paused(conn, job_id, self.tx.now):
            return False
        causes = next((wave.causes(each) for each in self.followers if each.job == job_id), ())
        request = RunRequest(
            job_id=job_id,
            trigger=Trigger.BACKFILL,
            caused_by=None if is_root else Causes(runs=causes),
            scheduled_for=from_text(wave.at),
            backfill_id=self.row.id,
            priority=self.row.priority,
        )
        try:
            wave.runs[job_id] = request_run(self.tx, request)
        except Conflict:  # its row was damaged, until an apply heals it
            return False
        except JeevesError:  # it wants parameters by now, which a time of the past does not bring
            wave.ended[job_id] = Fate.NOT_RUN
        return True

    def write(self, *, is_done: bool) -> bool:
        """Write what has changed; whether anything has."""
        is_over = is_done and not self.waves
        stored = json.dumps([wave.as_json() for wave in self.waves])
        if stored == self.row.open and self.cursor == self.row.cursor and not is_over:
            return False
        self.tx.conn.execute(
            _WRITE,
            {
                "id": self.row.id,
                "cursor": self.cursor,
                "open": stored,
                "had_run": self.had_run,
                "entered": self.entered,
                "taken_up": self.taken_up,
                "ok": self.ok,
                "failed": self.failed,
                "status": "done" if is_over else "active",
                "finished_at": self.tx.at if is_over else None,
            },
        )
        return True


def _is_enabled(conn: apsw.Connection, job_id: str) -> bool:
    return bool(conn.execute("SELECT enabled FROM jobs WHERE id = ? AND deleted_at IS NULL", (job_id,)).get)


_WRITE: Final = """
UPDATE backfills SET cursor = :cursor, open = :open, had_run = had_run + :had_run,
  entered = entered + :entered, taken_up = taken_up + :taken_up, ok = ok + :ok, failed = failed + :failed,
  status = :status, finished_at = :finished_at
WHERE id = :id
"""


def _row(conn: apsw.Connection, number: int) -> _Row | None:
    values = conn.execute(_SELECT, (number,)).fetchone()
    return None if values is None else _Row._make(values)


def _waves(conn: apsw.Connection, row: _Row) -> list[Wave]:
    values = json.loads(row.open)
    jobs = {job for value in values for job in (*value["runs"], *value["ended"])}
    present = {job: new_id(conn, job) or job for job in jobs}
    return [Wave.of(value, present) for value in values]


def _fate(conn: apsw.Connection, run_id: int) -> Fate | None:
    """What a chain came to; None while it is not over. One that is deleted already had run."""
    row = _last_attempt(conn, run_id)
    if row is None:
        return Fate.RAN
    _, status, has_started = row
    return fate_of(RunStatus(status), has_started=bool(has_started)) if RunStatus(status).is_final else None


def _last_attempt(conn: apsw.Connection, run_id: int) -> tuple[int, str, bool] | None:
    found: tuple[int, str, bool] | None = conn.execute(_LAST_ATTEMPT, {"first": run_id}).fetchone()
    return found


_LAST_ATTEMPT: Final = """
SELECT id, status, started_at IS NOT NULL FROM runs
WHERE id = coalesce((SELECT max(id) FROM runs WHERE chain_id = :first), :first)
"""


def held_up(conn: apsw.Connection, row: BackfillRow, now: datetime) -> str | None:
    """Why a job whose turn it is gets no run, such as ``job report is paused``; None: each gets its own."""
    if row["status"] != "active" or (step := _row(conn, row["id"])) is None:
        return None
    followers = downstream(conn, row["job_id"]) if row["downstream"] else ()
    turns = {job for wave in _waves(conn, step) for job in wave.ready(row["job_id"], followers)}
    if row["had_run"] + row["entered"] < row["total"]:
        turns.add(row["job_id"])
        if not _is_enabled(conn, row["job_id"]):
            return f"job {row['job_id']} is disabled"
    paused = overrides.pauses(conn, now)
    if turns and paused.of_all is not None:
        return "all jobs are paused"
    job = min(turns & paused.of_jobs.keys(), default=None)
    return None if job is None else f"job {job} is paused"


class Standing(NamedTuple):
    """What the next step depends on: while it is the same, there is nothing to do."""

    row: _Row
    """The row."""
    attempts: tuple[tuple[int, str, bool] | None, ...]
    """The last attempts of the chains that were not over."""
    revision: int
    """The newest one: jobs are as it left them."""
    pauses: overrides.Pauses
    """What is paused."""

    @property
    def active(self) -> list[int]:
        """The runs that it waits for."""
        return [found[0] for found in self.attempts if found is not None]


def standing(conn: apsw.Connection, number: int, pauses: overrides.Pauses) -> Standing | None:
    """How a backfill stands; None if it is over. Some reads by index for each of its chains."""
    row = _row(conn, number)
    if row is None:
        return None
    ids = [run for wave in _waves(conn, row) for run in wave.active.values()]
    attempts = tuple(_last_attempt(conn, run_id) for run_id in ids)
    return Standing(row, attempts, revisions.head(conn), pauses)
