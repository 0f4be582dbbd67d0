"""The runs of a stretch of time, as a picture needs them: one by one where they are long enough to be seen,
and counted where many of a job lie in one cell of it.

SQLite does the counting, outside of Python's lock: a picture of three days may stand for a hundred thousand
runs. Times are milliseconds since 1970.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import from_timestamp, to_text
from jeeves_runner.core.model import BAD, JobType, RunStatus
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.run_states import ACTIVE

MOST_RUNS: Final = 200_000
"""How many ended runs are looked at, the newest of the time that is shown."""

_MOST_LATER: Final = 5_000
"""How many runs that ended after it are looked at, the first of them: some began before."""

_MOST_ACTIVE: Final = 20_000
"""How many runs that wait or run are."""

WORST_LAST: Final[Sequence[str]] = (
    RunStatus.OK,
    RunStatus.SKIPPED,
    RunStatus.CANCELLED,
    RunStatus.SCHEDULED,
    RunStatus.RUNNING,
    RunStatus.MISSED,
    *sorted(BAD, reverse=True),
)
"""The statuses, in the order in which one that stands for several is chosen."""

_ID_BITS: Final = 44


class Window(NamedTuple):
    """What of time is shown, in cells of equal length."""

    begin: int
    """When it begins, a multiple of ``cell``."""
    end: int
    """When it has ended."""
    cell: int
    """How long a cell is: what is shorter is counted with its neighbours."""


class Chosen(NamedTuple):
    """Which jobs are shown."""

    holds: str | None
    """Only jobs whose id holds this text."""
    tag: str | None
    """Only jobs with this tag."""
    skip: int
    """How many of them come before, the worst and busiest first."""
    limit: int
    """And how many at most are shown."""


class JobRuns(NamedTuple):
    """What the runs of a job come to."""

    job_id: str
    """The job."""
    runs: int
    """How many there are."""
    bad: int
    """How many have ended badly, or were missed."""
    active: int
    """How many run or wait."""
    busy: int
    """For how long they ran, all together."""


class Piece(NamedTuple):
    """One run; or those of a job that lie in one cell; or times at which a job did not run."""

    job_id: str
    """The job."""
    run_id: int
    """The run; of several the worst one, and of these the newest."""
    status: str
    """Its status."""
    runs: int
    """How many there are."""
    is_tick: bool
    """Whether they did not run: they were skipped or missed."""
    begin: int
    """When it was asked for, or was due; of several the first."""
    started: int | None
    """When it started; None if it did not, and of several."""
    end: int
    """When it ended, or now; of several the last."""
    reason: str | None
    """Why it waits, or did not run; None: several have no reason together."""
    reason_ref: str | None
    """What that is about."""


class Level(NamedTuple):
    """How many runs of scripts ran at once in a cell."""

    cell: int
    """Which one, from the first."""
    most: int
    """At the worst moment."""
    left: int
    """At its end."""


class Timeline(NamedTuple):
    """All of it."""

    jobs: Sequence[JobRuns]
    """Those that are shown, the worst first, then the busiest."""
    every: int
    """How many there are."""
    runs: int
    """How many runs they have."""
    pieces: Sequence[Piece]
    """Of the jobs that are shown, by job, then by begin."""
    levels: Sequence[Level]
    """Of all jobs that were chosen, also of those that are not shown; where it changes."""
    is_cut: bool
    """Whether there were more runs than are looked at: the oldest are left out."""


def _ms(text: str) -> str:
    return f"CAST(round(unixepoch({text}, 'subsec') * 1000) AS INTEGER)"


def _is_one_of(*statuses: str) -> str:
    return f"status IN ({', '.join(map(repr, map(str, statuses)))})"


_NOT_RUN: Final = _is_one_of(RunStatus.SKIPPED, RunStatus.MISSED)
_IS_BAD: Final = _is_one_of(*sorted(BAD), RunStatus.MISSED)
_DUE: Final = f"iif({_NOT_RUN} AND is_occurrence, scheduled_for, NULL)"
_LAST_DUE: Final = f"iif({_NOT_RUN} AND is_occurrence, coalesce(last_for, scheduled_for), NULL)"
_OVER: Final = f"iif({_NOT_RUN}, created_at, finished_at)"
_RANK: Final = " ".join(f"WHEN '{status}' THEN {rank}" for rank, status in enumerate(WORST_LAST))

_SEEN: Final = f"""
WITH picked (id) AS (
  SELECT id FROM (SELECT id FROM runs WHERE finished_at >= :begin AND finished_at < :end
    ORDER BY finished_at DESC LIMIT {MOST_RUNS})
  UNION ALL
  SELECT id FROM (SELECT id FROM runs WHERE finished_at >= :end ORDER BY finished_at LIMIT {_MOST_LATER})
  UNION ALL
  SELECT id FROM (SELECT id FROM runs WHERE {ACTIVE} LIMIT {_MOST_ACTIVE})
),
placed AS (
  SELECT id, status, reason, reason_ref, {JOB_OF_RUN} AS job, {_NOT_RUN} AS is_tick,
    {_ms("started_at")} AS started, coalesce({_ms(_DUE)}, {_ms("created_at")}) AS begin,
    coalesce({_ms(_LAST_DUE)},
             {_ms(_OVER)}, :now_ms) AS ended
  FROM picked JOIN runs USING (id)
),
seen AS MATERIALIZED (
  SELECT id, status, reason, reason_ref, job, is_tick, started, begin, max(begin, ended) AS ended FROM placed
  WHERE begin < :end_ms AND ended >= :begin_ms AND (:holds IS NULL OR instr(lower(job), :holds))
    AND (:tag IS NULL OR job IN (SELECT jobs.id FROM jobs, json_each(jobs.spec, '$.tags') AS tag
                                 WHERE tag.value = :tag))
),
tallied AS MATERIALIZED (
  SELECT job, count(*) AS runs, sum({_IS_BAD}) AS bad, sum({ACTIVE}) AS active,
    coalesce(sum(min(ended, :end_ms) - max(started, :begin_ms)), 0) AS busy
  FROM seen GROUP BY job
),
shown AS MATERIALIZED (
  SELECT * FROM tallied ORDER BY bad > 0 DESC, active > 0 DESC, busy DESC, runs DESC, job
  LIMIT :limit OFFSET :skip
)
"""

_TYPE: Final = "coalesce((SELECT type FROM jobs WHERE jobs.id = job), '')"
_HAS_SLOT: Final = f"started IS NOT NULL AND {_TYPE} <> '{JobType.SESSION}'"

_QUERY: Final = f"""{_SEEN}
SELECT 0, job, runs, bad, active, busy, NULL, NULL, NULL, NULL FROM shown
UNION ALL
SELECT 1, NULL, count(*), sum(runs), NULL, NULL, NULL, NULL, NULL, NULL FROM tallied
UNION ALL
SELECT 2, job, max((CASE status {_RANK} END) << {_ID_BITS} | id), count(*), is_tick, min(begin),
  iif(count(*) = 1, max(started), NULL), max(ended), iif(min(reason) = max(reason), min(reason), NULL),
  iif(min(reason_ref) = max(reason_ref), min(reason_ref), NULL)
