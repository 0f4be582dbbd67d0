"""What would run: a play of the jobs as they are, or as others are declared, beside what it comes to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple, TypedDict

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.model import JobSpec, Reason, RunStatus, Trigger
from jeeves_runner.core.run import PausedTime, Run, SkippedTime
from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.simulation.replay import Played, play
from jeeves_runner.core.simulation.scenario import (
    Down,
    OpenRun,
    Scenario,
    SimulatedJob,
    SimulatedRun,
    lasting,
)
from jeeves_runner.core.simulation.summary import Summary, Tally, summary, waited
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.core.wrong_clock import undecided_since
from jeeves_runner.db import overrides, runs, skips
from jeeves_runner.db.alert_facts import usual_ms
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.jobs import JobRow, job_rows, live_ids
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.occurrences import text_of

OTHERWISE: Final = timedelta(minutes=1)
"""How long runs are taken to last of which nothing is known."""
MOST_DAYS: Final = 366
"""The longest time that is played."""

_MILLISECOND: Final = timedelta(milliseconds=1)


LengthSource = Literal["asked", "history", "unknown"]
"""Where it is known from how long runs take."""


class Carrier(NamedTuple):
    """What carries out the runs of a job."""

    name: str
    """Its name."""
    outlives: bool
    """Its work goes on while no runner lives."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What is to be played."""

    begin: datetime
    """From when; aware, UTC."""
    end: datetime
    """Until when."""
    slots: Mapping[str, int | None]
    """By executor, how many runs it may run at once."""
    pools: Mapping[str, int]
    """The same by pool."""
    carrier: Callable[[JobSpec], Carrier]
    """What carries out a job."""
    down: Sequence[Down] = ()
    """Times without a runner."""
    lengths: Mapping[str, timedelta] = field(default_factory=dict)
    """How long runs take, by job, where that is said."""
    otherwise: timedelta = OTHERWISE
    """How long runs take of which nothing is known."""
    catch_up_spread: timedelta = timedelta(0)
    """Over how long the jobs are spread that catch up after a silence."""
    specs: Sequence[JobSpec] | None = None
    """Other jobs than the live ones."""


class SimulatedRunDocument(TypedDict):
    """A row that would be written. Times are texts in the database's form."""

    job_id: str
    """The job."""
    scheduled_for: str | None
    """The occurrence; of several the first. A retry has its first attempt's."""
    last_for: str | None
    """The last one, where the row stands for several."""
    occurrences: int
    """For how many it stands."""
    trigger: Annotated[str, Trigger]
    """Why it exists."""
    attempt: int
    """1 for a first attempt, one more for each retry."""
    status: Annotated[str, RunStatus]
    """How it ended, or where it stands at the end of the play."""
    reason: Annotated[str, Reason] | None
    """Why it waits or did not start."""
    waited_for: Annotated[str, Reason] | None
    """For what it waited last, before it started or at the end; null if it never waited."""
    waited_ms: int
    """How long it waited for its turn."""
    created_at: str
    """When it was entered."""
    started_at: str | None
    """When it started."""
    finished_at: str | None
    """When it ended."""


class TallyDocument(TypedDict):
    """What happened to one job, or to all."""

    starts: int
    """Attempts that started."""
    retries: int
    """Of these, how many were no first ones."""
    skipped: int
    """Occurrences that were skipped."""
    missed: int
    """Occurrences that were missed."""
    overlaps: int
    """Requests that came while another run of the job was active."""
    failed: int
    """Attempts that ended timeout, error or interrupted."""
    busy_ms: int
    """How long all of them ran together."""
    longest_wait_ms: int
    """The longest time that one waited for its turn."""


class SimulatedJobDocument(TallyDocument):
    """One job of a play."""

    job_id: str
    """Its id."""
    takes_ms: int
    """How long its runs were taken to last."""
    takes_from: LengthSource
    """Where that is from."""


class LimitDocument(TypedDict):
    """A limit, and how far it was used."""

    name: str
    """Of the executor or the pool."""
    limit: int | None
    """How many may run at once; null: as many as come."""
    most: int
    """How many ran at once at most."""


class PlayedPeakDocument(TypedDict):
    """The minute in which most runs start."""

    minute: str
    """When it begins."""
    starts: int
    """How many start in it."""


