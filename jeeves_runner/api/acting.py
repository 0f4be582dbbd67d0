"""The routes that act on runs and pauses. None writes what manifests declare."""

import asyncio
from datetime import datetime

from aiohttp import web

from jeeves_runner.api import asked
from jeeves_runner.api.answers import answer
from jeeves_runner.api.problems import problem
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.core.instants import later_instant
from jeeves_runner.db import overrides
from jeeves_runner.errors import Conflict, InvalidValue, NoServer, NotFound
from jeeves_runner.views.jobs import job_view, live_job, unknown_job
from jeeves_runner.views.runs import last_attempt, run_view

ACTOR = "api"


async def run_job(request: web.Request) -> web.Response:
    """Start a run by hand and answer its end, or sooner if the client does not want to wait so long.

    With retries its end is that of the last attempt.
    """
    of = request.app[SERVICES]
    job_id = request.match_info["job"]
    wait_ms = asked.wait_ms(request)
    body = await asked.body(request, {"params", "force"})
    params, force = asked.params_in(body), asked.flag_in(body, "force")
    if of.stopping.is_set():
        raise NoServer("the server is stopping: nothing new starts", hint="ask again once it is back")
    try:
        run_id = (await of.runs.request(job_id, params, force)).id
    except NotFound:
        raise unknown_job(of.conn, job_id) from None
    if wait_ms != 0:
        await _wait_for_chain(of, run_id, wait_ms)
    document = run_view(of.conn, last_attempt(of.conn, run_id))["run"]
    if document["finished_at"] is not None:
        return answer({"result": document})
    return answer({"run": document}, status=202)


async def _wait_for_chain(of: ApiServices, run_id: int, wait_ms: int | None) -> None:
    """Wait until the last attempt of a chain has ended, ``wait_ms`` at most, or until the server stops."""
    end = asyncio.create_task(_end_of_chain(of, run_id))
    stop = asyncio.create_task(of.stopping.wait())
    try:
        timeout = None if wait_ms is None else wait_ms / 1000
        await asyncio.wait({end, stop}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            end.result()
    finally:
        end.cancel()
        stop.cancel()


async def _end_of_chain(of: ApiServices, first: int) -> None:
    attempt, newest = None, first
    while newest != attempt:
        attempt = newest
        await of.runs.wait(attempt)
        newest = last_attempt(of.conn, first)  # a retry is recorded together with the end before it


async def cancel_run(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    run_id = asked.run_id(request)
    before = run_view(of.conn, run_id)["run"]
    if before["finished_at"] is not None:
        raise Conflict(f"run {run_id} has already ended: {before['status']}")
    await of.runs.cancel(run_id)
    return answer(run_view(of.conn, run_id), status=202)


async def pause_job(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    job_id = live_job(of.conn, request.match_info["job"]).id
    body = await asked.body(request, {"until", "for", "reason"})
    until = _until(of, body)
    reason = asked.text_in(body, "reason")
    await of.writer.write(lambda tx: overrides.pause(tx, job_id, until=until, reason=reason, by=ACTOR))
    return answer(job_view(of.conn, of.clock.now(), job_id, of.next_run))


async def resume_job(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    job_id = live_job(of.conn, request.match_info["job"]).id
    await asked.body(request, ())
    await of.writer.write(lambda tx: overrides.resume(tx, job_id, by=ACTOR))
    return answer(job_view(of.conn, of.clock.now(), job_id, of.next_run))


async def disable_job(request: web.Request) -> web.Response:
    """A pause without an end. What a manifest declares stays as it is."""
    of = request.app[SERVICES]
    job_id = live_job(of.conn, request.match_info["job"]).id
    await asked.body(request, ())
    await of.writer.write(lambda tx: overrides.pause(tx, job_id, until=None, reason=ACTOR, by=ACTOR))
    return answer({"ok": True})


async def enable_job(request: web.Request) -> web.Response:
    """The end of a pause, whoever has paused the job."""
    of = request.app[SERVICES]
    job = live_job(of.conn, request.match_info["job"])
    await asked.body(request, ())
    if not job.enabled:
        raise Conflict(
            f"job {job.id} is declared with enabled: false in {job.file}:{job.line}",
            hint="change it there; a saved manifest is applied at once",
        )
    await of.writer.write(lambda tx: overrides.resume(tx, job.id, by=ACTOR))
    return answer({"ok": True})


async def reconcile(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    of.sync.apply_now()
    return answer(of.sync.state.as_json(), status=202)


async def jobs_are_declared(request: web.Request) -> web.Response:
    """The answer to every attempt to write the list of jobs."""
    folder = request.app[SERVICES].config.jobs_dir
    return _not_here(f"jobs are declared in manifests: add or edit a file in {folder}")


async def job_is_declared(request: web.Request) -> web.Response:
    """The answer to every attempt to write a job."""
    of = request.app[SERVICES]
    row = live_job(of.conn, request.match_info["job"])
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


def _until(of: ApiServices, body: dict[str, object]) -> datetime | None:
    until, length = asked.text_in(body, "until"), asked.length_in(body, "for")
    if until is not None and length is not None:
        raise InvalidValue("a pause has either until or for")
    now = of.clock.now()
    if until is not None:
        return later_instant(until, now, of.config.timezone, "until")
    return None if length is None else now + length