FROM seen WHERE job IN (SELECT job FROM shown)
GROUP BY job, is_tick, iif(ended - begin < :cell, begin / :cell, -id)
UNION ALL
SELECT 3, NULL, cell, max(level), sum(step), NULL, NULL, NULL, NULL, NULL FROM (
  SELECT max(0, at - :begin_ms) / :cell AS cell, step, sum(step) OVER (ORDER BY at, step) AS level FROM (
    SELECT max(started, :begin_ms) AS at, 1 AS step FROM seen WHERE {_HAS_SLOT}
    UNION ALL
    SELECT ended, -1 FROM seen WHERE {_HAS_SLOT} AND ended < :end_ms AND status <> 'running'
  )
) GROUP BY cell
"""


def timeline(conn: apsw.Connection, window: Window, chosen: Chosen, now: datetime) -> Timeline:
    """What is to be shown of a window."""
    found: tuple[list[Any], ...] = ([], [], [], [])
    for kind, *values in conn.execute(_QUERY, _bindings(window, chosen, now)):
        found[kind].append(values)
    jobs, [totals], pieces, levels = found
    return Timeline(
        jobs=[JobRuns(*values[:5]) for values in jobs],
        every=totals[1],
        runs=totals[2] or 0,
        pieces=sorted(map(_piece, pieces), key=lambda piece: (piece.job_id, piece.begin, piece.run_id)),
        levels=_levels(levels),
        is_cut=_is_cut(conn, window),
    )


def _is_cut(conn: apsw.Connection, window: Window) -> bool:
    sql = "SELECT 1 FROM runs WHERE finished_at >= ? AND finished_at < ? LIMIT 1 OFFSET ?"
    return conn.execute(sql, (_text(window.begin), _text(window.end), MOST_RUNS)).fetchone() is not None


def _bindings(window: Window, chosen: Chosen, now: datetime) -> dict[str, Any]:
    return {
        "begin": _text(window.begin),
        "end": _text(window.end),
        "begin_ms": window.begin,
        "end_ms": window.end,
        "cell": window.cell,
        "now_ms": round(now.timestamp() * 1000),
        "holds": None if chosen.holds is None else chosen.holds.lower(),
        "tag": chosen.tag,
        "skip": chosen.skip,
        "limit": chosen.limit,
    }


def _text(ms: int) -> str:
    return to_text(from_timestamp(ms / 1000))


def _piece(values: Sequence[Any]) -> Piece:
    job, worst, runs, is_tick, begin, started, end, *why = values
    rank, run_id = worst >> _ID_BITS, worst & ((1 << _ID_BITS) - 1)
    return Piece(job, run_id, WORST_LAST[rank], runs, bool(is_tick), begin, started, end, *why)


def _levels(rows: Sequence[Sequence[Any]]) -> Sequence[Level]:
    """``rows``: of each cell, the worst level at its changes, and what they come to."""
    found = []
    level = 0
    for _, cell, most, change, *_rest in sorted(rows, key=lambda row: row[1]):
        found.append(Level(cell, max(level, most), level + change))
        level += change
    return found