class SummaryDocument(TallyDocument):
    """All jobs together."""

    peak: PlayedPeakDocument | None
    """The minute in which most start; of several the first. null if nothing starts."""
    longest_wait: SimulatedRunDocument | None
    """The run that waited longest; null if none waited."""
    executors: list[LimitDocument]
    """By name."""
    pools: list[LimitDocument]
    """By name."""


class SimulationDocument(TypedDict):
    """A play."""

    begin: str
    """From when."""
    end: str
    """Until when."""
    down: list[tuple[str, str]]
    """Times without a runner, each by its begin and its end."""
    occurrences: list[SimulatedRunDocument]
    """The rows that would be written, in the order of entering."""
    jobs: list[SimulatedJobDocument]
    """The jobs of which there is one, by id."""
    summary: SummaryDocument
    """What it comes to."""


class _Length(NamedTuple):
    """How long runs of a job take."""

    span: timedelta
    """So long."""
    source: LengthSource
    """Where that is from."""


def simulation_view(conn: apsw.Connection | None, now: datetime, ask: Ask) -> SimulationDocument:
    """Play what is asked for; without a database, by the jobs of ``ask`` alone.

    A play that begins now goes on with what runs and waits. InvalidValue for a time that is no time.
    """
    _check(ask)
    rows: dict[str, JobRow] = {}
    specs = list(ask.specs or ())
    open_runs: tuple[OpenRun, ...] = ()
    pauses: dict[str | None, list[PausedTime]] = {}
    skipped: dict[str, list[SkippedTime]] = {}
    history: dict[str, timedelta] = {}
    if conn is not None:
        with snapshot(conn):
            rows = {row.id: row for row in job_rows(conn, live_ids(conn))}
            specs = _specs(rows) if ask.specs is None else specs
            is_now = ask.begin == now
            open_runs = tuple(map(_open_run, runs.active_runs(conn))) if is_now else ()
            pauses = _pauses(overrides.pauses(conn, ask.begin), ask.begin)
            for job_id, coming in skips.coming(conn, now).items():
                skipped[job_id] = [SkippedTime(each.when, each.reason) for each in coming]
            usual = ((spec.id, usual_ms(conn, spec.id, least=1)) for spec in specs)
            history = {job_id: timedelta(milliseconds=ms) for job_id, ms in usual if ms is not None}
    for job_id in ask.lengths.keys() - {spec.id for spec in specs}:
        raise InvalidValue(f"--duration names {job_id}, which is none of the jobs that are played")
    lengths = {spec.id: _length(spec, ask, history) for spec in specs}
    scenario = Scenario(
        begin=ask.begin,
        end=ask.end,
        jobs=[_job(spec, rows.get(spec.id), now, ask) for spec in specs if spec.enabled],
        slots=ask.slots,
        pools=ask.pools,
        work=lasting({job_id: length.span for job_id, length in lengths.items()}, ask.otherwise),
        down=ask.down,
        pauses=pauses,
        skips=skipped,
        catch_up_spread=ask.catch_up_spread,
        open_runs=open_runs,
    )
    return _document(ask, play(scenario), lengths)


def _check(ask: Ask) -> None:
    if ask.end <= ask.begin:
        raise InvalidValue("--to must be later than --from")
    if ask.end - ask.begin > timedelta(days=MOST_DAYS):
        raise InvalidValue(f"at most {MOST_DAYS} days can be played at once", hint="choose a nearer --to")
    for down in ask.down:
        if not ask.begin <= down.begin < down.end <= ask.end:
            raise InvalidValue(
                "--down must lie between the beginning and the end, and end later than it begins",
                hint="write two times, such as 2026-12-24T18:00..2026-12-24T20:30",
            )


def _specs(rows: Mapping[str, JobRow]) -> list[JobSpec]:
    """Of the live jobs; one whose row was damaged by hand does not run, and is left out."""
    found = []
    for row in rows.values():
        try:
            found.append(job_from_text(row.spec_text))
        except SpecError:
            continue
    return found


