"""Plays of a few jobs, in minutes from a noon on, and their rows as short lines."""

from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any

from support.replaying import LOCAL, spec_of

from jeeves_runner.core.model import Trigger
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.simulation.replay import play
from jeeves_runner.core.simulation.scenario import Scenario, SimulatedJob, SimulatedRun, WorkOf, lasting

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
POOLS = {"narrow": 1}


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def at(minute: float) -> datetime:
    return BEGIN + minutes(minute)


def job(name: str, text: str) -> SimulatedJob:
    spec = spec_of(name, dedent(text) + "run: 'true'\ntimeout: 1d\n", POOLS)
    schedule = parse_schedule(spec.schedule, spec.timezone, name) if spec.schedule else None
    return SimulatedJob(spec=spec, schedule=schedule, after=at(-1), executor=LOCAL)


def run_all(
    *jobs: SimulatedJob,
    until: float = 60,
    work: WorkOf | None = None,
    lasts: float = 1,
    slots: int | None = None,
    **more: Any,
) -> list[SimulatedRun]:
    scenario = Scenario(
        begin=BEGIN,
        end=at(until),
        jobs=jobs,
        slots={LOCAL: slots},
        pools=POOLS,
        work=work or lasting({}, minutes(lasts)),
        **more,
    )
    return play(scenario).runs


def told(runs: list[SimulatedRun]) -> list[str]:
    """``JOB STATUS[:REASON] MINUTE[-MINUTE xN] [started-ended]``, each time in minutes after the begin."""
    return [_told(run) for run in runs]


def _told(run: SimulatedRun) -> str:
    status = f"{run.status}" if run.reason is None else f"{run.status}:{run.reason}"
    when = minute_of(run.scheduled_for)
    if run.last_for is not None:
        when = f"{when}-{minute_of(run.last_for)} x{run.occurrences}"
    trigger = "" if run.trigger is Trigger.SCHEDULE else f" {run.trigger}"
    ran = "" if run.started_at is None else f" [{minute_of(run.started_at)}-{minute_of(run.finished_at)}]"
    return f"{run.job_id}{trigger} {status} {when}{ran}"


def minute_of(when: datetime | None) -> str:
    return "" if when is None else f"{(when - BEGIN) / minutes(1):g}"
