"""A recorded hour, played again: its scenario, and its rows beside those that a play writes."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import yaml
from support.recorded_hour import RecordedRow, Recording

from jeeves_runner.clock import from_text
from jeeves_runner.core.causes import Causes, causes_from
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.model import JobSpec, Reason, RunStatus
from jeeves_runner.core.run import PausedTime
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.simulation.replay import play
from jeeves_runner.core.simulation.scenario import Down, Ended, Scenario, SimulatedJob, SimulatedRun
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.schemas_text import manifest_schema

LOCAL = "local"
FOR_EVER = Ended(timedelta(days=1000))


class Shown(NamedTuple):
    """What is compared of a row."""

    status: str
    trigger: str
    attempt: int
    reason: str | None
    scheduled_for: str | None
    last_for: str | None
    occurrences: int
    causes: tuple["Cause", ...]
    depth: int


class Cause(NamedTuple):
    """A run that another one follows from."""

    job_id: str
    scheduled_for: str | None
    attempt: int


def compared(recording: Recording) -> tuple[dict[str, list[Shown]], dict[str, list[Shown]]]:
    """By job, the rows that were written, and those that the play writes."""
    return written(recording), played(play(scenario_of(recording)).runs)


def scenario_of(recording: Recording) -> Scenario:
    """The same jobs, downs, pauses and work. How long a run took is known by its job, time and attempt."""
    config = yaml.safe_load(recording["config"])
    slots, pools = config["max_concurrency"], config["pools"]
    begin, end = from_text(recording["started"]), from_text(recording["until"])
    worked: dict[tuple[str, datetime | None, int], deque[RecordedRow]] = {}
    for each in recording["rows"]:
        if each["started_at"] is not None:
            worked.setdefault(_key(each), deque()).append(each)

    def work(run: SimulatedRun) -> Ended:
        rows = worked.get((run.job_id, run.scheduled_for, run.attempt))
        row = rows.popleft() if rows else None
        assert run.started_at is not None
        if row is None or row["finished_at"] is None or row["status"] in ("interrupted", "cancelled"):
            return FOR_EVER
        after = max(from_text(row["finished_at"]) - run.started_at, timedelta(0))
        reason = None if row["reason"] is None else Reason(row["reason"])
        return Ended(after, RunStatus(row["status"]), reason, row["exit_code"])

    pauses: dict[str | None, list[PausedTime]] = {}
    for job_id, since, until in recording["paused"]:
        pauses.setdefault(job_id, []).append(PausedTime(from_text(since), from_text(until)))
    return Scenario(
        begin=begin,
        end=end,
        jobs=[_job(name, text, begin, pools) for name, text in recording["manifests"].items()],
        slots={LOCAL: slots},
        pools=pools,
        work=work,
        down=[Down(from_text(since), from_text(until)) for since, until in recording["down"]],
        pauses=pauses,
        starts=True,
    )


def written(recording: Recording) -> dict[str, list[Shown]]:
    """By job, the rows that were written."""
    rows = {row["id"]: row for row in recording["rows"]}
    return _by_job((row["job_id"], _shown_row(row, rows)) for row in recording["rows"])


def played(runs: list[SimulatedRun]) -> dict[str, list[Shown]]:
    """By job, the rows that a play has written."""
    rows = {run.run_id or 0: run for run in runs}
    return _by_job((run.job_id, _shown_run(run, rows)) for run in runs)


def spec_of(name: str, text: str, pools: dict[str, int]) -> JobSpec:
    context = ProjectContext(project_root="/p", timezone="UTC", pools=frozenset(pools))
    result = ManifestReader(manifest_schema(), context).read(f"jobs.d/{name}.yaml", text.encode(), [])
    assert not [problem for problem in result.problems if problem.is_error]
    (entry,) = result.entries
    return job_from_text(entry.text)


def _job(name: str, text: str, begin: datetime, pools: dict[str, int]) -> SimulatedJob:
    spec = spec_of(name, text, pools)
    schedule = parse_schedule(spec.schedule, spec.timezone, spec.id) if spec.schedule else None
    return SimulatedJob(spec=spec, schedule=schedule, after=begin, executor=LOCAL)


def _key(row: RecordedRow) -> tuple[str, datetime | None, int]:
    when = row["scheduled_for"]
    return row["job_id"], None if when is None else from_text(when), row["attempt"]


def _by_job(pairs: Iterator[tuple[str, Shown]]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    for job_id, shown in pairs:
        found.setdefault(job_id, []).append(shown)
    return found


def _shown_row(row: RecordedRow, rows: dict[int, RecordedRow]) -> Shown:
    causes = causes_from(row["caused_by"]) or Causes()
    its = [rows[each] for each in causes.runs]
    waits = row["status"] == "scheduled"
    return Shown(
        row["status"],
        row["trigger"],
        row["attempt"],
        None if waits else row["reason"],
        _time(row["scheduled_for"]),
        _time(row["last_for"]),
        row["occurrences"],
        _causes((each["job_id"], _time(each["scheduled_for"]), each["attempt"]) for each in its),
        row["depth"],
    )


def _shown_run(run: SimulatedRun, rows: dict[int, SimulatedRun]) -> Shown:
    """A reason to wait may be an older one while no slot is free; so it is left out."""
    its = [rows[each] for each in (run.caused_by or Causes()).runs]
    waits = run.status is RunStatus.SCHEDULED
    return Shown(
        run.status.value,
        run.trigger.value,
        run.attempt,
        None if waits or run.reason is None else run.reason.value,
        _time(run.scheduled_for),
        _time(run.last_for),
        run.occurrences,
        _causes((each.job_id, _time(each.scheduled_for), each.attempt) for each in its),
        run.depth,
    )


def _causes(those: Iterable[tuple[str, str | None, int]]) -> tuple[Cause, ...]:
    """In an order that two jobs that end in one moment do not change."""
    return tuple(sorted((Cause(*each) for each in those), key=str))


def _time(when: datetime | str | None) -> str | None:
    instant = from_text(when) if isinstance(when, str) else when
    return None if instant is None else f"{instant:%H:%M:%S}"
