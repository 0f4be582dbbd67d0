"""The routes of runs: lists, single runs, their logs, starts by hand and cancels."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Final

import apsw
from aiohttp import web

from jeeves_runner.api import parameters
from jeeves_runner.api.read_pool import document_response
from jeeves_runner.api.responses import json_response
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.core.model import RunStatus
from jeeves_runner.db.runs import ended_already
from jeeves_runner.errors import NoServer
from jeeves_runner.execute.output.log_reader import LogReader, is_in_two_parts
from jeeves_runner.views.job_lookup import check_known
from jeeves_runner.views.runs import PAGE, RunsDocument, last_attempt, run_log, run_view, runs_view, tails

_STATUSES: Final = tuple(status.value for status in RunStatus)
_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


async def runs_of_job(request: web.Request) -> web.Response:
    return await _runs(request, request.match_info["job"], None)


async def runs(request: web.Request) -> web.Response:
    return await _runs(request, request.query.get("job"), parameters.choice(request, "status", _STATUSES))


async def run(request: web.Request) -> web.Response:
    """A run as it is, or with ``?wait=`` as it is once it has ended or that time has passed."""
    services = request.app[SERVICES]
    run_id, wait_ms = parameters.run_id(request), parameters.look_wait_ms(request)
    document = run_view(services.conn, run_id)
    if wait_ms and document["run"]["finished_at"] is None:
        await _wait_for(services, services.runs.wait(run_id), wait_ms)
        document = run_view(services.conn, run_id)
    return json_response(document)


async def logs(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    found, path = run_log(services.conn, parameters.run_id(request))
    if path is not None and not is_in_two_parts(path):
        return web.FileResponse(path, headers=_TEXT)
    if path is not None:
        response = web.StreamResponse(headers=_TEXT)
        await response.prepare(request)
        for chunk in LogReader(path).read():
            await response.write(chunk)
        return response
    return web.Response(body=tails(found).encode("utf-8", "replace"), headers=_TEXT)


async def run_job(request: web.Request) -> web.Response:
    """Start a run by hand and answer its end, or sooner if the client does not want to wait so long.

    With retries its end is that of the last attempt.
    """
    services = request.app[SERVICES]
    job_id = request.match_info["job"]
    wait_ms = parameters.wait_ms(request)
    body = await parameters.body(request, {"params", "force"})
    params, force = parameters.params_in(body), parameters.flag_in(body, "force")
    if services.stopping.is_set():
        raise NoServer("the server is stopping: nothing new starts", hint="ask again once it is back")
    run_id = (await services.runs.request(job_id, params, force)).id
    if wait_ms != 0:
        await _wait_for(services, _end_of_chain(services, run_id), wait_ms)
    document = run_view(services.conn, last_attempt(services.conn, run_id))["run"]
    if document["finished_at"] is not None:
        return json_response({"result": document})
    return json_response({"run": document}, status=202)


async def cancel_run(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    run_id = parameters.run_id(request)
    before = run_view(services.conn, run_id)["run"]
    if before["finished_at"] is not None:
        raise ended_already(run_id, before["status"])
    await services.runs.cancel(run_id)
    return json_response(run_view(services.conn, run_id), status=202)


async def _runs(request: web.Request, job_id: str | None, status: str | None) -> web.Response:
    before, limit = parameters.before(request), parameters.limit(request, PAGE)

    def read(conn: apsw.Connection, _now: datetime) -> RunsDocument:
        document = runs_view(conn, job_id=job_id, status=status, before=before, limit=limit)
        if job_id is not None and not document["runs"]:
            check_known(conn, job_id)
        return document

    return await document_response(request, read)


async def _wait_for(services: ApiServices, ending: Coroutine[Any, Any, object], wait_ms: int | None) -> None:
    """Wait for the end of a run or chain, ``wait_ms`` at most, or until the server stops."""
    end = asyncio.create_task(ending)
    stop = asyncio.create_task(services.stopping.wait())
    try:
        timeout = None if wait_ms is None else wait_ms / 1000
        await asyncio.wait({end, stop}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            end.result()
    finally:
        end.cancel()
        stop.cancel()


async def _end_of_chain(services: ApiServices, first: int) -> None:
    attempt, newest = None, first
    while newest != attempt:
        attempt = newest
        await services.runs.wait(attempt)
        newest = last_attempt(services.conn, first)  # a retry is recorded together with the end before it
