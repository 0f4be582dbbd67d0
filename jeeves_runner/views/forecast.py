"""What a plan changes of the days to come, as ``diff`` tells it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.consequences import (
    Forecast,
    JobForecast,
    LiveTiming,
    Timing,
    forecast,
    retimed,
)
from jeeves_runner.core.load import Peak
from jeeves_runner.core.plan import Plan
from jeeves_runner.core.schedule.nights import Effect, Night
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.db import namespaces
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.timetable_rows import TimetableRow, timetable_rows
from jeeves_runner.views.load import MinuteDocument

Timings = Callable[[Collection[str] | None], Mapping[str, LiveTiming]]
"""When jobs occur, by id: those of these ids, or all."""


class NightDocument(TypedDict):
    """A shift of clocks that touches a job from now on."""

    at: str
    """When clocks are shifted."""
    begin: str
    """The first local time that is skipped or repeated."""
    end: str
    """The local time before which that ends."""
    first: str
    """The first of the job's local times in it."""
    times: int
    """How many local times of the job are in it."""
    effect: Effect
    """``moved``: they run once, after the gap. ``left_out``: they do not run. ``once``, ``twice``: repeated
    times run the first time, or both times."""
    message: str
    """The same in a sentence."""


class JobForecastDocument(TypedDict):
    """What a plan changes of a job's next seven days."""

    job_id: str
    """The job."""
    timezone: str
    """The zone of its schedule."""
    lost: int
    """How many occurrences it loses."""
    gained: int
    """How many it gains."""
    first_lost: list[str]
    """The first of those it loses, three at most."""
    first_gained: list[str]
    """The first of those it gains, likewise."""
    nights: list[NightDocument]
    """Shifts of clocks of the next 366 days that touch it, and did not in the same way before."""


class PeaksDocument(TypedDict):
    """The worst minute of the next seven days, of all jobs by their schedules."""

    before: MinuteDocument | None
    """As it is; null: nothing starts."""
    after: MinuteDocument | None
    """Once the plan is applied; likewise."""


class ForecastDocument(TypedDict):
    """What a plan changes of the days to come, by schedules alone: pauses and skips are not looked at."""

    since: str
    """Occurrences after this are looked at."""
    until: str
    """And up to this."""
    jobs: list[JobForecastDocument]
    """The jobs whose times change, by id; 1,000 at most."""
    more: int
    """How many others there are."""
    peak: PeaksDocument | None
    """The worst minute before and after; null where no times change, or there are too many schedules."""


def forecast_of_live(conn: apsw.Connection, plan: Plan, now: datetime) -> ForecastDocument:
    """What the plan changes of what is live. Where it changes no times, only its own jobs are read."""
    ids = [change.live_id for change in plan.changes if change.kind == "job"]
    if not ids:
        return _document(forecast((), (), now))
    with snapshot(conn):
        known = {row.id: _live(row) for row in timetable_rows(conn, ids)}
        new = [job_id for job_id in ids if job_id not in known or known[job_id].timing is None]
        # The row of a deleted job has the namespace of then, which may be another job's by now.
        others = namespaces.of_new(conn, new)
        known.update((job_id, LiveTiming(None, others.get(job_id, job_id))) for job_id in new)
        changed = retimed(plan, known)
        live = list(_schedules(_live(row) for row in timetable_rows(conn))) if changed else []
    return _document(forecast(changed, live, now))


def forecast_between(plan: Plan, timings: Timings, now: datetime) -> ForecastDocument:
    """What it changes of jobs that stand in no database. ``timings``: when they occur."""
    ids = {change.live_id for change in plan.changes if change.kind == "job"}
    changed = retimed(plan, timings(ids)) if ids else []
    return _document(forecast(changed, _schedules(timings(None).values()) if changed else (), now))


def _live(row: TimetableRow) -> LiveTiming:
    timing = Timing(row.enabled, row.schedule, row.timezone, row.exclude)
    return LiveTiming(None if row.deleted else timing, row.namespace)


def _schedules(live: Iterable[LiveTiming]) -> Iterator[Schedule]:
    return (schedule for each in live if (schedule := each.times()) is not None)


def _document(found: Forecast) -> ForecastDocument:
    peaks = found.peaks
    return {
        "since": to_text(found.since),
        "until": to_text(found.until),
        "jobs": [_job(job) for job in found.jobs],
        "more": found.more,
        "peak": None if peaks is None else {"before": _peak(peaks.before), "after": _peak(peaks.after)},
    }


def _job(job: JobForecast) -> JobForecastDocument:
    return {
        "job_id": job.job_id,
        "timezone": job.timezone,
        "lost": job.lost,
        "gained": job.gained,
        "first_lost": list(map(to_text, job.first_lost)),
        "first_gained": list(map(to_text, job.first_gained)),
        "nights": [_night(night, job.timezone) for night in job.nights],
    }


def _night(night: Night, zone: str) -> NightDocument:
    return {
        "at": to_text(night.at.replace(tzinfo=UTC)),
        "begin": night.begin.isoformat(),
        "end": night.end.isoformat(),
        "first": night.first.isoformat(),
        "times": night.times,
        "effect": night.effect,
        "message": night.text(zone),
    }


def _peak(peak: Peak | None) -> MinuteDocument | None:
    return None if peak is None else {"minute": to_text(peak.minute), "starts": peak.starts}
