"""What the metrics are now, from the three places that know: memory, the database and the disks."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from operator import add
from typing import Final, NamedTuple, get_args

from jeeves_runner import __version__
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.histogram import Histogram
from jeeves_runner.db.measures import Measures
from jeeves_runner.metrics import catalogue
from jeeves_runner.metrics.catalogue import Definition
from jeeves_runner.metrics.run_totals import OTHER, JobTotals, Totals
from jeeves_runner.reconcile.sync_status import SyncState, SyncStatus

Sample = tuple[tuple[str, ...], float | Histogram]
"""The values of the labels, and what is so for them."""


class OfJobs(NamedTuple):
    """The samples of many jobs: those of a job are the same as long as its totals are the same object."""

    totals: Mapping[str, JobTotals]
    """By the name of the job."""
    make: Callable[[str, JobTotals], list[Sample]]
    """Makes the samples of one job, of its name and its totals."""


Found = tuple[Definition, Iterable[Sample] | OfJobs]
"""A metric with all its samples."""

UNDECIDED: Final = "undecided"
"""The reason of runs that no runner has decided about."""


NO_ROUTE: Final = "none"
"""What stands for the route of requests that no route takes."""


class Answered(NamedTuple):
    """What requests are counted by."""

    route: str
    """The path of the route, with its values in braces; ``none`` where no route takes it."""
    method: str
    """The method; ``other`` for one that no route has."""
    status: str
    """The status of the answer."""


class Vitals(NamedTuple):
    """What the runner has in memory."""

    timetable: int
    """Jobs with a next time."""
    tick_age: float | None
    """Seconds since it has last looked at the clock; None before the first look."""
    catching_up: int
    """Jobs that wait for their moment to catch up."""
    sync: SyncStatus
    """How the jobs stand against the manifests."""
    backlog: int
    """Writes that wait."""
    latency: Histogram
    """How long writes took, in seconds."""
    stalls: int
    """How often the event loop stood still."""
    answer: float
    """Seconds that it took for the last question."""


class Look(NamedTuple):
    """All that one answer tells, of one moment."""

    now: datetime
    """When that is; aware, UTC."""
    vitals: Vitals
    """What was in memory."""
    requests: Mapping[Answered, int]
    """The answers over HTTP so far."""
    measures: Measures
    """What was in the database."""
    totals: Totals
    """What has become of runs."""
    free: Mapping[str, int]
    """Free bytes by folder."""
    most: int
    """How many queues and nodes have series of their own."""


def found(look: Look) -> Iterator[Found]:
    """Each metric of the catalogue, in its order."""
    yield from _of_runs(look.totals)
    yield from _of_jobs(look)
    yield from _of_manifests(look)
    yield from _of_queues(look)
    yield from _of_telling(look)
    yield from _of_this_machine(look)


def _of_runs(totals: Totals) -> Iterator[Found]:
    yield catalogue.RUNS, OfJobs(totals.jobs, _ends)
    yield catalogue.RUN_DURATION, OfJobs(totals.jobs, _durations)
    yield catalogue.TOKENS, OfJobs(totals.jobs, _tokens)
    yield catalogue.START_LAG, (((trigger,), lags) for trigger, lags in totals.lags.items())


def _ends(job: str, of: JobTotals) -> list[Sample]:
    return [((job, how), n) for how, n in of.ends.items()]


def _durations(job: str, of: JobTotals) -> list[Sample]:
    return [] if of.durations is None else [((job,), of.durations)]


def _tokens(job: str, of: JobTotals) -> list[Sample]:
    return [((job,), of.tokens)] if of.tokens else []


def _of_jobs(look: Look) -> Iterator[Found]:
    measures, vitals = look.measures, look.vitals
    yield catalogue.JOBS, _one(measures.all_jobs)
    yield catalogue.RUNNING, _one(measures.running)
    yield catalogue.WAITING, (((why or UNDECIDED,), n) for why, n in measures.waiting.items())
    yield catalogue.TIMETABLE, _one(vitals.timetable)
    yield catalogue.CATCHING_UP, _one(vitals.catching_up)
    yield catalogue.TICK_AGE, _one(vitals.tick_age)


def _of_manifests(look: Look) -> Iterator[Found]:
    sync = look.vitals.sync
    plan = sync.plan
    bad = {row.file for row in plan.held} | {each.file for each in plan.problems if each.is_error}
    yield catalogue.SYNC_STATE, (((state,), float(state == sync.state)) for state in get_args(SyncState))
    age = None if sync.checked_at is None else max(0.0, (look.now - sync.checked_at).total_seconds())
    yield catalogue.RECONCILE_AGE, _one(age)
    yield catalogue.REVISION, _one(sync.revision)
    yield catalogue.COMMIT_INFO, _one(1, sync.commit or "")
    yield catalogue.HELD_FILES, _one(len(bad))


def _of_queues(look: Look) -> Iterator[Found]:
    queues = look.measures.queues
    yield catalogue.QUEUE_DEPTH, _bounded(((name, of.depth) for name, of in queues.items()), look.most)
    yield catalogue.QUEUE_CLAIMED, _bounded(((name, of.claimed) for name, of in queues.items()), look.most)
    yield catalogue.QUEUE_FAILED, _bounded(((name, of.failed) for name, of in queues.items()), look.most)
    ages = ((name, (of.oldest_age_ms or 0) / 1000) for name, of in queues.items())
    yield catalogue.QUEUE_AGE, _bounded(ages, look.most, together=max)
    yield catalogue.LEASE_EXPIRIES, _one(look.measures.ended_leases)


def _of_telling(look: Look) -> Iterator[Found]:
    measures = look.measures
    lasting = (cause for cause in Cause if not cause.is_event)
    yield catalogue.INCIDENTS, (((cause,), measures.incidents.get(cause, 0)) for cause in lasting)
    yield catalogue.OUTBOX, _one(measures.messages)
    yield catalogue.OUTBOX_AGE, _one(measures.oldest_message or 0.0)
    yield catalogue.OUTBOX_FAILED, _one(measures.failed_messages)
    stale = ((each.node, float(each.is_stale(look.now))) for each in measures.expected)
    yield catalogue.STALE, _bounded(stale, look.most, together=max)
    yield catalogue.BACKFILLS, _one(measures.backfills)


def _of_this_machine(look: Look) -> Iterator[Found]:
    measures, vitals = look.measures, look.vitals
    yield catalogue.DATABASE_BYTES, _one(measures.database_bytes)
    yield catalogue.WAL_BYTES, _one(measures.wal_bytes)
    yield catalogue.DISK_FREE, (((folder,), free) for folder, free in look.free.items())
    yield catalogue.WRITER_LATENCY, [((), vitals.latency)]
    yield catalogue.WRITER_BACKLOG, _one(vitals.backlog)
    yield catalogue.LOOP_STALLS, _one(vitals.stalls)
    yield catalogue.LOOP_ANSWER, _one(vitals.answer)
    yield catalogue.REQUESTS, look.requests.items()
    yield catalogue.BUILD, _one(1, __version__, platform.python_version(), measures.sqlite)


def _one(value: float | None, *labels: str) -> list[Sample]:
    return [] if value is None else [(labels, value)]


def _bounded(
    values: Iterable[tuple[str, float]], most: int, *, together: Callable[[float, float], float] = add
) -> Iterator[Sample]:
    """The first so many by themselves, the others ``together``."""
    rest: float | None = None
    for number, (name, value) in enumerate(values):
        if number < most:
            yield (name,), value
        else:
            rest = value if rest is None else together(rest, value)
    if rest is not None:
        yield (OTHER,), rest
