"""Jobs: what is declared of each, how it is and when it runs next."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, NamedTuple, NotRequired, TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import OverrideKind, RunStatus
from jeeves_runner.core.token_budget import day_of
from jeeves_runner.core.values import from_json
from jeeves_runner.db import jobs, overrides, revisions, skips
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.job_list import JobColumns, ListedJob, listed_jobs
from jeeves_runner.db.job_signs import JobSign, is_decided_beyond
from jeeves_runner.db.overrides import Shown
from jeeves_runner.db.revisions import RevisionRow
from jeeves_runner.db.run_list import RunRow, run_rows
from jeeves_runner.db.skips import ComingSkip
from jeeves_runner.db.token_use import tokens_used
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.views.occurrences import NO_MOMENTS, Coming, Moments, NextRun, next_runs, text_of

_LAST_RUNS: Final = 10


class OverrideDocument(TypedDict):
    """A pause or a mute that is in force."""

    until: str | None
    """When it ends; null: when it is resumed, or unmuted."""
    reason: str | None
    """Why it was made."""
    all: bool
    """Whether it holds for all jobs."""


class SkipDocument(TypedDict):
    """An occurrence that is not to run, and is yet to come."""

    scheduled_for: str
    """The occurrence."""
    reason: str | None
    """Why it is skipped."""
    is_occurrence: bool
    """Whether the job still occurs then: its schedule may have changed since it was skipped."""


class AllPausedDocument(TypedDict):
    """What ``pause --all`` and ``resume --all`` leave."""

    paused: OverrideDocument | None
    """The pause of all jobs; null if there is none."""


class AllMutedDocument(TypedDict):
    """What ``mute --all`` and ``unmute --all`` leave."""

    muted: OverrideDocument | None
    """The mute of everything; null if there is none."""


class LastRunDocument(TypedDict):
    """The newest run of a job that started."""

    id: int
    """Its number."""
    status: Annotated[str, RunStatus]
    """Where it is, or how it ended."""
    started_at: str
    """When it started."""
    finished_at: str | None
    """When it ended; null while it runs."""
    duration_ms: int | None
    """How long it ran."""


class ListedJobDocument(JobColumns):
    """A job in a list."""

    tags: list[str]
    """Its tags."""
    owner: str | None
    """Who looks after it."""
    starts: list[str]
    """What starts it besides its schedule and people, in words: `after fetch`, `by items of queue mail`."""
    status: str
    """The first that fits of ``disabled, paused, running, scheduled``, its last outcome, and ``idle``."""
    held: bool
    """Whether it keeps an older spec because its manifest is broken."""
    paused: OverrideDocument | None
    """The pause in force: of its own and that of all jobs the one that ends last."""
    muted: OverrideDocument | None
    """The mute in force, likewise."""
    skips: list[SkipDocument]
    """What is skipped of it, by time."""
    last_status: Annotated[str, RunStatus] | None
    """The outcome of the newest run that started and ended."""
    last_run: LastRunDocument | None
    """The newest run that started."""
    next_run: str | None
    """Its next occurrence that is neither paused nor skipped."""
    catches_up_at: str | None
    """When it is decided what becomes of occurrences for which the server was too late: ``catch_up_spread``
    spaces the jobs that are late. Null: there are none, or no server says."""


class TokensDocument(TypedDict):
    """What the runs of a job have used of a day's tokens."""

    used: int
    """By the runs that started today, those that still run too."""
    limit: int
    """What they may use: ``max_tokens_per_day``."""
    until: str
    """When the next day begins, by the job's time zone."""


class WholeJobDocument(ListedJobDocument):
    """A job with all that is known of it."""

    held_message: str | None
    """Why it is held."""
    held_since: str | None
    """Since when it is held."""
    tokens_today: TokensDocument | None
    """What its runs have used today; null for a job without ``max_tokens_per_day``."""
    spec: Mapping[str, object]
    """All that is declared of it, defaults included."""
    revision: RevisionRow | None
    """The apply that last wrote it."""
    last_runs: list[RunRow]
    """Its newest runs, at most 10."""


class JobsDocument(TypedDict):
    """The live jobs, by id."""

    jobs: list[ListedJobDocument]
    """All of them, or one page."""
    next_cursor: NotRequired[str]
    """Of a page, what asks for the next one; absent at the end."""


class JobDocument(TypedDict):
    """One job."""

    job: WholeJobDocument
    """With all that is known of it."""


