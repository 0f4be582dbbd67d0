"""What is to be played: the jobs as they are, or as others are declared, with what is known of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

import apsw

from jeeves_runner.clock import from_text
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.policy import DEPTH_LIMIT
from jeeves_runner.core.renaming import renamed
from jeeves_runner.core.run import PausedTime, Run, SkippedTime
from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule
from jeeves_runner.core.simulation.scenario import Down, OpenRun, Scenario, SimulatedJob, lasting
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.core.wrong_clock import undecided_since
from jeeves_runner.db import namespaces, overrides, runs, skips
from jeeves_runner.db.alert_facts import usual_ms
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.jobs import JobRow, job_rows, live_ids
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.ends_before import NO_ENDS, Ends, ends_before
from jeeves_runner.views.job_lookup import absence

OTHERWISE: Final = timedelta(minutes=1)
"""How long runs are taken to last of which nothing is known; those with a shorter timeout as long as that."""
MOST_DAYS: Final = 366
"""The longest time that is played."""

MOST_OCCURRENCES: Final = 500_000
"""How many of all jobs together."""

_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
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
    otherwise: timedelta | None = None
    """How long runs take of which nothing is known, where that is said."""
    catch_up_spread: timedelta = timedelta(0)
    """Over how long the jobs are spread that catch up after a silence."""
    specs: Sequence[JobSpec] | None = None
    """Other jobs than the live ones."""
    depth_limit: int = DEPTH_LIMIT
    """Over how many runs one may follow from another."""


class Length(NamedTuple):
    """How long runs of a job take."""

    span: timedelta
    """So long."""
    source: LengthSource
    """Where that is from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What a database knows of the jobs that are played, each by the id that it has in the play."""

    specs: Sequence[JobSpec]
    """The jobs, disabled ones too."""
    rows: Mapping[str, JobRow] = field(default_factory=dict)
    """The live ones as their rows are."""
    open_runs: Sequence[OpenRun] = ()
    """What runs and waits, in a play that begins now."""
    pauses: Mapping[str | None, Sequence[PausedTime]] = field(default_factory=dict)
    """Their pauses; under None those of all."""
    skips: Mapping[str, Sequence[SkippedTime]] = field(default_factory=dict)
    """The occurrences that are skipped."""
    history: Mapping[str, timedelta] = field(default_factory=dict)
    """How long their runs usually took."""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """What their times are spread by, where that is not the id."""
    ends: Ends = NO_ENDS
    """What has ended before."""


def scenario_of(conn: apsw.Connection | None, now: datetime, ask: Ask) -> tuple[Scenario, dict[str, Length]]:
    """What to play, and by job how long its runs take; without a database, by the jobs of ``ask`` alone.

    A play that begins now goes on with what runs and waits. InvalidValue for a time that is no time, and for
    more occurrences than can be played.
    """
    _check(ask)
    known = _Known(specs=ask.specs or ()) if conn is None else _known(conn, now, ask)
    for job_id in ask.lengths.keys() - {spec.id for spec in known.specs}:
        hint = None if conn is None else absence(conn, job_id)
        raise InvalidValue(f"--duration names {job_id}, which is none of the jobs that are played", hint=hint)
    lengths = {spec.id: _length(spec, ask, known.history) for spec in known.specs}
    scenario = Scenario(
        begin=ask.begin,
        end=ask.end,
        jobs=[_job(spec, known, now, ask) for spec in known.specs if spec.enabled],
        slots=ask.slots,
        pools=ask.pools,
        work=lasting({job_id: length.span for job_id, length in lengths.items()}, ask.otherwise or OTHERWISE),
        down=ask.down,
        pauses=known.pauses,
        skips=known.skips,
        catch_up_spread=ask.catch_up_spread,
        open_runs=known.open_runs,
        arrived=known.ends.arrived,
        last_ok=known.ends.last_ok,
        depth_limit=ask.depth_limit,
    )
    _check_size(scenario)
    return scenario, lengths


def _known(conn: apsw.Connection, now: datetime, ask: Ask) -> _Known:
    with snapshot(conn):
        live = {row.id: row for row in job_rows(conn, live_ids(conn))}
        specs = _specs(live) if ask.specs is None else ask.specs
        played_as = renamed(specs, live)
        before = {new: old for old, new in played_as.items()}
        rows = {played_as.get(job_id, job_id): row for job_id, row in live.items()}
        active = runs.active_runs(conn) if ask.begin == now else ()
        paused = _pauses(overrides.pauses(conn, ask.begin), ask.begin)
        usual = ((job.id, usual_ms(conn, before.get(job.id, job.id), least=1)) for job in specs)
        kept = namespaces.of_new(conn, [spec.id for spec in specs if spec.id not in rows])
        return _Known(
            specs=specs,
            rows=rows,
            open_runs=tuple(_open_run(run, played_as.get(run.job_id, run.job_id)) for run in active),
            pauses={job_id and played_as.get(job_id, job_id): times for job_id, times in paused.items()},
            skips={
                played_as.get(job_id, job_id): [SkippedTime(each.when, each.reason) for each in coming]
                for job_id, coming in skips.coming(conn, now).items()
            },
            history={job_id: timedelta(milliseconds=ms) for job_id, ms in usual if ms is not None},
            namespaces={**kept, **{name: row.namespace for name, row in rows.items()}},
            ends=ends_before(conn, specs, before, ask.begin, is_now=ask.begin == now),
        )


def _check(ask: Ask) -> None:
    if ask.end <= ask.begin:
        raise InvalidValue("--to must be later than --from")
    if ask.end - ask.begin > timedelta(days=MOST_DAYS):
        raise InvalidValue(f"at most {MOST_DAYS} days can be played at once", hint="choose a nearer --to")
    if ask.begin < _FIRST or ask.end > _LAST:
        years = f"the years {_FIRST.year} to {_LAST.year}"
        raise InvalidValue(f"what runs is played in {years}", hint="play a time in these")
    for down in ask.down:
        if not ask.begin <= down.begin < down.end <= ask.end:
            raise InvalidValue(
                "--down must lie between the beginning and the end, and end later than it begins",
                hint="write two times, such as 2026-12-24T18:00..2026-12-24T20:30",
            )


def _check_size(scenario: Scenario) -> None:
    """Each occurrence takes memory, and they are counted much sooner than played."""
    left = MOST_OCCURRENCES
    for job in scenario.jobs:
        if job.schedule is not None and job.after < scenario.end:
            left -= job.schedule.count(job.after, scenario.end)
        if left < 0:
            raise InvalidValue(
                f"that is more than {MOST_OCCURRENCES:,} occurrences; {job.spec.id} was the job too many",
                hint="choose a nearer --to, or play fewer jobs with --jobs",
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


def _job(spec: JobSpec, known: _Known, now: datetime, ask: Ask) -> SimulatedJob:
    """One job from the begin of the play on: what has been decided by then does not come again."""
    namespace, row = known.namespaces.get(spec.id), known.rows.get(spec.id)
    try:
        schedule = parse_schedule(spec.schedule, spec.timezone, namespace or spec.id, spec.exclude)
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


def _open_run(run: Run, job_id: str) -> OpenRun:
    return OpenRun(
        job_id=job_id,
        trigger=run.trigger,
        scheduled_for=run.scheduled_for,
        created_at=run.created_at,
        started_at=run.started_at,
        attempt=run.attempt,
        not_before=run.not_before,
        forced=run.forced,
        depth=run.depth,
    )


def _pauses(pauses: overrides.Pauses, begin: datetime) -> dict[str | None, list[PausedTime]]:
    """Those in force at the begin, from then on."""
    found: dict[str | None, list[PausedTime]] = {
        job_id: [PausedTime(begin, end)] for job_id, end in pauses.of_jobs.items()
    }
    if pauses.of_all is not None:
        found[None] = [PausedTime(begin, pauses.of_all)]
    return found


def _length(spec: JobSpec, ask: Ask, history: Mapping[str, timedelta]) -> Length:
    if spec.id in ask.lengths:
        return Length(ask.lengths[spec.id], "asked")
    if spec.id in history:
        return Length(history[spec.id], "history")
    if ask.otherwise is not None:
        return Length(ask.otherwise, "unknown")
    timeout = OTHERWISE if spec.timeout_ms is None else spec.timeout_ms * _MILLISECOND
    return Length(min(OTHERWISE, timeout), "unknown")
