"""The routes of jobs: what is declared of them, and their pauses. None writes what manifests declare."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api import parameters
from jeeves_runner.api.problems import problem
from jeeves_runner.api.read_pool import READ_POOL
from jeeves_runner.api.responses import encode, encoded_response, json_response
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.core.instants import later_instant
from jeeves_runner.db import overrides
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, InvalidValue
from jeeves_runner.views.job_lookup import live_job
from jeeves_runner.views.jobs import each_job, job_view
from jeeves_runner.views.occurrences import NextRun

ACTOR: Final = "api"


async def jobs(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    after, limit = parameters.cursor(request), parameters.limit_if_any(request)
    document = await request.app[READ_POOL].read(
        lambda conn: _job_list(conn, services.clock.now(), services.next_run, after=after, limit=limit)
    )
    return encoded_response(document)


async def job(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return json_response(
        job_view(services.conn, services.clock.now(), request.match_info["job"], services.next_run)
    )


async def pause_job(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    job_id = live_job(services.conn, request.match_info["job"]).id
    body = await parameters.body(request, {"until", "for", "reason"})
    until = _until(services, body)
    reason = parameters.text_in(body, "reason")
    await _write(services, lambda tx: overrides.pause(tx, job_id, until=until, reason=reason, by=ACTOR))
    return json_response(job_view(services.conn, services.clock.now(), job_id, services.next_run))


async def resume_job(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    job_id = live_job(services.conn, request.match_info["job"]).id
    await parameters.body(request, ())
    await _write(services, lambda tx: overrides.resume(tx, job_id, by=ACTOR))
    return json_response(job_view(services.conn, services.clock.now(), job_id, services.next_run))


async def disable_job(request: web.Request) -> web.Response:
    """A pause without an end. What a manifest declares stays as it is."""
    services = request.app[SERVICES]
    job_id = live_job(services.conn, request.match_info["job"]).id
    await parameters.body(request, ())
    await _write(services, lambda tx: overrides.pause(tx, job_id, until=None, reason=ACTOR, by=ACTOR))
    return json_response({"ok": True})


async def enable_job(request: web.Request) -> web.Response:
    """The end of the job's pause, whatever has made it."""
    services = request.app[SERVICES]
    job = live_job(services.conn, request.match_info["job"])
    await parameters.body(request, ())
    if not job.enabled:
        raise Conflict(
            f"job {job.id} is declared with enabled: false in {job.file}:{job.line}",
            hint="change it there; a saved manifest is applied at once",
        )
    await _write(services, lambda tx: overrides.resume(tx, job.id, by=ACTOR))
    return json_response({"ok": True})


async def jobs_are_declared(request: web.Request) -> web.Response:
    """The answer to every attempt to write the list of jobs."""
    folder = request.app[SERVICES].config.jobs_dir
    return _not_here(f"jobs are declared in manifests: add or edit a file in {folder}")


async def job_is_declared(request: web.Request) -> web.Response:
    """The answer to every attempt to write a job."""
    services = request.app[SERVICES]
    row = live_job(services.conn, request.match_info["job"])
    return _not_here(f"job {row.id} is declared in {row.file}:{row.line}; edit it there")


async def part_of_job_is_declared(request: web.Request) -> web.Response:
    """The answer to every attempt to write what stands below a job, by a method that nothing there takes."""
    allowed = await _methods_here(request)
    if request.method not in ("GET", "HEAD"):
        response = await job_is_declared(request)
        response.headers["Allow"] = ", ".join(allowed)
        return response
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def _job_list(
    conn: apsw.Connection, now: datetime, next_run: NextRun, *, after: str | None, limit: int | None
) -> bytes:
    """``{jobs}`` as JSON: those ``after`` an id, up to ``limit``; ``next_cursor`` if there are more.

    Job by job: to encode, or only to free, thousands at once would keep the event loop waiting for
    the interpreter.
    """
    parts: list[bytes] = []
    ids: list[str] = []
    wanted = None if limit is None else limit + 1
    for job in each_job(conn, now, next_run, after=after, limit=wanted):
        parts.append(encode(job))
        ids.append(job["id"])
    if limit is None or len(parts) <= limit:
        return _jobs_document(parts, None)
    return _jobs_document(parts[:limit], ids[limit - 1])


def _jobs_document(jobs: list[bytes], next_cursor: str | None) -> bytes:
    more = b"" if next_cursor is None else b',"next_cursor":' + encode(next_cursor)
    return b'{"jobs":[' + b",".join(jobs) + b"]" + more + b"}"


async def _write(services: ApiServices, act: Callable[[Tx], object]) -> None:
    """Commit what a pause or its end needs, and let the runner take it up as if a command had written it."""
    await services.writer.write(act)
    await services.nudge()


def _until(services: ApiServices, body: dict[str, object]) -> datetime | None:
    until, length = parameters.text_in(body, "until"), parameters.length_in(body, "for")
    if until is not None and length is not None:
        raise InvalidValue("a pause has either until or for")
    now = services.clock.now()
    if until is not None:
        return later_instant(until, now, services.config.timezone, "until")
    return None if length is None else now + length


async def _methods_here(request: web.Request) -> list[str]:
    """The methods that routes of this very path take."""
    methods: set[str] = set()
    for resource in request.app.router.resources():
        methods |= (await resource.resolve(request))[1]
    return sorted(methods - {"*"})


def _not_here(detail: str) -> web.Response:
    return problem(
        405,
        "declared",
        detail,
        hint="a saved manifest is applied at once; POST …/run, …/pause and …/resume act on a job",
        headers={"Allow": "GET, HEAD"},
    )
