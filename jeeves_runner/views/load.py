"""How many runs start when, by the jobs' schedules, and what would spread them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final, TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.load import Peak, load_of, peak
from jeeves_runner.core.spreading import Spread, Starter, spread
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.jobs import job_rows
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.occurrences import timings

LONGEST: Final = timedelta(days=31)
"""How long the time may be of which starts are counted; a day of 10,000 jobs takes a second."""

_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)


class MinuteDocument(TypedDict):
    """A minute in which runs start."""

    minute: str
    """When it begins."""
    starts: int
    """How many start in it."""


class JobStartsDocument(TypedDict):
    """A job that starts in a minute."""

    job_id: str
    """The job."""
    starts: int
    """How often it does."""


class PeakDocument(MinuteDocument):
    """The minute in which most runs start; of several the first."""

    jobs: list[JobStartsDocument]
    """The jobs that start in it; those that start most often first, then by id."""


class ProposalDocument(TypedDict):
    """An expression that would move a job out of crowded minutes."""

    job_id: str
    """The job."""
    file: str
    """Where it is declared."""
    line: int
    """On which line of that."""
    written: str
    """An entry of its schedule."""
    proposed: str
    """What to write instead."""


class SpreadDocument(TypedDict):
    """What ``H`` would spread."""

    proposals: list[ProposalDocument]
    """By job id."""
    peak: MinuteDocument
    """The worst minute with all of them, by the schedules that the jobs would have."""


class LoadDocument(TypedDict):
    """The starts of some time."""

    begin: str
    """When that begins."""
    end: str
    """When it has ended: what starts at that moment is not counted."""
    starts: int
    """How many runs start."""
    minutes: list[MinuteDocument]
    """Those in which runs start, ascending."""
    peak: PeakDocument | None
    """The worst one; null: nothing starts."""
    spread: SpreadDocument | None
    """What would make it better; null: ``H`` would not."""


def load_view(
    conn: apsw.Connection, now: datetime, *, begin: datetime, end: datetime, job_id: str | None = None
) -> LoadDocument:
    """The starts in [``begin``, ``end``) of all jobs, or of one, by the schedules of now.

    What is paused or skipped does not count. InvalidValue for a time over ``LONGEST``, or centuries away.
    """
    if begin < _FIRST or end > _LAST:
        years = f"the years {_FIRST.year} to {_LAST.year}"
        raise InvalidValue(f"starts are counted in {years}", hint="look at a time in these")
    if end - begin > LONGEST:
        raise InvalidValue(
            f"starts are counted for {LONGEST.days} days at most", hint="look at a shorter time"
        )
    with snapshot(conn):
        starters = [
            Starter(row.id, row.schedule, row.timezone, row.namespace, row.exclude, schedule, spans)
            for row, schedule, spans in timings(conn, now, begin, None if job_id is None else [job_id])
        ]
        load = load_of(chain.from_iterable(each.counted(each.schedule) for each in starters), begin, end)
        better = spread(starters, load, begin, end)
        return {
            "begin": to_text(begin),
            "end": to_text(end),
            "starts": sum(load.values()),
            "minutes": [{"minute": to_text(minute), "starts": starts} for minute, starts in load.items()],
            "peak": _peak(starters, peak(load), begin, end),
            "spread": None if better is None else _spread(conn, better),
        }


def _peak(
    starters: Sequence[Starter], worst: Peak | None, begin: datetime, end: datetime
) -> PeakDocument | None:
    if worst is None:
        return None
    first, last = max(begin, worst.minute), min(end, worst.minute + _MINUTE)
    counts = ((each.job_id, each.starts(first, last)) for each in starters)
    jobs = sorted((-starts, job_id) for job_id, starts in counts if starts)
    return {
        "minute": to_text(worst.minute),
        "starts": worst.starts,
        "jobs": [{"job_id": job_id, "starts": -starts} for starts, job_id in jobs],
    }


def _spread(conn: apsw.Connection, better: Spread) -> SpreadDocument:
    places = {
        row.id: (row.file, row.line) for row in job_rows(conn, [each.job_id for each in better.proposals])
    }
    return {
        "proposals": [
            {
                "job_id": each.job_id,
                "file": places[each.job_id][0],
                "line": places[each.job_id][1],
                "written": each.written,
                "proposed": each.proposed,
            }
            for each in better.proposals
        ],
        "peak": {"minute": to_text(better.peak.minute), "starts": better.peak.starts},
    }
