"""The routes that act on runs and pauses. None writes what manifests declare."""

import asyncio
from datetime import datetime

from aiohttp import web

from jeeves_runner import views
from jeeves_runner.api import asked
from jeeves_runner.api.answers import answer
from jeeves_runner.api.problems import problem
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.core.instants import later_instant
from jeeves_runner.core.model import Run
from jeeves_runner.db import overrides
from jeeves_runner.errors import Conflict, InvalidValue, NotFound

ACTOR = "api"


async def run_job(request: web.Request) -> web.Response:
    """Start a run by hand and answer its end, or sooner if the client does not want to wait so long."""
    of = request.app[SERVICES]
    job_id = request.match_info["job"]
    wait_ms = asked.wait_ms(request)
    body = await asked.body(request, {"params", "force"})
    try:
        run = await of.runs.trigger(job_id, asked.params_in(body), asked.flag_in(body, "force"))
    except NotFound:
        raise views.unknown_job(of.conn, job_id) from None
    if not run.status.is_final and wait_ms != 0:
        run = await _ended(of, run, wait_ms)
    document = views.run_view(of.conn, run.id)["run"]
    if run.status.is_final:
        return answer({"result": document})
    return answer({"run": document}, status=202)


async def _ended(of: ApiServices, run: Run, wait_ms: int | None) -> Run:
    """The run at its end, or as it was given once ``wait_ms`` has passed. Its end needs no listener."""
    if wait_ms is None:
        return await of.runs.wait(run.id)
    waiting = asyncio.ensure_future(of.runs.wait(run.id))
    done, _ = await asyncio.wait({waiting}, timeout=wait_ms / 1000)
    if done:
        return waiting.result()
    waiting.cancel()
    return run


async def cancel_run(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    run_id = asked.run_id(request)
    before = views.run_view(of.conn, run_id)["run"]
    if before["finished_at"] is not None:
        raise Conflict(f"run {run_id} has already ended: {before['status']}")
    await of.runs.cancel(run_id, "cancel")
    return answer(views.run_view(of.conn, run_id), status=202)


async def pause_job(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    job_id = views.live_job(of.conn, request.match_info["job"]).id
    body = await asked.body(request, {"until", "for", "reason"})
    until = _until(of, body)
    reason = asked.text_in(body, "reason")
    await of.writer.write(lambda tx: overrides.pause(tx, job_id, until=until, reason=reason, by=ACTOR))
    return answer(views.job_view(of.conn, of.clock.now(), job_id, of.next_run))


async def resume_job(request: web.Request) -> web.Response:
    of = request.app[SERVICES]
    job_id = views.live_job(of.conn, request.match_info["job"]).id
    await asked.body(request, ())
    await of.writer.write(lambda tx: overrides.resume(tx, job_id, by=ACTOR))
    return answer(views.job_view(of.conn, of.clock.now(), job_id, of.next_run))


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
    row = views.live_job(of.conn, request.match_info["job"])
    return _not_here(f"job {row.id} is declared in {row.file}:{row.line}; edit it there")


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
