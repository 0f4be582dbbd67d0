"""Three days of runs for ``support.dashboard_world``: one of each occurrence, and of what follows from it,
with mixed ends. What is random is the same each time."""

import json
import math
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import apsw
from support.dashboard_logs import write_logs

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.db.timetable_rows import schedule_of, timetable_rows

DAYS: Final = 3

SILENCE: Final = (31.4, 30.5)
"""From how many hours ago until how many the server was down."""


class Habit(NamedTuple):
    """How long the runs of a job take, and how often they fail."""

    seconds: float
    """Its usual length."""
    failing: float = 0.02
    """How many of all fail, 0 to 1."""
    growth: float = 0.0
    """By which part of it the length has grown in the three days."""


class Trouble(NamedTuple):
    """A time in which all runs of a job ended badly."""

    begin: float
    """How many hours ago it began."""
    end: float
    """How many hours ago it was over; 0: it is not."""
    status: str
    """How they ended."""
    message: str
    """What was said of it."""


HABITS: Final[Mapping[str, Habit]] = MappingProxyType(
    {
        "check-site": Habit(2, 0.004),
        "import-orders": Habit(24, 0.01),
        "rebuild-search": Habit(430, 0.0, 0.9),
        "backup": Habit(4300, 0.0),
        "load-warehouse": Habit(3900, 0.3),
        "forecast-demand": Habit(1500),
        "crawl-prices": Habit(400, 0.18),
        "reconcile-payments": Habit(640),
        "sync-stock": Habit(150, 0.03, 0.5),
        "charge-cards": Habit(3, 0.01),
        "ping-partners": Habit(3, 0.09),
        "learn-mail-rules": Habit(800),
        "fetch-mail": Habit(9, 0.03),
        "index-mail": Habit(30),
        "sync-audiences": Habit(140, 0.08),
    }
)
_USUAL: Final = Habit(12)

TROUBLES: Final[Mapping[str, Trouble]] = MappingProxyType(
    {
        "export-crm": Trouble(9.5, 0, "error", "it exited with code 1"),
        "sync-stock": Trouble(27, 24.8, "error", "it exited with code 1"),
        "crawl-prices": Trouble(52, 47, "timeout", "it took longer than 20m"),
        "dun-late-payers": Trouble(80, 0, "error", "it exited with code 2"),
    }
)


@dataclass(kw_only=True, slots=True)
class Run:
    """A row of ``runs`` that is to be written."""

    job: str
    """The job."""
    status: str
    """How it ended, or that it waits."""
    trigger: str
    """What started it."""
    created: datetime
    """When its row was written."""
    started: datetime | None = None
    """When its process started."""
    finished: datetime | None = None
    """When it ended."""
    columns: dict[str, Any] = field(default_factory=dict)
    """The rest."""
    first: "Run | None" = None
    """The first attempt of its chain, where it is not that."""
    causes: list["Run"] = field(default_factory=list)
    """The runs that it follows from."""
    active: "Run | None" = None
    """The run that kept it from starting."""
    id: int = 0
    """Its number, once all are in order."""


