"""What would run: a play of the jobs as they are, or as others are declared, beside what it comes to."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import JobSpec, Reason, RunStatus, Trigger
from jeeves_runner.core.simulation.replay import Played, play
from jeeves_runner.core.simulation.scenario import SimulatedRun
from jeeves_runner.core.simulation.summary import Summary, Tally, summary, waited
from jeeves_runner.views.load import MinuteDocument
from jeeves_runner.views.occurrences import text_of
from jeeves_runner.views.scenario import Ask, Length, LengthSource, scenario_of

_MILLISECOND: Final = timedelta(milliseconds=1)


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


class SummaryDocument(TallyDocument):
    """All jobs together."""

    peak: MinuteDocument | None
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
    unforeseen: list[str]
    """The enabled jobs that queues or changes of files start, by id: when that will be is not known."""
    summary: SummaryDocument
    """What it comes to."""


def simulation_view(conn: apsw.Connection | None, now: datetime, ask: Ask) -> SimulationDocument:
    """Play what is asked for; errors as of ``scenario_of``."""
    scenario, lengths = scenario_of(conn, now, ask)
    unforeseen = sorted(job.spec.id for job in scenario.jobs if _is_unforeseen(job.spec))
    return _document(ask, play(scenario), lengths, unforeseen)


def _is_unforeseen(spec: JobSpec) -> bool:
    return spec.on_queue is not None or spec.on_change is not None


def _document(
    ask: Ask, played: Played, lengths: Mapping[str, Length], unforeseen: list[str]
) -> SimulationDocument:
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
        "unforeseen": unforeseen,
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