def jobs_view(
    conn: apsw.Connection,
    now: datetime,
    next_run: NextRun | None = None,
    catching_up: Moments = NO_MOMENTS,
) -> JobsDocument:
    """``{jobs}``: the live jobs by id.

    ``next_run`` is the timetable of a running server; without one occurrences are computed. ``catching_up``:
    when that server has late jobs catch up, by id.
    """
    return {"jobs": list(each_job(conn, now, next_run, catching_up))}


def each_job(
    conn: apsw.Connection,
    now: datetime,
    next_run: NextRun | None = None,
    catching_up: Moments = NO_MOMENTS,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Iterator[ListedJobDocument]:
    """The jobs of ``jobs_view`` one by one: up to ``limit``, those ``after`` an id."""
    with snapshot(conn):
        times = _Times(conn, now, next_run or next_runs(conn, now), catching_up)
        for listed in listed_jobs(conn, now, after=after, limit=limit):
            yield _job(listed, times.of(listed.columns["id"], _is_scheduled(listed), listed.pause))


class JobState(NamedTuple):
    """All that the document of a listed job is made of, besides what its sign and ``Beside`` tell: of two of
    which all are equal, the documents are."""

    pause: Shown | None
    """The pause in force."""
    mute: Shown | None
    """The mute in force."""
    next_run: datetime | None
    """As in the document."""
    skips: Sequence[ComingSkip]
    """What is skipped of it."""
    catches_up_at: datetime | None
    """As in the document."""

    def document(self, listed: ListedJob) -> ListedJobDocument:
        """The document of a job, as it was listed."""
        return _job(listed, _JobTimes(self.next_run, self.skips, self.catches_up_at))

    def holds_until(self, sign: JobSign, now: datetime) -> datetime | None:
        """When the time alone may make another of it, as far as that is not said by
        ``overrides.next_change``; None: never."""
        if self.pause is None and not self.skips:
            return None
        return now if is_decided_beyond(sign, to_text(now)) else self.next_run


class JobStates:
    """What the documents of ``each_job`` are made of, within a snapshot."""

    def __init__(self, conn: apsw.Connection, now: datetime, next_run: NextRun, catching_up: Moments) -> None:
        self._conn = conn
        self._now = now
        self._next_run = next_run
        self._times = _Times(conn, now, next_run, catching_up)
        self._pauses = overrides.in_force(conn, OverrideKind.PAUSE, now)
        self._mutes = overrides.in_force(conn, OverrideKind.MUTE, now)
        self.are_plain = not (self._times.are_special or self._pauses.is_any or self._mutes.is_any)
        """Whether the timetable alone says what is to come: no job is paused, muted, skipped or late."""

    def listed(self, ids: Sequence[str] | None) -> Iterator[ListedJob]:
        """The jobs of these ids, or all, by id."""
        return listed_jobs(self._conn, self._now, ids)

    def of(self, sign: JobSign) -> JobState:
        """The rest of what its document is made of."""
        job_id, is_scheduled = sign[:2]
        if self.are_plain:  # as most often; it costs a third
            return JobState(None, None, self._next_run(job_id) if is_scheduled else None, (), None)
        pause = self._pauses.of(job_id)
        return JobState(pause, self._mutes.of(job_id), *self._times.of(job_id, bool(is_scheduled), pause))


class _JobTimes(NamedTuple):
    """What is to come of a job, as in ``JobState``."""

    next_run: datetime | None
    """Its next run."""
    skips: Sequence[ComingSkip]
    """What is skipped."""
    catches_up_at: datetime | None
    """When it catches up."""


class _Times:
    """What is to come of the jobs of a list, read once for all."""

    def __init__(
        self,
        conn: apsw.Connection,
        now: datetime,
        coming: NextRun,
        catching_up: Moments,
        ids: Sequence[str] | None = None,
    ) -> None:
        """``ids``: of which jobs; None: of all."""
        self._conn = conn
        self._now = now
        self._coming = coming
        self._catching_up = catching_up
        self._ids = ids
        self._skipped = skips.coming(conn, now, ids)
        self._others: Coming | None = None

    @property
    def are_special(self) -> bool:
        """Whether any job has a skip, or is to catch up."""
        return bool(self._skipped or self._catching_up)

    def of(self, job_id: str, is_scheduled: bool, pause: Shown | None) -> _JobTimes:
        skipped = self._skipped.get(job_id, ())
        if not is_scheduled:
            found = None
        elif pause is not None:
            until = None if pause.until is None else time_or_none(pause.until, "a pause", "until")
            found = None if until is None else self._computed().once_over(job_id, until)
        else:
            found = self._coming(job_id)  # a server's timetable knows of no skips
            if skipped and any(each.when == found for each in skipped):
                found = self._computed().next(job_id)
        return _JobTimes(found, skipped, self._catching_up.get(job_id))

    def _computed(self) -> Coming:
        """Of all jobs that are paused or skipped."""
        if self._others is None:
            pauses = overrides.in_force(self._conn, OverrideKind.PAUSE, self._now)
            ids = None if pauses.of_all is not None else [*pauses.of_jobs, *self._skipped]
            self._others = Coming(self._conn, self._now, self._ids or ids)
        return self._others


def job_view(
    conn: apsw.Connection,
    now: datetime,
    job_id: str,
    next_run: NextRun | None = None,
    catching_up: Moments = NO_MOMENTS,
) -> JobDocument:
    """``{job}``: a listed job and its whole ``spec``, ``revision``, ``held_message`` and ``last_runs``.

    NotFound, also for a deleted job.
    """
    with snapshot(conn):
        listed = next(listed_jobs(conn, now, [job_id]), None)
        row = jobs.job_row(conn, job_id)
        if listed is None or row is None:
            raise jobs.unknown_job(conn, job_id)
        times = _Times(conn, now, next_run or next_runs(conn, now, [job_id]), catching_up, [job_id])
        spec = from_json(row.spec_text, f"the spec of job {job_id}")
        job: WholeJobDocument = {
            **_job(listed, times.of(job_id, _is_scheduled(listed), listed.pause)),
            "held_message": listed.held_message,
            "held_since": listed.held_since,
            "tokens_today": _tokens_today(conn, now, listed.columns, spec),
            "spec": spec,
            "revision": revisions.revision(conn, row.revision_id),
            "last_runs": run_rows(conn, job_id=job_id, limit=_LAST_RUNS).rows,
        }
    return {"job": job}


def _tokens_today(
    conn: apsw.Connection, now: datetime, columns: JobColumns, spec: Mapping[str, object]
) -> TokensDocument | None:
    session = spec.get("session")
    limit = session.get("max_tokens_per_day") if isinstance(session, dict) else None
    if not isinstance(limit, int):  # none, or what another program has written
        return None
    day = day_of(now, columns["timezone"])
    return {"used": tokens_used(conn, columns["id"], *day), "limit": limit, "until": to_text(day.end)}


def override_of_all(conn: apsw.Connection, kind: OverrideKind, now: datetime) -> OverrideDocument | None:
    """The pause or mute of all jobs as each of them tells it; None if none is in force."""
    return _override(overrides.in_force(conn, kind, now).of_all)


def all_paused_view(conn: apsw.Connection, now: datetime) -> AllPausedDocument:
    """``{paused}``."""
    return {"paused": override_of_all(conn, OverrideKind.PAUSE, now)}


def all_muted_view(conn: apsw.Connection, now: datetime) -> AllMutedDocument:
    """``{muted}``."""
    return {"muted": override_of_all(conn, OverrideKind.MUTE, now)}


def _is_scheduled(listed: ListedJob) -> bool:
    return listed.columns["enabled"] and listed.columns["schedule"] is not None


def _job(listed: ListedJob, times: _JobTimes) -> ListedJobDocument:
    paused = _override(listed.pause)
    return {
        **listed.columns,
        "enabled": listed.columns["enabled"] and paused is None,
        "tags": listed.tags,
        "owner": listed.owner,
        "starts": listed.starts,
        "status": listed.status,
        "held": listed.held_message is not None,
        "paused": paused,
        "muted": _override(listed.mute),
        "skips": [
            {"scheduled_for": to_text(each.when), "reason": each.reason, "is_occurrence": each.is_occurrence}
            for each in times.skips
        ],
        "last_status": listed.last_status,
        "last_run": _last_run(listed),
        "next_run": text_of(times.next_run),
        "catches_up_at": text_of(times.catches_up_at),
    }


def _override(found: Shown | None) -> OverrideDocument | None:
    return None if found is None else {"until": found.until, "reason": found.reason, "all": found.of_all}


def _last_run(listed: ListedJob) -> LastRunDocument | None:
    if listed.last_id is None or listed.last_run_status is None or listed.last_started_at is None:
        return None
    return {
        "id": listed.last_id,
        "status": listed.last_run_status,
        "started_at": listed.last_started_at,
        "finished_at": listed.last_finished_at,
        "duration_ms": listed.last_duration_ms,
    }