class History:
    """Makes the runs of all jobs."""

    def __init__(self, conn: apsw.Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now
        self._begin = now - timedelta(days=DAYS)
        self._silence = tuple(now - timedelta(hours=hours) for hours in SILENCE)
        self._random = random.Random(7)
        self._specs = {
            job: json.loads(spec)
            for job, spec in conn.execute("SELECT id, spec FROM jobs WHERE deleted_at IS NULL")
        }
        self._after: dict[str, list[str]] = defaultdict(list)
        for job, relation, node in conn.execute("SELECT job_id, relation, node FROM edges"):
            if relation == "after":
                self._after[node.partition(":")[2]].append(job)
        self.runs: list[Run] = []

    def make(self) -> list[Run]:
        """All of them, numbered in the order in which they were entered."""
        for row in timetable_rows(self._conn):
            schedule = schedule_of(row)
            if schedule is None or not row.enabled or row.id.startswith("probe-"):
                continue
            times, when = [], schedule.next_after(max(self._begin, from_text(row.schedule_since)))
            while when is not None and when < self._now - timedelta(minutes=1):
                times.append(when)
                when = schedule.next_after(when)
            self._occurrences(row.id, times)
        self._by_hand()
        self.runs.sort(key=lambda run: run.created)
        for number, run in enumerate(self.runs, 1):
            run.id = number
        return self.runs

    def _occurrences(self, job: str, times: list[datetime]) -> None:
        lost = [when for when in times if self._silence[0] <= when < self._silence[1]]
        last: Run | None = None
        for when in times:
            if when in lost:
                continue
            if lost and when >= self._silence[1]:
                last, lost = self._after_silence(job, lost), []
            if last is not None and last.finished is not None and last.finished > when:
                self._skip(job, when, "overlap", last)
                continue
            last = self._chain(job, when, "schedule", columns={"scheduled_for": to_text(when)})

    def _after_silence(self, job: str, lost: list[datetime]) -> Run:
        """The one of the occurrences that fell into it is made up for; the others are missed."""
        back = self._silence[1] + timedelta(seconds=2)
        if len(lost) > 1:
            columns = {"scheduled_for": to_text(lost[0]), "last_for": to_text(lost[-2])}
            missed = {**columns, "occurrences": len(lost) - 1, "reason": "superseded"}
            self._add(
                Run(job=job, status="missed", trigger="schedule", created=back, finished=back, columns=missed)
            )
        return self._chain(job, back, "catch_up", columns={"scheduled_for": to_text(lost[-1])})

    def _skip(self, job: str, when: datetime, reason: str, active: Run) -> None:
        columns = {"scheduled_for": to_text(when), "reason": reason}
        run = Run(job=job, status="skipped", trigger="schedule", created=when, finished=when, columns=columns)
        run.active = active
        self._add(run)

    def _chain(
        self, job: str, when: datetime, trigger: str, *, columns: dict[str, Any], causes: tuple[Run, ...] = ()
    ) -> Run:
        """A run, its retries, and what comes after them; the last attempt."""
        created = when + timedelta(milliseconds=self._random.randint(4, 90))
        run = self._attempt(job, created, trigger, columns)
        run.causes += causes
        run.columns["depth"] = 1 + max((each.columns.get("depth", 0) for each in causes), default=-1)
        first = run
        retries = self._specs[job].get("retries") or {}
        for attempt in range(2, 2 + retries.get("limit", 0)):
            if run.status not in ("error", "timeout") or run.finished is None:
                break
            wait = timedelta(seconds=60 * 2 ** (attempt - 2))
            again = run.finished + wait
            if again > self._now:
                self._wait(first, attempt, run.finished, again)
                break
            more = {"attempt": attempt, "not_before": to_text(again), "delay_ms": 60_000}
            kept = {name: columns[name] for name in ("scheduled_for",) if name in columns}
            run = self._attempt(job, again, "retry", {**kept, **more, "depth": first.columns["depth"]})
            run.first = first
        if run.status == "ok" and run.finished is not None:
            for job_after in self._after.get(job, ()):
                self._chain(job_after, run.finished, "after", columns={}, causes=(run,))
        return run

    def _wait(self, first: Run, attempt: int, since: datetime, until: datetime) -> None:
        columns = {"attempt": attempt, "not_before": to_text(until), "delay_ms": 60_000, "reason": "retry"}
        if "scheduled_for" in first.columns:
            columns["scheduled_for"] = first.columns["scheduled_for"]
        run = Run(job=first.job, status="scheduled", trigger="retry", created=since, columns=columns)
        run.first = first
        self._add(run)

    def _attempt(self, job: str, created: datetime, trigger: str, columns: dict[str, Any]) -> Run:
        habit, hours = HABITS.get(job, _USUAL), (self._now - created).total_seconds() / 3600
        grown = 1 + habit.growth * (1 - hours / (24 * DAYS))
        seconds = habit.seconds * grown * math.exp(self._random.gauss(0, 0.22))
        started = created + timedelta(milliseconds=self._random.randint(20, 400))
        run = Run(
            job=job, status="ok", trigger=trigger, created=created, started=started, columns=dict(columns)
        )
        trouble = TROUBLES.get(job)
        if job == "charge-cards" and self._random.random() < 0.6:
            run.status, seconds = "skipped", 0.02
            run.columns |= {"reason": "precheck", "exit_code": 10, "message": "nothing to charge"}
        elif trouble is not None and trouble.end <= hours <= trouble.begin:
            run.status, seconds = trouble.status, seconds * (0.3 if trouble.status == "error" else 3)
            run.columns |= {"message": trouble.message, "exit_code": 1 if run.status == "error" else None}
        elif self._random.random() < habit.failing:
            run.status, seconds = "error", seconds * self._random.uniform(0.2, 1)
            run.columns |= {"message": "it exited with code 1", "exit_code": 1}
        elif job == "publish" and self._random.random() < 0.2:
            run.status = "cancelled"
            run.columns |= {"cancel_cause": "cancel", "signal": "SIGTERM", "message": "cancelled by cli"}
        else:
            run.columns["exit_code"] = 0
        finished = min(started + timedelta(seconds=seconds), self._now - timedelta(milliseconds=1))
        if started < self._silence[0] < finished:
            run.status, finished = "interrupted", self._silence[1] + timedelta(seconds=1)
            run.columns |= {"message": "the runner died while this ran", "exit_code": None}
        if job == "answer-drafts":
            run.columns |= {"tokens": self._random.randint(8_000, 90_000), "model": "claude-sonnet"}
        run.finished = finished
        run.columns["duration_ms"] = max(1, round((finished - started).total_seconds() * 1000))
        return self._add(run)

    def _by_hand(self) -> None:
        """What people and queues have started."""
        for hours in (60, 44, 37, 22, 20.5, 6, 2.2):
            order = f"AB-{self._random.randint(100_000, 999_999)}"
            given = {"order": order, "reason": self._random.choice(["damaged", "late", "other"])}
            self._start(
                "refund", hours, "manual", {**given, "notify": "true"}, origin="token desk from 10.0.3.7"
            )
        for hours in (66, 50, 42, 29, 18, 5, 1.1):
            self._start(
                "publish",
                hours,
                "manual",
                {"branch": "main", "dry_run": "false"},
                origin="api from 127.0.0.1",
            )
        for minute in range(20, DAYS * 24 * 60, 23):
            self._start("pack-orders", minute / 60, "queue", None)
        for minute in range(12, DAYS * 24 * 60, 31):
            self._start("sort-mail", minute / 60, "queue", None)
        self._start("restart-worker", 3.4, "manual", None, origin="ann, uid 1000")

    def _start(
        self,
        job: str,
        hours: float,
        trigger: str,
        params: dict[str, str] | None,
        *,
        origin: str | None = None,
    ) -> None:
        when = self._now - timedelta(hours=hours)
        if self._silence[0] <= when < self._silence[1]:
            return
        columns: dict[str, Any] = {"origin": origin}
        if params is not None:
            columns |= {"params": json.dumps(params), "given_params": json.dumps(list(params))}
        self._chain(job, when, trigger, columns=columns)

    def _add(self, run: Run) -> Run:
        self.runs.append(run)
        return run


def write_history(conn: apsw.Connection, data: Path, now: datetime) -> None:
    """Into the database, and logs into the data folder. Of each end there is one number."""
    runs = History(conn, now).make()
    ends = sorted((run for run in runs if run.finished), key=lambda run: (run.finished, run.id))
    numbers = {run.id: number for number, run in enumerate(ends, 1)}
    write_logs(data, runs, now)
    specs = {job: rest for job, *rest in conn.execute("SELECT id, spec_hash, revision_id, file FROM jobs")}
    for run in runs:
        columns = dict(run.columns)
        if run.causes:
            columns["caused_by"] = json.dumps({"runs": [each.id for each in run.causes]})
        if run.active is not None:
            columns["reason_ref"] = str(run.active.id)
        if run.first is not None:
            columns["chain_id"] = run.first.id
        spec_hash, revision, file = specs[run.job]
        columns |= {
            "id": run.id,
            "job_id": run.job,
            "status": run.status,
            "trigger": run.trigger,
            "created_at": to_text(run.created),
            "started_at": run.started and to_text(run.started),
            "finished_at": run.finished and to_text(run.finished),
            "end_seq": numbers.get(run.id),
            "spec_hash": spec_hash,
            "revision_id": revision,
            "file": file,
            "epoch": 1 if run.finished else None,
        }
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join("?" for _ in columns)
        conn.execute(f"INSERT INTO runs ({names}) VALUES ({places})", tuple(columns.values()))
        for cause in run.causes:
            conn.execute("INSERT INTO run_causes VALUES (?, ?)", (cause.id, run.id))
    conn.execute("UPDATE sequences SET value = ? WHERE name = 'run_ends'", (len(ends),))
