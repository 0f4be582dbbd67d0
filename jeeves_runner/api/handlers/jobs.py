"""The handlers of jobs: what is declared of them, and what people set. None writes what manifests declare."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from aiohttp import web

from jeeves_runner.api.handlers.acting import end_of, write
from jeeves_runner.api.requests.jobs import JobPath, JobsQuery, SkipBody, UnskipBody, WhyQuery
from jeeves_runner.api.requests.overrides import OverrideBody
from jeeves_runner.api.responses import json_response, not_modified, shared_response, tagged
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.services import ApiServices
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.db import overrides, skipping
from jeeves_runner.errors import Conflict, InvalidValue
from jeeves_runner.reconcile.setup import source_of
from jeeves_runner.views.job_lookup import live_job
from jeeves_runner.views.jobs import job_view
from jeeves_runner.views.runner import OkDocument
from jeeves_runner.views.why import why_view

_DONE: Final[OkDocument] = {"ok": True}
_ALL_JOBS: Final = JobsQuery()


async def jobs(call: Call[Nothing, JobsQuery, Nothing]) -> web.Response:
    query, texts = call.query, await call.kept_jobs.texts(call.came)
    if call.has_seen(texts.tag):
        return not_modified(texts.tag)
    if texts.whole is not None and query == _ALL_JOBS:
        return tagged(shared_response(texts.whole), texts.tag)
    document = partial(texts.document, query.cursor, query.limit)
    return tagged(await call.answer_parts(lambda _conn, _now: document()), texts.tag)


async def job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    return await _shown(call, call.path.job)


async def job_why(call: Call[JobPath, WhyQuery, Nothing]) -> web.Response:
    query = call.query
    if query.at is not None and query.run is not None:
        raise InvalidValue("at and run are two questions; ask one of them")
    catching_up = call.services.catching_up()
    return await call.answer(
        lambda conn, now: why_view(
            conn, now, call.path.job, at=query.at, run_id=query.run, served=True, catching_up=catching_up
        )
    )


async def pause_job(call: Call[JobPath, Nothing, OverrideBody]) -> web.Response:
    return await _begun(call, overrides.pause)


async def resume_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    return await _ended(call, overrides.resume)


async def mute_job(call: Call[JobPath, Nothing, OverrideBody]) -> web.Response:
    return await _begun(call, overrides.mute, needs_end=True)


async def unmute_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    return await _ended(call, overrides.unmute)


async def skip_job(call: Call[JobPath, Nothing, SkipBody]) -> web.Response:
    job_id, body = call.path.job, call.body
    await write(
        call.services,
        lambda tx: skipping.skip(tx, job_id, body.time, reason=body.reason, by=call.asking.acting),
    )
    return await _shown(call, job_id)


async def unskip_job(call: Call[JobPath, Nothing, UnskipBody]) -> web.Response:
    job_id, body = call.path.job, call.body
    await write(call.services, lambda tx: skipping.unskip(tx, job_id, body.time, by=call.asking.acting))
    return await _shown(call, job_id)


async def disable_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    """A pause without an end. What a manifest declares stays as it is."""
    services = call.services
    job_id = live_job(services.conn, call.path.job).id
    await write(
        services,
        lambda tx: overrides.pause(tx, job_id, until=None, reason=AppliedBy.API, by=call.asking.acting),
    )
    return json_response(_DONE)


async def enable_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    """The end of the job's pause, whatever has made it."""
    services = call.services
    job = live_job(services.conn, call.path.job)
    if not job.enabled:
        raise Conflict(
            f"job {job.id} is declared with enabled: false in {job.file}:{job.line}",
            hint="change it there; a saved manifest is applied at once",
        )
    await write(services, lambda tx: overrides.resume(tx, job.id, by=call.asking.acting))
    return json_response(_DONE)


def where_jobs_are(services: ApiServices, _path: Mapping[str, str]) -> str:
    """For those who would write the list of jobs."""
    return f"jobs are declared in manifests: {add_a_manifest(services)}"


def add_a_manifest(services: ApiServices) -> str:
    """What to do to declare something more."""
    return f"add or edit a file in {source_of(services.config).identity.location}"


def where_job_is(services: ApiServices, path: Mapping[str, str]) -> str:
    """For those who would write a job, or what stands below it."""
    row = live_job(services.conn, path["job"])
    return f"job {row.id} is declared in {row.file}:{row.line}; edit it there"


async def _shown(call: Call[JobPath, Nothing, Any], job_id: str) -> web.Response:
    services = call.services
    now, next_run, catching_up = services.clock.now(), services.next_run, services.catching_up()
    return await call.show(job_view(services.conn, now, job_id, next_run, catching_up))


async def _begun(
    call: Call[JobPath, Nothing, OverrideBody], begin: Callable[..., None], *, needs_end: bool = False
) -> web.Response:
    services, reason = call.services, call.body.reason
    job_id = live_job(services.conn, call.path.job).id
    until = end_of(services, call.body)
    if needs_end:
        until = overrides.required_end(until)
    await write(services, lambda tx: begin(tx, job_id, until=until, reason=reason, by=call.asking.acting))
    return await _shown(call, job_id)


async def _ended(call: Call[JobPath, Nothing, Nothing], end: Callable[..., bool]) -> web.Response:
    services = call.services
    job_id = live_job(services.conn, call.path.job).id
    await write(services, lambda tx: end(tx, job_id, by=call.asking.acting))
    return await _shown(call, job_id)
