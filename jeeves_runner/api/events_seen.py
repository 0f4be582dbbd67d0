"""What has changed since the last look at the database: found by reading, so that it does not matter which
process has written it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db import incident_list, queue_contents, run_changes
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.queue_pauses import queue_pauses
from jeeves_runner.db.run_changes import Standing
from jeeves_runner.db.run_list import listed_runs
from jeeves_runner.views.events import AlertEvent, BriefKind, QueueEvent, RunChange, RunEvent
from jeeves_runner.views.queues import counts_document

_PORTION: Final = 500
"""Changes of a kind that one look passes on. What is left comes with the next, so that a burst takes no
time from the runs that start meanwhile."""

_REST: Final = 50.0
"""How many times longer than the last one took the next look at what may be long is left for."""


class News(NamedTuple):
    """One thing that has changed."""

    kind: BriefKind
    """What kind of thing it is."""
    about: str
    """Which one."""
    job_id: str | None
    """The job that it belongs to, if it does to one."""
    document: Mapping[str, object]
    """What is told of it."""


class Rested:
    """What is looked at as seldom as it takes long: a look costs no more than a fiftieth of the time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0.0
        self._began: float | None = None
        self.waits = False
        """Whether a look was left out, and is owed."""

    def begins(self) -> bool:
        """Whether to look now."""
        now = self._clock.monotonic()
        self.waits = now < self._next
        self._began = None if self.waits else now
        return not self.waits

    def ended(self) -> None:
        """The look that has begun is over."""
        now = self._clock.monotonic()
        if self._began is not None:
            self._next = now + _REST * (now - self._began)


