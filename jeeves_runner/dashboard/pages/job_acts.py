"""What can be done with a job: a form for each, which says what it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Whole
from jeeves_runner.api.requests.jobs import JobPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.model import JobSpec, OverlapPolicy
from jeeves_runner.core.params import HIDDEN
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.dashboard.of_all import OfAll, of_all
from jeeves_runner.dashboard.param_fields import ParamField, param_fields
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.jobs import damaged_job
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.views.job_lookup import live_job
from jeeves_runner.views.jobs import WholeJobDocument, job_view
from jeeves_runner.views.occurrences import Moments, OccurrenceDocument, next_view
from jeeves_runner.views.runs import run_view

_COMING: Final = 5
"""Occurrences among which one is chosen that is not to run."""

_RULES: Final[Mapping[OverlapPolicy, str]] = MappingProxyType(
    {
        OverlapPolicy.SKIP: "a run that comes beside another one is skipped, unless it is forced",
        OverlapPolicy.ALLOW: "runs start beside one another",
        OverlapPolicy.QUEUE: "one run waits for the other, further ones are skipped, unless they are forced",
        OverlapPolicy.REPLACE: "a new run that is not forced takes the place of the other: that is cancelled",
    }
)

_ACTIVE: Final = frozenset({"running", "scheduled"})


class JobActsQuery(NamedTuple):
    """How the forms are filled in."""

    like: Annotated[int | None, Whole()] = None
    """A run of the job, whose parameters are taken; of secret ones nothing is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobActs:
    """What is shown."""

    job: WholeJobDocument
    """The job."""
    overlap: str
    """The policy that says what becomes of a run while another one is active."""
    rule: str
    """The same in words. What becomes of this one is decided when it comes."""
    params: Sequence[ParamField]
    """What a run can be given."""
    like: int | None
    """The run whose parameters stand in the form."""
    active: Sequence[RunRow]
    """Its newest runs that run or wait."""
    coming: Sequence[OccurrenceDocument]
    """When it occurs next."""
    of_all: OfAll
    """What holds for all jobs, besides what was set for this one."""
    zone: str
    """The time zone in which times without an offset are read, but those of the job's occurrences."""


async def job_acts(call: Call[JobPath, JobActsQuery, Nothing]) -> web.Response:
    job_id, like, services = call.path.job, call.query.like, call.services
    sheet = Sheet(template="job_acts.html", title=f"Act on {job_id}", here="/jobs")
    zone, catching_up = services.config.timezone, services.catching_up()
    return await show(call, sheet, lambda conn, now: _read(conn, now, job_id, like, zone, catching_up))


def _read(
    conn: apsw.Connection, now: datetime, job_id: str, like: int | None, zone: str, catching_up: Moments
) -> JobActs:
    document = job_view(conn, now, job_id, None, catching_up)["job"]
    spec = _spec(live_job(conn, job_id).spec_text, job_id)
    active = [run for run in document["last_runs"] if run["status"] in _ACTIVE]
    return JobActs(
        job=document,
        overlap=spec.overlap_policy,
        rule=_rule(spec.overlap_policy, active),
        params=param_fields(spec.params, _given(conn, job_id, like)),
        like=like,
        active=active,
        coming=next_view(conn, now, job_id=job_id, count=_COMING)["occurrences"],
        of_all=of_all(conn, now),
        zone=zone,
    )


def _rule(policy: OverlapPolicy, active: Sequence[RunRow]) -> str:
    is_behind = policy is not OverlapPolicy.ALLOW and any(run["backfill_id"] is not None for run in active)
    return f"{_RULES[policy]}; runs of a backfill are waited for" if is_behind else _RULES[policy]


def _spec(text: str, job_id: str) -> JobSpec:
    try:
        return job_from_text(text)
    except SpecError:
        raise damaged_job(job_id) from None


def _given(conn: apsw.Connection, job_id: str, run_id: int | None) -> Mapping[str, str]:
    """What a run was given, as far as it may be seen. NotFound."""
    if run_id is None:
        return {}
    run = run_view(conn, run_id)["run"]
    if run["job_id"] != job_id or not isinstance(run["params"], dict):
        return {}
    return {name: text for name, text in run["params"].items() if isinstance(text, str) and text != HIDDEN}
