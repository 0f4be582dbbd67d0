"""A play as people read it: what it comes to, its jobs, a chart, and what does not start on time."""

from collections.abc import Iterator
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.formats import NONE, counted, duration, moment
from jeeves_runner.cli.load_text import peak_sentence
from jeeves_runner.clock import from_text
from jeeves_runner.core.load import Load, per_minute
from jeeves_runner.core.model import RunStatus, Trigger

if TYPE_CHECKING:
    from jeeves_runner.views.simulation import (
        LimitDocument,
        SimulatedJobDocument,
        SimulatedRunDocument,
        SimulationDocument,
    )

_NAMED: Final = 10
"""Jobs that a sentence names."""

_NOT_BRIEF: Final = 1000
"""Milliseconds of waiting that are worth a line."""


def summary_lines(document: "SimulationDocument", zone: tzinfo) -> Iterator[str]:
    """What it comes to, in sentences."""
    found, clocks = document["summary"], zone
    yield f"From {moment(document['begin'], clocks)} to {moment(document['end'], clocks)}:"
    parts = [counted(found["starts"], "start")]
    if found["retries"]:
        parts[0] += f" ({counted(found['retries'], 'retry', 'retries')})"
    parts += [f"{found[what]} {what}" for what in ("skipped", "missed") if found[what]]
    parts.append(counted(found["overlaps"], "overlap"))
    yield f"  {', '.join(parts)}."
    if (peak := found["peak"]) is not None:
        yield f"  {peak_sentence(peak, clocks)}"
    if (longest := found["longest_wait"]) is not None:
        reason = "" if longest["waited_for"] is None else f", for {longest['waited_for']}"
        yield (
            f"  The longest wait is that of {longest['job_id']}, due {_due(longest, clocks)}:"
            f" {duration(longest['waited_ms'])}{reason}."
        )
    yield f"  At once run at most {_limits(found['executors'])}."
    if found["pools"]:
        yield f"  In pools at most {_limits(found['pools'])}."
    unknown = [job for job in document["jobs"] if job["takes_from"] == "unknown"]
    if unknown:
        longest_ms = max(job["takes_ms"] for job in unknown)
        yield (
            f"  No run of {counted(len(unknown), 'job')} has ended ok yet: they are taken to last"
            f" {duration(longest_ms)} or up to their timeout; --duration says otherwise."
        )
    if document["unforeseen"]:
        yield (
            "  When items of queues or changes of files start runs is not known; such runs are not played:"
            f" {_named(document['unforeseen'])}."
        )


def _named(jobs: list[str]) -> str:
    """The first of them, and how many others there are."""
    left = len(jobs) - _NAMED
    return ", ".join(jobs) if left <= 0 else f"{', '.join(jobs[:_NAMED])} and {left:,} others"


def job_rows(document: "SimulationDocument") -> list[tuple[str, ...]]:
    """One for each job, those that wait longest first."""
    jobs = sorted(document["jobs"], key=lambda job: (-job["longest_wait_ms"], job["job_id"]))
    return [_job_row(job) for job in jobs]


def _job_row(job: "SimulatedJobDocument") -> tuple[str, ...]:
    return (
        job["job_id"],
        duration(job["takes_ms"]),
        str(job["starts"]),
        str(job["skipped"]),
        str(job["missed"]),
        str(job["overlaps"]),
        duration(job["longest_wait_ms"] or None),
    )


def load(document: "SimulationDocument") -> Load:
    """Starts by minute, without what had started before."""
    starts = (run["started_at"] for run in document["occurrences"])
    return per_minute(from_text(at) for at in starts if at is not None and at >= document["begin"])


def noteworthy_rows(document: "SimulationDocument", zone: tzinfo) -> list[tuple[str, ...]]:
    """What is skipped, missed, waits for its turn or ends badly, in its order."""
    clocks = zone
    found: list[tuple[str, ...]] = []
    for run in document["occurrences"]:
        what = _what(run)
        if what is not None:
            why = run["reason"] or run["waited_for"] or NONE
            found.append((_due(run, clocks), run["job_id"], what, str(why)))
    return found


def _what(run: "SimulatedRunDocument") -> str | None:
    times = "" if run["occurrences"] == 1 else f" ({counted(run['occurrences'], 'time')})"
    match run["status"]:
        case RunStatus.SKIPPED | RunStatus.MISSED | RunStatus.CANCELLED:
            return f"{run['status']}{times}"
        case RunStatus.SCHEDULED:
            return f"waits {duration(run['waited_ms'])}, and on"
        case RunStatus.TIMEOUT | RunStatus.INTERRUPTED | RunStatus.ERROR:
            start = _late_start(run)
            return run["status"] if start is None else f"{start}, {run['status']}"
    return _late_start(run)


def _late_start(run: "SimulatedRunDocument") -> str | None:
    """How it starts other than on time."""
    if run["trigger"] == Trigger.CATCH_UP:
        return f"caught up {_lateness(run)} late"
    return f"waits {duration(run['waited_ms'])}" if run["waited_ms"] >= _NOT_BRIEF else None


def _lateness(run: "SimulatedRunDocument") -> str:
    """How long after its time a run has started."""
    if run["scheduled_for"] is None or run["started_at"] is None:
        return ""
    late = from_text(run["started_at"]) - from_text(run["scheduled_for"])
    return duration(late // timedelta(milliseconds=1))


def _due(run: "SimulatedRunDocument", clocks: tzinfo) -> str:
    return moment(run["scheduled_for"] or run["created_at"], clocks)


def _limits(limits: "list[LimitDocument]") -> str:
    return ", ".join(
        f"{each['most']} {each['name']}" + ("" if each["limit"] is None else f" (limit {each['limit']})")
        for each in limits
    )