def _job(spec: JobSpec, row: JobRow | None, now: datetime, ask: Ask) -> SimulatedJob:
    """One job from the begin of the play on: what has been decided by then does not come again."""
    namespace = spec.id if row is None else row.namespace
    try:
        schedule = parse_schedule(spec.schedule, spec.timezone, namespace, spec.exclude)
    except ScheduleError:
        schedule = None
    after = ask.begin - _MILLISECOND
    if row is not None and ask.begin == now and ask.specs is None:
        watermark = None if row.decided_until is None else from_text(row.decided_until)
        after = undecided_since(from_text(row.schedule_since), watermark, now)
    carrier = ask.carrier(spec)
    return SimulatedJob(
        spec=spec,
        schedule=schedule if spec.schedule else None,
        after=after,
        executor=carrier.name,
        outlives=carrier.outlives,
        namespace=namespace,
    )


def _open_run(run: Run) -> OpenRun:
    return OpenRun(
        job_id=run.job_id,
        trigger=run.trigger,
        scheduled_for=run.scheduled_for,
        created_at=run.created_at,
        started_at=run.started_at,
        attempt=run.attempt,
        not_before=run.not_before,
        forced=run.forced,
    )


def _pauses(pauses: overrides.Pauses, begin: datetime) -> dict[str | None, list[PausedTime]]:
    """Those in force at the begin, from then on."""
    found: dict[str | None, list[PausedTime]] = {
        job_id: [PausedTime(begin, end)] for job_id, end in pauses.of_jobs.items()
    }
    if pauses.of_all is not None:
        found[None] = [PausedTime(begin, pauses.of_all)]
    return found


def _length(spec: JobSpec, ask: Ask, history: Mapping[str, timedelta]) -> _Length:
    if spec.id in ask.lengths:
        return _Length(ask.lengths[spec.id], "asked")
    if spec.id in history:
        return _Length(history[spec.id], "history")
    return _Length(ask.otherwise, "unknown")


# Documents


def _document(ask: Ask, played: Played, lengths: Mapping[str, _Length]) -> SimulationDocument:
    found = summary(played.runs, ask.end)
    return {
        "begin": to_text(ask.begin),
        "end": to_text(ask.end),
        "down": [(to_text(down.begin), to_text(down.end)) for down in ask.down],
        "occurrences": [_run(run, ask.end) for run in played.runs],
        "jobs": [
            {
                "job_id": job_id,
                "takes_ms": lengths[job_id].span // _MILLISECOND,
                "takes_from": lengths[job_id].source,
                **_tally(tally),
            }
            for job_id, tally in sorted(found.by_job.items())
        ],
        "summary": _summary(ask, played, found),
    }


def _summary(ask: Ask, played: Played, found: Summary) -> SummaryDocument:
    most, longest = found.peak, found.longest_wait
    return {
        **_tally(found.of_all),
        "peak": None if most is None else {"minute": to_text(most.minute), "starts": most.starts},
        "longest_wait": None if longest is None else _run(longest, ask.end),
        "executors": _limits(ask.slots, played.most_running),
        "pools": _limits(ask.pools, played.most_in_pool),
    }


def _limits(limits: Mapping[str, int | None], most: Mapping[str, int]) -> list[LimitDocument]:
    return [
        {"name": name, "limit": limits.get(name), "most": most.get(name, 0)}
        for name in sorted({*limits, *most})
    ]


def _tally(tally: Tally) -> TallyDocument:
    return {
        "starts": tally.starts,
        "retries": tally.retries,
        "skipped": tally.skipped,
        "missed": tally.missed,
        "overlaps": tally.overlaps,
        "failed": tally.bad,
        "busy_ms": tally.busy // _MILLISECOND,
        "longest_wait_ms": tally.waited // _MILLISECOND,
    }


def _run(run: SimulatedRun, end: datetime) -> SimulatedRunDocument:
    return {
        "job_id": run.job_id,
        "scheduled_for": text_of(run.scheduled_for),
        "last_for": text_of(run.last_for),
        "occurrences": run.occurrences,
        "trigger": run.trigger,
        "attempt": run.attempt,
        "status": run.status,
        "reason": run.reason,
        "waited_for": run.waited_for,
        "waited_ms": waited(run, end) // _MILLISECOND,
        "created_at": to_text(run.created_at),
        "started_at": text_of(run.started_at),
        "finished_at": text_of(run.finished_at),
    }
