"""One job: what it is and where that is declared, how it is, why, what comes and what was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Text
from jeeves_runner.api.requests.jobs import JobPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.services import ApiServices
from jeeves_runner.dashboard.durations import Durations, durations
from jeeves_runner.dashboard.pages.job_gone import gone_job
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.db.incident_list import IncidentRow, open_of_job
from jeeves_runner.db.jobs import job_row
from jeeves_runner.db.run_history import last_runs
from jeeves_runner.db.run_list import RunRow, run_rows
from jeeves_runner.errors import InvalidValue
from jeeves_runner.reconcile.explaining_applied import AppliedValues, explain_applied, explain_without_files
from jeeves_runner.views.coming import ComingRun, coming_runs
from jeeves_runner.views.explanation import ExplainedKeyDocument, keys_view
from jeeves_runner.views.jobs import WholeJobDocument, job_view
from jeeves_runner.views.neighbours import Neighbours, neighbours
from jeeves_runner.views.occurrences import Moments, NextRun
from jeeves_runner.views.why import WhyDocument, why_view

_COMING: Final = 5
_RUNS: Final = 15
_CHARTED: Final = 200
"""Runs that are looked at for the chart: some of them never started."""


class JobPageQuery(NamedTuple):
    """What is asked of a job."""

    at: Annotated[str, Text()] = ""
    """The time about which it is asked why it ran or did not; empty: what happened last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobPage:
    """What is shown."""

    job: WholeJobDocument
    """The job."""
    wrong: Sequence[IncidentRow]
    """What is wrong with it, newest first."""
    asked: str
    """About which time it was asked why."""
    why: WhyDocument | None
    """Why it ran, waits or did not; None if no answer could be given."""
    mistake: InvalidValue | None
    """What is wrong with the time."""
    coming: Sequence[ComingRun]
    """Its next occurrences."""
    runs: Sequence[tuple[RunRow, str]]
    """Its newest runs, each with what is to be said of it."""
    chart: Durations
    """How long its last runs took."""
    beside: Neighbours
    """What lies beside it in the graph."""
    written: Sequence[ExplainedKeyDocument]
    """The values that a file says, or that were applied."""
    built_in: Sequence[ExplainedKeyDocument]
    """Those that no file says."""
    is_said: bool
    """Whether the files of now say what was applied."""


async def job(call: Call[JobPath, JobPageQuery, Nothing]) -> web.Response:
    job_id, services = call.path.job, call.services
    row = job_row(services.conn, job_id)
    if row is None or row.deleted_at is not None:
        return await gone_job(call, job_id, row)
    sheet = Sheet(
        template="job.html", title=job_id, here="/jobs", live=("run", "sync", "alert", "other"), job=job_id
    )

    async def known() -> Read:
        try:
            applied = await call.look(partial(explain_applied, services.config, row))
        except TimeoutError:  # the disk of the manifests hangs
            applied = explain_without_files(services.config, row)
        return partial(_read, job_id, call.query.at, applied, _Timetable.of(services))

    return await show_once_known(call, sheet, known)


class _Timetable(NamedTuple):
    """What the server says of what comes."""

    next_run: NextRun
    """The next occurrence of a job."""
    catching_up: Moments
    """When late jobs catch up."""

    @classmethod
    def of(cls, services: ApiServices) -> "_Timetable":
        return cls(services.next_run, services.catching_up())


def _read(
    job_id: str, at: str, applied: AppliedValues, times: _Timetable, conn: apsw.Connection, now: datetime
) -> JobPage:
    found = job_view(conn, now, job_id, times.next_run, times.catching_up)["job"]
    why, mistake = _why(conn, now, job_id, at.strip(), times.catching_up)
    keys = keys_view(applied.keys, applied.places)
    return JobPage(
        job=found,
        wrong=open_of_job(conn, now, job_id),
        asked=at.strip(),
        why=why,
        mistake=mistake,
        coming=coming_runs(conn, now, job_id, _COMING),
        runs=[(run, note_of(run)) for run in run_rows(conn, job_id=job_id, limit=_RUNS).rows],
        chart=durations(last_runs(conn, job_id, _CHARTED)),
        beside=neighbours(conn, job_id),
        written=[key for key in keys if not _is_built_in(key)],
        built_in=[key for key in keys if _is_built_in(key)],
        is_said=applied.is_said,
    )


def _is_built_in(key: ExplainedKeyDocument) -> bool:
    """Whether there is little to say of it: no file says anything, or it is not set."""
    is_unset = key["origin"] == "live" and key["value"] in (None, [], {}, "")
    return (key["origin"] == "built_in" and not key["overrides"]) or is_unset


def _why(
    conn: apsw.Connection, now: datetime, job_id: str, at: str, catching_up: Moments
) -> tuple[WhyDocument | None, InvalidValue | None]:
    try:
        return why_view(conn, now, job_id, at=at or None, served=True, catching_up=catching_up), None
    except InvalidValue as error:
        return None, error