class Seen:
    """What has been seen of the database. One thread at a time uses it.

    What waits is found by its row alone, and there may be a hundred thousand of it; incidents likewise.
    Everything else is found by its number, or is short.
    """

    def __init__(self, conn: apsw.Connection, clock: Clock) -> None:
        """See all as it is now."""
        self._clock = clock
        with snapshot(conn):
            self._run = run_changes.newest_run(conn)
            self._end = run_changes.last_end(conn)
            self._running = run_changes.running_now(conn)
            self._waiting = run_changes.waiting_now(conn)
            self._queues = queue_contents.queue_marks(conn)
            self._incident = incident_list.newest_incident(conn)
            self._open = incident_list.open_numbers(conn)
        self._waits = Rested(clock)
        self._incidents = Rested(clock)
        self.is_behind = False
        """Whether there was more than one look passes on, or something was left for a later one."""

    def news(self, conn: apsw.Connection, *, in_full: bool) -> list[News]:
        """What has changed since the last call. One that raises has seen nothing.

        Not ``in_full``: the documents of runs and queues are empty, and cost nothing.
        """
        now = self._clock.now()
        with snapshot(conn):
            runs = self._runs(conn, in_full)
            queues, marks = self._changed_queues(conn, now, in_full)
            incidents = self._changed_incidents(conn, now)
        self._run, self._end, self._running, self._waiting = runs.run, runs.end, runs.running, runs.waiting
        self._queues = marks
        self._incident, self._open = incidents.newest, incidents.open
        self.is_behind = runs.are_more or incidents.are_more or self._waits.waits or self._incidents.waits
        return [*runs.news, *queues, *incidents.news]

    def _runs(self, conn: apsw.Connection, in_full: bool) -> "_Runs":
        changes: dict[int, RunChange] = {}
        entered = run_changes.entered_after(conn, self._run, _PORTION)
        last_entered = max(entered, default=self._run)
        are_more = len(entered) == _PORTION
        waiting = dict(self._waiting)
        if self._waits.begins():
            now_waiting = run_changes.waiting_now(conn)
            self._waits.ended()
            changed = [
                run_id
                for run_id, standing in now_waiting.items()
                if run_id <= last_entered and self._waiting.get(run_id) != standing
            ]
            are_more = are_more or len(changed) > _PORTION
            waiting = {run_id: self._waiting[run_id] for run_id in now_waiting.keys() & self._waiting.keys()}
            for run_id in changed[:_PORTION]:
                changes[run_id] = "waits" if run_id in self._waiting else "entered"
                waiting[run_id] = now_waiting[run_id]
        for run_id, standing in entered.items():
            if standing.status == "scheduled" and run_id not in waiting:
                changes[run_id] = "entered"
                waiting[run_id] = standing
        running = run_changes.running_now(conn)
        for run_id, standing in running.items():
            waiting.pop(run_id, None)
            if self._running.get(run_id) != standing:
                changes[run_id] = "progress" if run_id in self._running else "started"
        ends = run_changes.ends_after(conn, self._end, _PORTION)
        for end in ends:
            waiting.pop(end.run_id, None)
            changes[end.run_id] = "ended"
        return _Runs(
            news=list(_run_news(conn, changes) if in_full else _brief_run_news(conn, changes)),
            run=last_entered,
            end=ends[-1] if ends else self._end,
            running=running,
            waiting=waiting,
            are_more=are_more or len(ends) == _PORTION,
        )

    def _changed_queues(
        self, conn: apsw.Connection, now: datetime, in_full: bool
    ) -> tuple[list[News], dict[str, tuple[object, ...]]]:
        marks = queue_contents.queue_marks(conn)
        changed = [queue_id for queue_id, mark in marks.items() if self._queues.get(queue_id) != mark]
        if not in_full:
            return [News("queue", f"queue {queue_id}", None, {}) for queue_id in changed], marks
        pauses = queue_pauses(conn, now) if changed else {}
        news = []
        for queue_id in changed:
            if (counts := queue_contents.queue_counts(conn, now, queue_id).get(queue_id)) is not None:
                document: QueueEvent = {"id": queue_id, **counts_document(counts, pauses.get(queue_id))}
                news.append(News("queue", f"queue {queue_id}", None, document))
        return news, marks

    def _changed_incidents(self, conn: apsw.Connection, now: datetime) -> "_Incidents":
        new = incident_list.incidents_after(conn, self._incident, _PORTION)
        still_open = self._open
        closed: set[int] = set()
        if self._incidents.begins():
            still_open = incident_list.open_numbers(conn)
            closed = self._open - still_open
            self._incidents.ended()
        rows = incident_list.listed_incidents(conn, now, {*new, *closed})
        news = []
        for row in reversed(rows):
            document: AlertEvent = {
                "change": "opened" if row["closed_at"] is None else "closed",
                "incident": row,
            }
            news.append(News("alert", f"alert {row['id']}", row["job_id"], document))
        opened = {row["id"] for row in rows if row["closed_at"] is None}
        return _Incidents(news, max(new, default=self._incident), still_open | opened, len(new) == _PORTION)


class _Runs(NamedTuple):
    news: list[News]
    run: int
    end: run_changes.End
    running: dict[int, Standing]
    waiting: dict[int, Standing]
    are_more: bool


class _Incidents(NamedTuple):
    news: list[News]
    newest: int
    open: set[int]
    are_more: bool


def _brief_run_news(conn: apsw.Connection, changes: Collection[int]) -> Iterable[News]:
    return (
        News("run", f"run {run_id}", job, {}) for run_id, job in run_changes.jobs_of(conn, changes).items()
    )


def _run_news(conn: apsw.Connection, changes: Mapping[int, RunChange]) -> Iterable[News]:
    """In the order of their numbers, but what has ended last and in the order of its ends."""
    rows = listed_runs(conn, changes)
    active = sorted(run_id for run_id, change in changes.items() if change != "ended")
    for run_id in (*active, *(run_id for run_id, change in changes.items() if change == "ended")):
        if (row := rows.get(run_id)) is not None:
            document: RunEvent = {"change": changes[run_id], "run": row}
            yield News("run", f"run {run_id}", row["job_id"], document)
